//! How many requests may be under way at a target.

mod gradient;
mod kinds;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gradient::Gradient;

/// While a target is full and answers nothing, one request in so much time is let through beyond the limit, to learn of a recovery. Microseconds.
const SCOUT_EVERY: i64 = 1_000_000;

/// How an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Bit by bit; timed is its first token.
    Stream,
    /// In one piece.
    Whole,
}

/// What bounds a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConcurrencyRules {
    /// Always so many (`max_concurrent`); at least one.
    Fixed(u32),
    /// As many as the target bears, learnt from its time to first token and its refusals.
    Adaptive(Adaptive),
}

/// Bounds and temper of a limit that is learnt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adaptive {
    /// Never fewer.
    pub min: u32,
    /// Never more.
    pub max: u32,
    /// Before anything is known; at ease never fewer than 1,000.
    pub initial: u32,
    /// How many times as long as at rest the first token may take before the limit falls. Back ends that batch are slower under a load
    /// that they bear well, so that 1.1 would starve them; the limit settles near this many times what the target does at once.
    pub tolerance: f64,
    /// How often the time at rest is measured anew under lasting load.
    pub probe_every: Duration,
    /// As long as the target shows no sign of trouble, so many times what is under way may be: nobody is held back, but a rush comes in steps.
    /// `None`: the limit is always as tight as it can be.
    pub ease: Option<f64>,
}

impl Default for Adaptive {
    fn default() -> Self {
        Self {
            min: 2,
            max: 10_000,
            initial: 32,
            tolerance: 1.7,
            probe_every: Duration::from_secs(60),
            ease: Some(3.0),
        }
    }
}

impl Default for ConcurrencyRules {
    fn default() -> Self {
        Self::Adaptive(Adaptive::default())
    }
}

/// The limit of one target and what is under way there.
///
/// Adaptive limits compare the time to first token under load with that at rest and let go of what is too much (gradient; the idea is described by
/// Netflix's concurrency-limits and Envoy's adaptive concurrency filter). They rise slowly while the limit is what holds requests back, fall at once by
/// every refusal, and are checked: when a deep cut has not made the target faster, the target has become slower by itself, and the cut is taken back.
#[derive(Debug)]
pub struct Concurrency {
    in_flight: AtomicU32,
    limit: AtomicU32,
    next_scout: AtomicI64,
    /// None: the limit is fixed.
    gradient: Mutex<Option<Gradient>>,
}

impl Concurrency {
    /// Nothing under way, nothing learnt.
    pub fn new(rules: ConcurrencyRules) -> Self {
        let (limit, gradient) = begin(rules);
        Self {
            in_flight: AtomicU32::new(0),
            limit: AtomicU32::new(limit),
            next_scout: AtomicI64::new(i64::MAX),
            gradient: Mutex::new(gradient),
        }
    }

    /// Lets other rules hold from now on. What is under way stays; what was learnt stays within the new bounds.
    pub fn set_rules(&self, rules: ConcurrencyRules) {
        let mut gradient = self.gradient.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(learnt), ConcurrencyRules::Adaptive(rules)) = (gradient.as_mut(), rules) {
            learnt.set_rules(rules);
            self.limit.store(learnt.limit(), Ordering::SeqCst);
            return;
        }
        let (limit, begun) = begin(rules);
        *gradient = begun;
        self.limit.store(limit, Ordering::SeqCst);
        self.next_scout.store(i64::MAX, Ordering::Relaxed);
    }

    /// Takes a permit if there is one. Whoever took it gives it back exactly once.
    pub fn try_take(&self, now: i64) -> bool {
        let mut in_flight = self.in_flight.load(Ordering::SeqCst);
        loop {
            let limit = self.limit.load(Ordering::SeqCst);
            if in_flight >= limit && !self.may_scout(in_flight, limit, now) {
                return false;
            }
            let more = in_flight.saturating_add(1);
            match self.in_flight.compare_exchange_weak(in_flight, more, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return true,
                Err(seen) => in_flight = seen,
            }
        }
    }

    /// Gives a permit back. What it taught is told before, by [`first_token`](Self::first_token) or [`overloaded`](Self::overloaded).
    pub fn give_back(&self) {
        let less = |in_flight: u32| Some(in_flight.saturating_sub(1));
        let _ = self.in_flight.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
    }

    /// The first token of a request came `now` that was sent at `started`.
    pub fn first_token(&self, answer: Answer, started: i64, now: i64) {
        // One of many: when somebody else is just learning, this one is let go.
        let Ok(mut guard) = self.gradient.try_lock() else { return };
        if let Some(gradient) = guard.as_mut() {
            gradient.first_token(answer, started, now, self.in_flight());
            self.limit.store(gradient.limit(), Ordering::SeqCst);
            self.next_scout.store(now.saturating_add(SCOUT_EVERY), Ordering::Relaxed);
        }
    }

    /// The target said that it has too much (429, 503, 529) or did not answer in time. Told while the permit is still held.
    pub fn overloaded(&self, now: i64) {
        let mut guard = self.gradient.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gradient) = guard.as_mut() {
            gradient.overloaded(now, self.in_flight());
            self.limit.store(gradient.limit(), Ordering::SeqCst);
            self.next_scout.store(now.saturating_add(SCOUT_EVERY), Ordering::Relaxed);
        }
    }

    /// How many are under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// How many may be under way now.
    pub fn limit(&self) -> u32 {
        self.limit.load(Ordering::SeqCst)
    }

    /// Whether [`try_take`](Self::try_take) would fail, scouts aside.
    pub fn is_full(&self) -> bool {
        self.in_flight() >= self.limit()
    }

    /// Whether one may go beyond the limit: nothing has been heard for a while, and few have been sent so already.
    fn may_scout(&self, in_flight: u32, limit: u32, now: i64) -> bool {
        let due = self.next_scout.load(Ordering::Relaxed);
        if now < due || in_flight > limit.saturating_add(limit / 8) {
            return false;
        }
        let next = now.saturating_add(SCOUT_EVERY);
        if self.next_scout.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return false;
        }
        if let Ok(mut guard) = self.gradient.try_lock()
            && let Some(gradient) = guard.as_mut()
        {
            gradient.scout();
        }
        true
    }
}

fn begin(rules: ConcurrencyRules) -> (u32, Option<Gradient>) {
    match rules {
        ConcurrencyRules::Fixed(limit) => (limit.max(1), None),
        ConcurrencyRules::Adaptive(rules) => {
            let gradient = Gradient::new(rules);
            (gradient.limit(), Some(gradient))
        }
    }
}
