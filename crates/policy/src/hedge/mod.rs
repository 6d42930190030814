//! Hedging: when the first token takes longer than nearly always, the same is asked of a second target, and the faster answer is taken.

mod sketch;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::budget::{BudgetRules, RetryBudget};
use sketch::Sketch;

/// When and how often is hedged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HedgeRules {
    /// The share of requests whose first token comes within the delay.
    pub quantile: f64,
    /// Duplicates for each request, at most.
    pub share: f64,
    /// Never sooner than this.
    pub least_delay: Duration,
    /// Requests that must have been seen before anything is known.
    pub enough: u32,
}

impl Default for HedgeRules {
    fn default() -> Self {
        Self { quantile: 0.95, share: 0.05, least_delay: Duration::from_millis(50), enough: 50 }
    }
}

/// A request that waits for its first token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// For how long it has been waiting.
    pub waited: Duration,
    /// How much time it has left.
    pub left: Duration,
    /// Whether anything of the answer has been told already; then there is no second choice.
    pub is_committed: bool,
    /// Whether there is a target that it has not been sent to.
    pub has_other_target: bool,
}

/// Whether to send a duplicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hedging {
    /// No; and asking again would not help.
    No,
    /// Not yet: ask again after this time.
    After(Duration),
    /// Yes; it is counted already.
    Now,
}

/// What is known of the times to first token of a target or a pool, and the budget for duplicates.
#[derive(Debug)]
pub struct Hedge {
    rules: HedgeRules,
    sketch: Mutex<Sketch>,
    /// Microseconds; zero as long as nothing is known. Kept ready: many ask, few teach.
    delay: AtomicU64,
    budget: RetryBudget,
}

impl Hedge {
    /// Nothing learnt yet.
    pub fn new(rules: HedgeRules) -> Self {
        let budget = BudgetRules { share: rules.share, floor_per_second: 0.0, ..BudgetRules::default() };
        Self { rules, sketch: Mutex::default(), delay: AtomicU64::new(0), budget: RetryBudget::new(budget) }
    }

    /// The rules.
    pub fn rules(&self) -> &HedgeRules {
        &self.rules
    }

    /// A request is sent for the first time; duplicates are paid for by it.
    pub fn sent(&self, now: i64) {
        self.budget.sent(now);
    }

    /// Learns how long a first token took. Of a request that was cancelled because its duplicate won, the time so far is better than nothing.
    pub fn first_token(&self, took: Duration) {
        let mut sketch = self.sketch.lock().unwrap_or_else(PoisonError::into_inner);
        sketch.add(took);
        if sketch.total() >= f64::from(self.rules.enough) && sketch.is_due() {
            let delay = sketch.quantile(self.rules.quantile).max(self.rules.least_delay);
            self.delay.store(u64::try_from(delay.as_micros()).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
        }
    }

    /// How long to wait before a duplicate is sent. None: too little is known.
    pub fn delay(&self) -> Option<Duration> {
        let delay = self.delay.load(Ordering::Relaxed);
        (delay > 0).then(|| Duration::from_micros(delay))
    }

    /// Whether to send a duplicate now. A request with less than the delay left would not get its answer in time from the second target either.
    pub fn decide(&self, waiting: Waiting, now: i64) -> Hedging {
        let Some(delay) = self.delay() else { return Hedging::No };
        if waiting.is_committed || !waiting.has_other_target || waiting.left.is_zero() {
            return Hedging::No;
        }
        match delay.checked_sub(waiting.waited) {
            Some(rest) if rest >= waiting.left => Hedging::No,
            Some(rest) if !rest.is_zero() => Hedging::After(rest),
            _ if self.budget.may_repeat(now) => Hedging::Now,
            _ => Hedging::No,
        }
    }
}
