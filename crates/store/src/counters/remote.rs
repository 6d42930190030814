//! The counters in Redis: one call for all claims of a request, and everything else in the background.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidegate_policy::limit::{Decision, Denial, Standing};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::breaker::Breaker;
use super::clock::Clock;
use super::counter::{Counter, micros};
use super::link::{Connector, Link};
use super::outbox::{Holding, Operation, Outbox};
use super::rules::{PlaceError, RedisPlace, RedisRules};
use super::script::{Call, RESERVE};

/// The script's answer when the server has another epoch than the caller knows.
pub(super) const OTHER_EPOCH: i64 = 2;

/// Redis, as one instance sees it.
pub(super) struct Remote {
    /// Rules of use.
    pub rules: RedisRules,
    /// Makes connections.
    pub connector: Connector,
    /// Whether Redis is asked.
    pub breaker: Breaker,
    /// What it has still to be told.
    pub outbox: Mutex<Outbox>,
    /// Wakes the background task.
    pub wake: Arc<Notify>,
    /// This instance's name.
    pub instance: String,
    tag: String,
    link: Mutex<Option<Link>>,
    epoch: Mutex<Arc<str>>,
    instances: AtomicU32,
}

impl Remote {
    /// Reads the address; the background task connects.
    pub(super) fn new(place: &RedisPlace, rules: RedisRules, now: i64) -> Result<Self, PlaceError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let prefix: String = place.prefix.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
        Ok(Self {
            connector: Connector::new(place, rules.time_limit)?,
            breaker: Breaker::new(now),
            outbox: Mutex::default(),
            wake: Arc::default(),
            instance: random_name()?,
            // An empty hash tag would be none.
            tag: format!("tg:{{{}}}:", if prefix.is_empty() { "tidegate" } else { &prefix }),
            link: Mutex::default(),
            epoch: Mutex::new("".into()),
            instances: AtomicU32::new(rules.instances.unwrap_or(1).max(1)),
            rules,
        })
    }

    /// What all keys begin with.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// A key that is not a counter's.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.tag)
    }

    /// The name of a holding: unique among all instances.
    pub(super) fn holding(&self, id: u64) -> Arc<str> {
        format!("{}-{id}", self.instance).into()
    }

    /// How many instances share the limits.
    pub(super) fn instances(&self) -> u32 {
        self.instances.load(Ordering::Relaxed)
    }

    /// So many instances were seen; a number in the rules goes before it.
    pub(super) fn learn_instances(&self, seen: u32) {
        if self.rules.instances.is_none() {
            self.instances.store(seen.max(1), Ordering::Relaxed);
        }
    }

    pub(super) fn epoch(&self) -> Arc<str> {
        Arc::clone(&self.epoch.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_epoch(&self, epoch: &str) {
        *self.epoch.lock().unwrap_or_else(PoisonError::into_inner) = epoch.into();
    }

    pub(super) fn link(&self) -> Option<Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_link(&self, link: Option<Link>) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = link;
    }

    pub(super) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call failed.
    pub(super) fn failed(&self, why: &str, now: i64) {
        if self.breaker.failed(why, now) {
            self.set_link(None);
            self.wake.notify_one();
        }
    }

    /// Redis has lost everything since it was last asked.
    pub(super) fn was_emptied(&self, now: i64) {
        if self.breaker.open("it has lost its counters", now) {
            self.wake.notify_one();
        }
    }

    /// Asks Redis; `None`: it could not be asked, or did not answer within the time limit. What it may have granted all the same is let go.
    pub(super) async fn reserve(
        &self,
        id: u64,
        counters: &[Arc<Counter>],
        lease: Duration,
        clock: &Clock,
    ) -> Option<Decision> {
        if !self.breaker.is_up() {
            return None;
        }
        let mut link = self.link()?;
        let epoch = self.epoch();
        let call = reserve_call(&self.key("epoch"), &epoch, &self.holding(id), counters, lease, None);
        let unsure = Unsure { remote: self, id, counters, clock };
        match timeout(self.rules.time_limit, RESERVE.run::<Vec<i64>>(&mut link, &call)).await {
            Ok(Ok(answer)) => {
                unsure.settle_doubt();
                self.read(&answer, counters.len(), &epoch, clock.now())
            }
            Ok(Err(error)) => {
                self.failed(error.category(), clock.now());
                None
            }
            Err(_) => {
                self.failed("it took too long", clock.now());
                None
            }
        }
    }

    fn read(&self, answer: &[i64], claims: usize, epoch: &str, now: i64) -> Option<Decision> {
        if answer == [OTHER_EPOCH] {
            if *epoch == *self.epoch() {
                self.was_emptied(now);
            }
            return None;
        }
        let decision = read_decision(answer, claims);
        match decision {
            Some(_) => self.breaker.succeeded(),
            None => self.failed("it answers something else", now),
        }
        decision
    }

    /// Lets go of what a request holds, and counts what it used of each counter.
    pub(super) fn let_go(
        &self,
        id: u64,
        counters: &[Arc<Counter>],
        used: impl Fn(&Counter) -> i64,
        at: i64,
    ) -> Vec<Operation> {
        let holding_id = self.holding(id);
        let held = counters.iter().filter(|counter| counter.is_held());
        held.map(|counter| Operation {
            counter: Arc::clone(counter),
            holding: Some(Holding { id: Arc::clone(&holding_id), lease: None }),
            used: used(counter),
            at,
        })
        .collect()
    }
}

/// Redis has been asked and has not answered. Whatever comes of it (it is late, the caller went away), what it may have granted is let go.
struct Unsure<'a> {
    remote: &'a Remote,
    id: u64,
    counters: &'a [Arc<Counter>],
    clock: &'a Clock,
}

impl Unsure<'_> {
    fn settle_doubt(self) {
        std::mem::forget(self);
    }
}

impl Drop for Unsure<'_> {
    fn drop(&mut self) {
        let operations = self.remote.let_go(self.id, self.counters, |_| 0, self.clock.now());
        let mut outbox = self.remote.outbox();
        for operation in operations {
            outbox.push(operation, true, self.remote.instances());
        }
    }
}

/// Keys and arguments of `reserve.lua`. Only tests give the time.
pub(super) fn reserve_call(
    epoch_key: &str,
    epoch: &str,
    holding: &str,
    counters: &[Arc<Counter>],
    lease: Duration,
    now: Option<i64>,
) -> Call {
    let now = now.map_or(String::new(), |now| now.to_string());
    let mut call = Call {
        keys: vec![epoch_key.to_owned()],
        arguments: vec![epoch.to_owned(), now, holding.to_owned(), micros(lease).to_string()],
    };
    for counter in counters {
        call.keys.push(counter.uses.clone());
        if counter.is_held() {
            call.keys.push(counter.holds.clone());
        }
        counter.describe(&mut call.arguments);
        let numbers = [counter.claim.rule.most(), counter.amount(), i64::from(counter.is_held())];
        call.arguments.extend(numbers.map(|number| number.to_string()));
    }
    call
}

/// The answer of `reserve.lua`: denied or not, place, wait, then remaining and reset of each claim.
pub(super) fn read_decision(answer: &[i64], claims: usize) -> Option<Decision> {
    let (&[denied, place, wait], rest) = answer.split_first_chunk::<3>()?;
    if rest.len() != claims * 2 {
        return None;
    }
    let standings = rest.chunks_exact(2).map(|pair| Standing { remaining: pair[0], reset: time(pair[1]) });
    let denial = match denied {
        0 => None,
        _ => Some(Denial { claim: usize::try_from(place).ok()?, wait: (wait >= 0).then(|| time(wait)) }),
    };
    Some(Decision { standings: standings.collect(), denial })
}

fn time(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// 128 random bits.
pub(super) fn random_name() -> Result<String, PlaceError> {
    let mut bytes = [0u8; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| PlaceError("there is no randomness".to_owned()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
