//! One counter: what was used in its window, and what is held.

use std::sync::Arc;
use std::time::Duration;

use super::bucket::Bucket;
use super::calendar::Page;
use super::held::Held;
use super::micros;
use super::sliding::Sliding;
use crate::limit::{Claim, Rule, Standing, Window};

/// The counter of one subject of one rule. Known by the rule's name, the subject and the kind and length of the window: the
/// rule's amount may change, what was used stays used.
#[derive(Debug)]
pub(super) struct Counter {
    /// Of name and subject.
    pub(super) hash: u64,
    name: Arc<str>,
    subject: Arc<str>,
    used: Used,
    pub(super) held: Held,
}

#[derive(Debug)]
enum Used {
    Sliding(Sliding),
    Calendar(Page),
    Bucket(Bucket),
    Open,
}

/// By whom something is held.
#[derive(Clone, Copy, Debug)]
pub(super) enum Holder {
    /// By its number, for so long at the latest.
    Leased {
        /// Unique among what is open.
        id: u64,
        /// From now on.
        lease: Duration,
    },
    /// By somebody who is sure to give it back.
    Keeper,
}

/// Whether something can be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Now.
    Granted,
    /// When others have given back what they hold.
    WhenGivenBack,
    /// At that moment, if nobody else comes.
    At(i64),
    /// It is more than the whole limit.
    Never,
}

impl Counter {
    /// A counter that was never used.
    pub(super) fn new(hash: u64, claim: &Claim, now: i64) -> Self {
        let used = match claim.rule.window {
            Window::Sliding(length) => Used::Sliding(Sliding::new(micros(length), now)),
            Window::Calendar(calendar) => Used::Calendar(Page::new(calendar, now)),
            Window::Bucket { per, .. } => Used::Bucket(Bucket::new(micros(per), claim.rule.amount, now)),
            Window::Open => Used::Open,
        };
        let (name, subject) = (claim.rule.name.clone(), claim.subject.clone());
        Self { hash, name, subject, used, held: Held::new(now) }
    }

    /// Whether it is the counter that the claim is on.
    pub(super) fn is_of(&self, claim: &Claim) -> bool {
        let is_kind = match (&self.used, claim.rule.window) {
            (Used::Sliding(sliding), Window::Sliding(length)) => sliding.is_of(micros(length)),
            (Used::Calendar(page), Window::Calendar(calendar)) => page.is_of(calendar),
            (Used::Bucket(bucket), Window::Bucket { per, .. }) => bucket.is_of(micros(per)),
            (Used::Open, Window::Open) => true,
            _ => false,
        };
        is_kind && same(&self.name, &claim.rule.name) && same(&self.subject, &claim.subject)
    }

    /// Brings it up to date; before anything else is asked of it.
    pub(super) fn advance(&mut self, now: i64) {
        self.held.advance(now);
        match &mut self.used {
            Used::Sliding(sliding) => sliding.advance(now),
            Used::Calendar(page) => page.advance(now),
            Used::Bucket(bucket) => bucket.advance(now),
            Used::Open => {}
        }
    }

    /// Brings it up to date under a rule whose amount may have changed.
    pub(super) fn advance_under(&mut self, rule: &Rule, now: i64) {
        self.obey(rule);
        self.advance(now);
    }

    /// Takes over what has changed in the rule.
    pub(super) fn obey(&mut self, rule: &Rule) {
        if let Used::Bucket(bucket) = &mut self.used {
            bucket.set_rate(rule.amount);
        }
    }

    /// Whether `amount` more can be granted.
    pub(super) fn judge(&self, rule: &Rule, amount: i64) -> Verdict {
        let wanted = self.held.sum().saturating_add(amount);
        // Below 0: that much more must come free.
        let spare = match &self.used {
            Used::Sliding(sliding) => left(rule.amount, sliding.used(), wanted),
            Used::Calendar(page) => left(rule.amount, page.used(), wanted),
            Used::Bucket(bucket) => bucket.available(rule.most(), wanted),
            Used::Open => left(rule.amount, 0, wanted),
        };
        if spare >= 0 {
            return Verdict::Granted;
        }
        if amount > rule.most() {
            return Verdict::Never;
        }
        if wanted > rule.most() {
            return Verdict::WhenGivenBack;
        }
        let moment = match &self.used {
            Used::Sliding(sliding) => sliding.freed_at(spare.saturating_neg()),
            Used::Calendar(page) => Some(page.end()),
            Used::Bucket(bucket) => bucket.filled_at(rule.most().saturating_sub(wanted)),
            Used::Open => None,
        };
        moment.map_or(Verdict::Never, Verdict::At)
    }

    /// Counts or holds what was granted.
    pub(super) fn grant(&mut self, claim: &Claim, holder: Holder, now: i64) {
        let amount = claim.amount.max(0);
        if claim.counts_at_once() {
            self.count(amount);
        } else if amount > 0 {
            match holder {
                Holder::Leased { id, lease } => self.held.hold(id, amount, lease, now),
                Holder::Keeper => self.held.keep(amount),
            }
        }
    }

    /// Counts what is used now.
    pub(super) fn count(&mut self, amount: i64) {
        match &mut self.used {
            Used::Sliding(sliding) => sliding.count(amount),
            Used::Calendar(page) => page.count(amount),
            Used::Bucket(bucket) => bucket.count(amount),
            Used::Open => {}
        }
    }

    /// Counts what was used at `at`, as far as that still counts.
    pub(super) fn count_at(&mut self, amount: i64, at: i64, now: i64) {
        match &mut self.used {
            // Not brought up to `now`: what flows in until then must find taken out what was used between.
            Used::Bucket(bucket) => bucket.count_at(amount, at),
            _ if at >= now => {
                self.advance(now);
                self.count(amount);
            }
            Used::Sliding(sliding) => {
                sliding.advance(now);
                sliding.count_at(amount, at);
            }
            Used::Calendar(page) => {
                page.advance(now);
                page.count_at(amount, at);
            }
            Used::Open => {}
        }
    }

    pub(super) fn standing(&self, rule: &Rule, now: i64) -> Standing {
        let held = self.held.sum();
        let (remaining, reset_at) = match &self.used {
            Used::Sliding(sliding) => {
                (left(rule.amount, sliding.used(), held), sliding.reset_at(!self.held.is_empty()))
            }
            Used::Calendar(page) => (left(rule.amount, page.used(), held), Some(page.end())),
            Used::Bucket(bucket) => {
                (bucket.available(rule.most(), held), bucket.filled_at(held.saturating_neg()))
            }
            Used::Open => (left(rule.amount, 0, held), None),
        };
        Standing { remaining: remaining.max(0), reset: until(reset_at.unwrap_or(now), now) }
    }

    /// Whether a new counter would do as well.
    pub(super) fn is_unused(&self) -> bool {
        let nothing_used = match &self.used {
            Used::Sliding(sliding) => sliding.used() == 0,
            Used::Calendar(page) => page.used() == 0,
            Used::Bucket(bucket) => bucket.is_full(),
            Used::Open => true,
        };
        nothing_used && self.held.is_empty()
    }
}

/// The time from `now` to a moment.
pub(super) fn until(moment: i64, now: i64) -> Duration {
    Duration::from_micros(u64::try_from(moment.saturating_sub(now)).unwrap_or(0))
}

/// Subjects are shared, so they are mostly the same piece of memory.
fn same(a: &Arc<str>, b: &Arc<str>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

fn left(amount: i64, used: i64, wanted: i64) -> i64 {
    amount.saturating_sub(used).saturating_sub(wanted)
}
