//! The counters of one instance, alone or with others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tidegate_policy::limit::{Amounts, Claim, Counters, Decision, Denial, Standing};

use super::clock::Clock;
use super::counter::Counter;
use super::keeper;
use super::living::{Living, Register};
use super::remote::Remote;
use super::rules::{CounterHealth, OnFailure, PlaceError, RedisPlace, RedisRules, RedisState};
use super::shares::Shares;

/// After so long a caller that was denied because Redis is away may try again.
const AWAY_WAIT: Duration = Duration::from_secs(1);

/// The counters of all limits, as one instance uses them: in memory, or in Redis with memory behind it.
///
/// Made within a tokio runtime; a background task renews leases and tells Redis of settlements until the last reference is gone.
pub struct Limiter {
    /// Without Redis: the counters. With it: what this instance used and holds, for when Redis is away.
    pub(super) local: Counters,
    pub(super) clock: Clock,
    /// With Redis: what is open.
    pub(super) living: Register,
    pub(super) remote: Option<Remote>,
    pub(super) fallback_decisions: AtomicU64,
    shares: Shares,
    next_id: AtomicU64,
}

impl Limiter {
    /// Counters of this process alone.
    pub fn in_memory(clock: Clock) -> Arc<Self> {
        Self::start(None, clock)
    }

    /// Counters that are shared with all instances on the same Redis and prefix. Redis may be away: it is looked for in the background.
    pub fn with_redis(place: &RedisPlace, rules: RedisRules, clock: Clock) -> Result<Arc<Self>, PlaceError> {
        let remote = Remote::new(place, rules, clock.now())?;
        Ok(Self::start(Some(remote), clock))
    }

    fn start(remote: Option<Remote>, clock: Clock) -> Arc<Self> {
        let limiter = Arc::new(Self {
            local: Counters::new(),
            clock,
            living: Register::default(),
            remote,
            fallback_decisions: AtomicU64::new(0),
            shares: Shares::default(),
            next_id: AtomicU64::new(0),
        });
        keeper::start(&limiter);
        limiter
    }

    /// Grants all claims of a request or none. What is granted is held by the reservation until it is settled or dropped; should this
    /// process die, until `lease` has passed. In memory it does not wait; with Redis never longer than the time limit.
    pub async fn reserve(
        self: &Arc<Self>,
        claims: impl Into<Arc<[Claim]>>,
        lease: Duration,
    ) -> (Decision, Option<Reservation>) {
        let claims = claims.into();
        let decision = match &self.remote {
            // Counters in memory die with the process, and a reservation is settled when it is dropped: nothing needs a lease.
            None => self.local.keep(&claims, self.clock.now()),
            Some(_) if claims.is_empty() => Decision { standings: Vec::new(), denial: None },
            // In a box, so that requests do not carry room for it that do without.
            Some(remote) => return Box::pin(self.reserve_in_redis(remote, claims, lease)).await,
        };
        let reservation = decision.denial.is_none().then(|| self.reservation(Holds::Here(claims)));
        (decision, reservation)
    }

    fn reservation(self: &Arc<Self>, holds: Holds) -> Reservation {
        Reservation { limiter: Arc::clone(self), holds }
    }

    async fn reserve_in_redis(
        self: &Arc<Self>,
        remote: &Remote,
        claims: Arc<[Claim]>,
        lease: Duration,
    ) -> (Decision, Option<Reservation>) {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let shares = self.shares.claims(&claims, remote.instances());
        let counters: Arc<[Arc<Counter>]> =
            claims.iter().map(|claim| Arc::new(Counter::new(remote.tag(), claim.clone()))).collect();
        let answer = remote.reserve(id, &counters, lease, &self.clock).await;
        let now = self.clock.now();
        let is_from_redis = answer.is_some();
        let decision = answer.unwrap_or_else(|| {
            self.fallback_decisions.fetch_add(1, Ordering::Relaxed);
            match remote.rules.on_failure {
                OnFailure::Deny => denied(counters.len()),
                OnFailure::Share => self.local.reserve(id, &shares, lease, now),
            }
        });
        if decision.denial.is_some() {
            return (decision, None);
        }
        let mut outbox = remote.outbox();
        if is_from_redis {
            self.local.hold(id, &shares, lease, now);
        }
        for counter in counters.iter().filter(|counter| !counter.is_held()) {
            outbox.own.count(counter, counter.amount(), now, is_from_redis, remote.instances());
        }
        drop(outbox);
        self.living.insert(id, Living::new(shares, counters, lease, now));
        (decision, Some(self.reservation(Holds::InRedis(id))))
    }

    /// Ends a reservation, from that claim on; never waits.
    fn settle(&self, holds: &Holds, place: usize, used: &Amounts) {
        match (holds, &self.remote) {
            (Holds::Here(claims), _) => {
                self.local.give_back(claims.get(place..).unwrap_or_default(), used, self.clock.now());
            }
            (Holds::InRedis(id), Some(remote)) => self.settle_in_redis(remote, *id, place, used),
            (Holds::InRedis(_) | Holds::Nothing, _) => {}
        }
    }

    fn settle_in_redis(&self, remote: &Remote, id: u64, place: usize, used: &Amounts) {
        let Some(living) = self.living.take_from(id, place) else { return };
        let now = self.clock.now();
        let is_up = remote.breaker.is_up();
        let mut outbox = remote.outbox();
        self.local.settle(id, &living.claims, used, now);
        for operation in remote.let_go(id, &living.counters, |counter| counter.used(used), now) {
            outbox.push(operation, is_up, remote.instances());
        }
        drop(outbox);
        if is_up {
            remote.wake.notify_one();
        }
    }

    /// How the claims' counters stand here, without asking anybody: with Redis, as this instance knows them.
    pub fn standings(&self, claims: &[Claim]) -> Vec<Standing> {
        let now = self.clock.now();
        match &self.remote {
            Some(remote) => self.local.standings(&self.shares.claims(claims, remote.instances()), now),
            None => self.local.standings(claims, now),
        }
    }

    /// Counts what was used before this process began, as the ledger has it: `at` in microseconds since 1970. In memory only, where a
    /// restart would begin from nothing; Redis has it already.
    pub fn restore(&self, claim: &Claim, amount: i64, at: i64) {
        if self.remote.is_none() {
            self.local.add(claim, amount, at, self.clock.now());
        }
    }

    /// Waits until Redis has been told everything, or the time is over, and takes this instance out of the count. For an orderly end.
    pub async fn close(&self, limit: Duration) {
        if let Some(remote) = &self.remote {
            // Whether it worked shows in what is left; there is nothing more to be done.
            let _ = tokio::time::timeout(limit, keeper::close(self, remote)).await;
        }
    }

    /// How the counters are doing.
    pub fn health(&self) -> CounterHealth {
        let Some(remote) = &self.remote else {
            return CounterHealth {
                redis: RedisState::Off,
                since: 0,
                failures: 0,
                fallback_decisions: 0,
                instances: 1,
                waiting: 0,
            };
        };
        let is_up = remote.breaker.is_up();
        CounterHealth {
            redis: if is_up { RedisState::Up } else { RedisState::Down },
            since: remote.breaker.since(),
            failures: remote.breaker.failures(),
            fallback_decisions: self.fallback_decisions.load(Ordering::Relaxed),
            instances: remote.instances(),
            waiting: remote.outbox().waiting(),
        }
    }
}

fn denied(claims: usize) -> Decision {
    let standing = Standing { remaining: 0, reset: AWAY_WAIT };
    Decision { standings: vec![standing; claims], denial: Some(Denial { claim: 0, wait: Some(AWAY_WAIT) }) }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        if let Some(remote) = &self.remote {
            remote.wake.notify_one();
        }
    }
}

/// What a request holds. Dropped without being settled, it is released: nothing was used.
#[must_use = "a reservation that is dropped holds nothing"]
pub struct Reservation {
    limiter: Arc<Limiter>,
    holds: Holds,
}

/// Where it is held.
#[derive(Debug)]
enum Holds {
    /// In the memory of this process.
    Here(Arc<[Claim]>),
    /// In Redis too, under this number.
    InRedis(u64),
    /// It has been settled.
    Nothing,
}

impl Reservation {
    /// Lets go of what is held and counts what was used. Never waits: Redis is told in the background.
    pub fn settle(mut self, used: &Amounts) {
        let holds = std::mem::replace(&mut self.holds, Holds::Nothing);
        self.limiter.settle(&holds, 0, used);
    }

    /// Lets go of what the claims from that place on hold; nothing was used of it. What is before them stays held.
    pub fn release_from(&mut self, place: usize) {
        self.limiter.settle(&self.holds, place, &Amounts::default());
        if let Holds::Here(claims) = &mut self.holds {
            *claims = claims.get(..place).unwrap_or(claims).into();
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.limiter.settle(&self.holds, 0, &Amounts::default());
    }
}

impl std::fmt::Debug for Reservation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reservation").field("holds", &self.holds).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").field("health", &self.health()).finish_non_exhaustive()
    }
}
