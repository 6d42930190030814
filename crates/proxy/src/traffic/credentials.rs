//! A provider's several keys: the next one is asked at once when one is refused or limited.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicI64, AtomicU16, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use tidegate_core::{FaultKind, Secret};
use tidegate_policy::health::{Credentials, Health, NoCredential};

use crate::ask::{Failure, Good, ask_once};
use crate::clock::micros;
use crate::error::{GatewayError, Shed};
use crate::exchange::Exchange;
use crate::snapshot::{Line, Target};
use crate::upstream::{Outbound, Way};

/// After so long a refused key is tried again, in microseconds: a bill may have been paid. It costs one request that the next key answers.
const REFUSED_FOR: i64 = 600_000_000;

/// Which of a provider's keys are good. Holds no key: the place in it is the place in [`Line::auth`].
#[derive(Debug)]
pub struct KeyRing {
    keys: Credentials,
    refused: Vec<Arc<Refused>>,
}

/// When a key was refused, and how.
#[derive(Debug, Default)]
struct Refused {
    /// In Unix microseconds; 0: it was not.
    at: AtomicI64,
    status: AtomicU16,
}

type Known = (Arc<Health>, Arc<Refused>);

/// What is known of all keys, by provider and a hash of the key. It outlives reloads, so that a key that is in no new config is forgotten
/// and one that stays is not asked again for nothing.
#[derive(Debug, Default)]
pub struct KeyTable(Mutex<HashMap<(Arc<str>, u64), Known>>);

impl KeyTable {
    /// The ring of a provider's keys; `None` where there is no choice.
    pub fn ring(&self, provider: &Arc<str>, keys: &[Secret]) -> Option<Arc<KeyRing>> {
        if keys.len() < 2 {
            return None;
        }
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = keys.iter().map(|key| table.entry((provider.clone(), hash(key))).or_default().clone());
        let (health, refused): (Vec<_>, Vec<_>) = known.unzip();
        Some(Arc::new(KeyRing { keys: Credentials::of(health), refused }))
    }

    /// Forgets keys that no ring has any more.
    pub fn tidy(&self) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.retain(|_, (_, refused)| Arc::strong_count(refused) > 1);
    }
}

fn hash(key: &Secret) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.expose().hash(&mut hasher);
    hasher.finish()
}

impl KeyRing {
    /// The place of the key to ask with.
    pub fn next(&self, now: i64) -> Result<usize, Failure> {
        self.bring_back(now);
        self.keys.next(now).map_err(|none| self.none_is_good(none, now))
    }

    /// A good answer came with this key.
    pub fn worked(&self, place: usize) {
        self.keys.worked(place);
    }

    /// Lets keys be tried again that were refused long ago.
    fn bring_back(&self, now: i64) {
        for (place, refused) in self.refused.iter().enumerate() {
            let at = refused.at.load(Relaxed);
            let is_due = at != 0 && now.saturating_sub(at) > REFUSED_FOR;
            if is_due && refused.at.compare_exchange(at, 0, Relaxed, Relaxed).is_ok() {
                self.keys.back(place, now);
            }
        }
    }

    fn refuse(&self, place: usize, status: u16, now: i64) -> bool {
        if let Some(refused) = self.refused.get(place) {
            refused.status.store(status, Relaxed);
            refused.at.store(now.max(1), Relaxed);
        }
        self.keys.out(place).is_some()
    }

    fn none_is_good(&self, none: NoCredential, now: i64) -> Failure {
        match none.until {
            Some(until) => {
                let wait = Duration::from_micros(u64::try_from(until.saturating_sub(now)).unwrap_or(0));
                Failure { error: GatewayError::Shed(Shed::KeysLimited), asked: Some(wait) }
            }
            None => {
                let latest = self.refused.iter().max_by_key(|refused| refused.at.load(Relaxed));
                let status = latest.map_or(401, |refused| refused.status.load(Relaxed));
                GatewayError::ProviderCredentials { status }.into()
            }
        }
    }
}

/// What an answer says of the key.
enum Said {
    Nothing,
    Refused(u16),
    Limited,
}

fn said(failure: &Failure) -> Said {
    match &failure.error {
        GatewayError::ProviderCredentials { status } => Said::Refused(*status),
        GatewayError::Provider(fault) if fault.kind == FaultKind::RateLimited => Said::Limited,
        _ => Said::Nothing,
    }
}

/// Asks with one key after the other until an answer says nothing of the key; all within one attempt.
pub async fn ask_in_turn(
    ring: &KeyRing,
    target: &Target,
    line: &Line,
    outbound: Outbound,
    callers: &HeaderMap,
    exchange: &Exchange,
) -> Result<Good, Failure> {
    let mut forbidden = Vec::new();
    let mut last = None;
    for _ in 0..line.auth.len() {
        let Some(place) = next_untried(ring, &forbidden, last.as_ref())? else { break };
        let way = Way { line, auth: line.auth.get(place) };
        let failure = match ask_once(target, Some(way), outbound.clone(), callers, exchange).await {
            Ok(good) => {
                ring.worked(place);
                settle_forbidden(ring, &forbidden, target, exchange);
                return Ok(good);
            }
            Err(failure) => failure,
        };
        match said(&failure) {
            Said::Nothing => {
                settle_forbidden(ring, &forbidden, target, exchange);
                return Err(failure);
            }
            // It may be the request that is forbidden: the other keys will tell.
            Said::Refused(403) => forbidden.push(place),
            Said::Refused(status) => {
                if ring.refuse(place, status, micros()) {
                    note(target, place, "refused", exchange);
                }
            }
            Said::Limited => {
                let until = failure.asked.map(|wait| micros().saturating_add(long(wait)));
                ring.keys.limited(place, until, micros());
                note(target, place, "limited", exchange);
            }
        }
        last = Some(failure);
    }
    // A key that is forbidden something is good: its own words are the answer.
    if forbidden.is_empty() {
        ring.next(micros())?;
    }
    Err(last.unwrap_or_else(|| GatewayError::ProviderCredentials { status: 403 }.into()))
}

/// The next key but those that have refused this very request. `None`: there is no other.
fn next_untried(
    ring: &KeyRing,
    forbidden: &[usize],
    last: Option<&Failure>,
) -> Result<Option<usize>, Failure> {
    for _ in 0..=forbidden.len() {
        match ring.next(micros()) {
            Ok(place) if forbidden.contains(&place) => {}
            Ok(place) => return Ok(Some(place)),
            Err(_) if last.is_some() => return Ok(None),
            Err(failure) => return Err(failure),
        }
    }
    Ok(None)
}

/// Another key was not forbidden what these were: so it was about them.
fn settle_forbidden(ring: &KeyRing, forbidden: &[usize], target: &Target, exchange: &Exchange) {
    for &place in forbidden {
        if ring.refuse(place, 403, micros()) {
            note(target, place, "refused", exchange);
        }
    }
}

fn note(target: &Target, place: usize, cause: &'static str, exchange: &Exchange) {
    let provider = &*target.provider.name;
    exchange.meters.count_key_out(provider, cause);
    // The first is number one for whoever counts in the config.
    tracing::debug!(
        provider,
        key = place + 1,
        cause,
        "a key of the provider is set aside; the next one is asked"
    );
}

fn long(wait: Duration) -> i64 {
    i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)
}
