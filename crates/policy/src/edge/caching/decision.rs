//! What becomes of a request that a cache may answer (RFC 9111, section 4; RFC 5861).

use http::{HeaderMap, Method, StatusCode};

use super::CacheRules;
use super::control::Control;
use super::freshness::Freshness;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Use what is stored, with this `Age`.
    Fresh {
        /// Seconds.
        age: i64,
    },
    /// Ask the upstream about what is stored; meanwhile, or instead, it may be used as this says.
    Stale {
        /// Seconds.
        age: i64,
        /// What is allowed.
        may: StaleUse,
    },
    /// Ask the upstream; nothing is stored.
    Miss,
    /// Nothing that may be used is stored, and the client wants nothing else: 504.
    OnlyIfCached,
    /// Ask the upstream; neither look nor store.
    Bypass(Bypass),
}

/// In which cases something stale may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StaleUse {
    /// At once, without asking: the client said `max-stale`.
    pub as_it_is: bool,
    /// At once, while it is renewed behind the client's back.
    pub while_revalidating: bool,
    /// When the upstream cannot be reached, or fails as [`may_serve_on_error`] says.
    pub on_error: bool,
}

/// Why the cache is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bypass {
    /// Neither GET nor HEAD. What [`super::invalidated`] names may have to go.
    Method,
    /// The client says `no-store`.
    NoStore,
}

/// Decides about a request; `stored` is the freshness of the answer whose key and variant fit. Ranges and conditions of the client
/// are weighed afterwards, against what is used.
pub fn decide(
    rules: &CacheRules,
    method: &Method,
    request: &HeaderMap,
    stored: Option<&Freshness>,
    now: i64,
) -> Decision {
    if *method != Method::GET && *method != Method::HEAD {
        return Decision::Bypass(Bypass::Method);
    }
    let wishes = if rules.obeys_clients { Control::of_request(request) } else { Control::default() };
    if wishes.no_store {
        return Decision::Bypass(Bypass::NoStore);
    }
    let nothing = if wishes.only_if_cached { Decision::OnlyIfCached } else { Decision::Miss };
    let Some(stored) = stored else { return nothing };
    let decision = weigh(&wishes, stored, now);
    let is_usable = matches!(
        decision,
        Decision::Fresh { .. } | Decision::Stale { may: StaleUse { as_it_is: true, .. }, .. }
    );
    if wishes.only_if_cached && !is_usable { Decision::OnlyIfCached } else { decision }
}

fn weigh(wishes: &Control, stored: &Freshness, now: i64) -> Decision {
    let (age, left) = (stored.age(now), stored.left(now));
    let is_new_enough = wishes.max_age.is_none_or(|most| age <= most && most > 0);
    let stays_fresh = left > wishes.min_fresh.unwrap_or(0).max(0);
    let must_ask = wishes.no_cache || stored.asks_always;
    if !must_ask && is_new_enough && stays_fresh {
        return Decision::Fresh { age };
    }
    if must_ask || !is_new_enough || left > 0 {
        // Whoever asks for something newer does not want this; only when there is nothing else.
        let on_error =
            !must_ask && !stored.asks_when_stale && wishes.max_age.is_none() && wishes.min_fresh.is_none();
        return Decision::Stale { age, may: StaleUse { on_error, ..StaleUse::default() } };
    }
    let (since, may) = (-left, !stored.asks_when_stale);
    let may = StaleUse {
        as_it_is: may && wishes.max_stale.is_some_and(|most| since <= most),
        while_revalidating: may && wishes.min_fresh.is_none() && since < stored.while_revalidating,
        on_error: may && since < stored.if_error,
    };
    Decision::Stale { age, may }
}

/// Statuses of an upstream that count as an error for `stale-if-error` (RFC 5861, section 4).
pub fn may_serve_on_error(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}
