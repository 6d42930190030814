//! Whether Redis is asked at all: after a few failures it is not, until a probe has found it well.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Failures in a row after which requests go past Redis.
const FAILURES: u32 = 3;

/// Begins down; whoever found Redis well puts it up.
#[derive(Default)]
pub(super) struct Breaker {
    is_up: AtomicBool,
    in_a_row: AtomicU32,
    failures: AtomicU64,
    since: Mutex<i64>,
    has_told: AtomicBool,
}

impl Breaker {
    pub(super) fn new(now: i64) -> Self {
        Self { since: Mutex::new(now), ..Self::default() }
    }

    /// Whether Redis is asked.
    pub(super) fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Acquire)
    }

    /// A call was answered.
    pub(super) fn succeeded(&self) {
        if self.in_a_row.load(Ordering::Relaxed) != 0 {
            self.in_a_row.store(0, Ordering::Relaxed);
        }
    }

    /// A call failed or took too long. True when Redis is not asked any more from now on.
    pub(super) fn failed(&self, why: &str, now: i64) -> bool {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let in_a_row = self.in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        in_a_row >= FAILURES && self.open(why, now)
    }

    /// Redis is not asked any more. True when it was until now.
    pub(super) fn open(&self, why: &str, now: i64) -> bool {
        let was_up = self.is_up.swap(false, Ordering::AcqRel);
        if was_up {
            self.set_since(now);
        }
        // The first start without Redis is told too, once.
        if was_up || !self.has_told.load(Ordering::Relaxed) {
            self.has_told.store(true, Ordering::Relaxed);
            tracing::warn!(
                reason = why,
                "the counters' Redis is slow or away: each instance goes on by itself"
            );
        }
        was_up
    }

    /// Redis is well: it is asked again.
    pub(super) fn close(&self, now: i64) {
        self.in_a_row.store(0, Ordering::Relaxed);
        if !self.is_up.swap(true, Ordering::AcqRel) {
            let away = now - self.set_since(now);
            if self.has_told.swap(true, Ordering::Relaxed) {
                tracing::warn!(away_ms = away / 1000, "the counters' Redis is back: it decides again");
            }
        }
    }

    /// Since when it is as it is, in microseconds since 1970.
    pub(super) fn since(&self) -> i64 {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls that failed.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    fn set_since(&self, now: i64) -> i64 {
        std::mem::replace(&mut *self.since.lock().unwrap_or_else(PoisonError::into_inner), now)
    }
}
