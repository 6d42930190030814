//! How fast permits come free, and how long one waits for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::overload::Class;

/// What is older than this counts for about a third. Seconds.
const MEMORY: f64 = 5.0;
/// For how long a first guess stands against what is seen. Seconds.
const GUESS: f64 = 1.0;
/// An estimate is at most an hour.
const LONGEST: f64 = 3600.0;

/// How long permits are held on average, microseconds; zero as long as nothing is known. Learnt all the time, without a lock.
#[derive(Debug, Default)]
pub(super) struct Hold(AtomicU64);

impl Hold {
    pub(super) fn learn(&self, held: Duration) {
        let held = u64::try_from(held.as_micros()).unwrap_or(u64::MAX).clamp(1, 1 << 42);
        let known = self.0.load(Ordering::Relaxed);
        // Whose step is lost to another thread's does not matter.
        let next = if known == 0 { held } else { known - known / 16 + held / 16 };
        self.0.store(next.max(1), Ordering::Relaxed);
    }

    /// Permits a second, when so many are all in use.
    pub(super) fn rate(&self, permits: u32) -> Option<f64> {
        let hold = self.0.load(Ordering::Relaxed);
        (hold > 0 && permits > 0).then(|| f64::from(permits) * 1e6 / hold as f64)
    }
}

/// Permits that came free while somebody waited, and the time in which they did. While nobody waits, permits come free as requests come, which says
/// nothing.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Both are forgotten exponentially.
    count: f64,
    seconds: f64,
    last: i64,
    /// Share of permits that goes to classes above each.
    above: [f64; Class::ALL.len()],
}

impl Pace {
    /// Lets time pass up to an offer. When nobody waits, what was seen is old; then `guess`, in permits a second, is better.
    pub(super) fn advance(&mut self, is_waiting: bool, guess: Option<f64>, now: i64) {
        let idle = now.saturating_sub(self.last) as f64 / 1e6;
        self.pass(is_waiting, now);
        if !is_waiting && (idle > GUESS || self.seconds <= 0.0) {
            self.above = Default::default();
            match guess {
                Some(rate) => (self.count, self.seconds) = (rate * GUESS, GUESS),
                None => (self.count, self.seconds) = (0.0, 0.0),
            }
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, is_waiting: bool, now: i64) {
        let passed = now.saturating_sub(self.last).max(0) as f64 / 1e6;
        self.last = now;
        if is_waiting && passed > 0.0 {
            let kept = (-passed / MEMORY).exp();
            self.count *= kept;
            self.seconds = self.seconds * kept + passed;
        }
    }

    /// A permit came free.
    pub(super) fn count(&mut self) {
        self.count += 1.0;
    }

    /// Who waited in this class has got a permit.
    pub(super) fn served(&mut self, class: Class) {
        for (other, above) in Class::ALL.into_iter().zip(&mut self.above) {
            let is_above = if class > other { 1.0 } else { 0.0 };
            *above += (is_above - *above) / 32.0;
        }
    }

    /// How long it takes until so many permits have come free. None: nothing is known.
    pub(super) fn wait_for(&self, permits: usize) -> Option<Duration> {
        self.wait(permits, 1.0)
    }

    /// How long it takes until a class has got so many permits. Those above it take theirs meanwhile.
    pub(super) fn wait_in(&self, class: Class, permits: usize) -> Option<Duration> {
        self.wait(permits, 1.0 - self.above[class as usize])
    }

    fn wait(&self, permits: usize, share: f64) -> Option<Duration> {
        if self.seconds <= 0.0 || self.count <= 0.0 {
            return None;
        }
        let rate = self.count / self.seconds * share.max(0.02);
        Some(Duration::from_secs_f64((permits as f64 / rate).clamp(0.0, LONGEST)))
    }
}
