//! Retry budgets: of what goes to a pool only a share may be a repetition, so that retries do not make an outage worse.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The window has so many slots, beside the current one.
const SLOTS: u64 = 10;
/// Slots that are kept: those of the window, the current one, and one to be overwritten.
const KEPT: usize = SLOTS as usize + 2;

/// How much of the traffic may be repetitions (as in Finagle's and linkerd's retry budgets).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetRules {
    /// Repetitions for each first try in the window.
    pub share: f64,
    /// So many a second beside, so that little traffic can retry at all.
    pub floor_per_second: f64,
    /// The window that slides.
    pub window: Duration,
}

impl Default for BudgetRules {
    fn default() -> Self {
        Self { share: 0.2, floor_per_second: 1.0, window: Duration::from_secs(10) }
    }
}

/// What was sent and repeated of late. Moments are microseconds since 1970-01-01 UTC.
///
/// When a repetition is granted, those of the window that ends then are no more than the share of the first tries in it plus the floor; exactly so,
/// whoever else asks at the same time.
#[derive(Debug)]
pub struct RetryBudget {
    rules: BudgetRules,
    /// First tries by slot: number of the slot in the upper half, count in the lower.
    tries: [AtomicU64; KEPT],
    /// Repetitions by slot: number and count.
    repeats: Mutex<[(u64, u64); KEPT]>,
}

impl RetryBudget {
    /// Nothing sent yet.
    pub fn new(rules: BudgetRules) -> Self {
        Self { rules, tries: std::array::from_fn(|_| AtomicU64::new(0)), repeats: Mutex::new([(0, 0); KEPT]) }
    }

    /// The rules.
    pub fn rules(&self) -> &BudgetRules {
        &self.rules
    }

    /// A first try is sent.
    pub fn sent(&self, now: i64) {
        let slot = self.slot(now);
        let count = |word: u64| {
            let (kept, count) = (word >> 32, word & u64::from(u32::MAX));
            let is_same = kept == slot;
            Some(slot << 32 | if is_same { (count + 1).min(u64::from(u32::MAX)) } else { 1 })
        };
        let _ = self.tries[slot as usize % KEPT].fetch_update(Ordering::Relaxed, Ordering::Relaxed, count);
    }

    /// Asks for a repetition. True: it is counted and may be sent.
    pub fn may_repeat(&self, now: i64) -> bool {
        let slot = self.slot(now);
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let allowed = self.allowed(slot);
        if (repeated(&repeats, slot) + 1) as f64 > allowed {
            return false;
        }
        let kept = &mut repeats[slot as usize % KEPT];
        *kept = if kept.0 == slot { (slot, kept.1 + 1) } else { (slot, 1) };
        true
    }

    /// How many repetitions the window still has room for.
    pub fn left(&self, now: i64) -> u64 {
        let slot = self.slot(now);
        let repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        (self.allowed(slot) as u64).saturating_sub(repeated(&repeats, slot))
    }

    /// Repetitions that the window pays for. Only slots that are in it as a whole count.
    fn allowed(&self, slot: u64) -> f64 {
        let tries = self.tries.iter().map(|word| word.load(Ordering::Relaxed));
        let counted = tries.filter(|word| word >> 32 <= slot && slot - (word >> 32) < SLOTS);
        let tries: u64 = counted.map(|word| word & u64::from(u32::MAX)).sum();
        let floor = self.rules.floor_per_second.max(0.0) * self.rules.window.as_secs_f64();
        tries as f64 * self.rules.share.max(0.0) + floor
    }

    /// The number of the slot of a moment, in 32 bits.
    fn slot(&self, now: i64) -> u64 {
        let width = (self.rules.window.as_micros() as u64 / SLOTS).max(1);
        (u64::try_from(now).unwrap_or(0) / width) & u64::from(u32::MAX)
    }
}

/// Repetitions in the window and the slot that it is leaving. What a clock that was set back has left in slots to come counts as well, unless it is
/// far off.
fn repeated(repeats: &[(u64, u64); KEPT], slot: u64) -> u64 {
    repeats.iter().filter(|(kept, _)| kept.abs_diff(slot) <= SLOTS).map(|(_, count)| count).sum()
}

#[cfg(test)]
mod tests;
