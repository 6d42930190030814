//! A target's health, for many threads at a time.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::breaker::{Breaker, Phase};
use super::event::{Event, Out, Standing};
use super::rules::{HealthRules, micros};

/// The gate's value while the breaker is closed. Otherwise: from when on a trial may go.
const CLOSED: i64 = i64::MIN;
const NEVER: i64 = i64::MIN;

/// The breaker of a target with its provider's limit and its credential. [`Health::standing`] reads atomics only; what changes it takes a lock.
#[derive(Debug)]
pub struct Health {
    breaker: Mutex<Inner>,
    gate: AtomicI64,
    limited_until: AtomicI64,
    credential_out: AtomicBool,
    is_doubtful: AtomicBool,
    came_back: AtomicI64,
    slow_start: AtomicI64,
}

#[derive(Debug, Default)]
struct Inner {
    breaker: Breaker,
    /// Refusals for want of room in a row, without a time named.
    refusals: u32,
}

/// Whether a target may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// `None`: not now. `Some(true)`: as the breaker's one trial.
    pub trial: Option<bool>,
    /// The breaker's epoch.
    pub epoch: u32,
    /// What changed.
    pub event: Option<Event>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            breaker: Mutex::default(),
            gate: AtomicI64::new(CLOSED),
            limited_until: AtomicI64::new(NEVER),
            credential_out: AtomicBool::new(false),
            is_doubtful: AtomicBool::new(false),
            came_back: AtomicI64::new(NEVER),
            slow_start: AtomicI64::new(0),
        }
    }
}

impl Health {
    /// How the target stands. Cheap.
    pub fn standing(&self, now: i64) -> Standing {
        if self.credential_out.load(Relaxed) {
            return Standing::Out(Out::Credential);
        }
        let gate = self.gate.load(Relaxed);
        if gate == i64::MAX {
            return Standing::Out(Out::Held);
        }
        let limited = self.limited_until.load(Relaxed);
        if now < limited {
            return Standing::Out(Out::Limited(limited));
        }
        match gate {
            CLOSED => Standing::Ready(self.share(now)),
            gate if now >= gate => Standing::Trial,
            gate => Standing::Out(Out::Broken(gate)),
        }
    }

    /// Whether its breaker was opened by answers that come late or fail too often: it still does something.
    pub fn is_doubtful(&self) -> bool {
        self.is_doubtful.load(Relaxed)
    }

    /// Nobody else can be asked: the next trial may go sooner, two seconds after the last one. Whether one may go now.
    pub fn hasten(&self, now: i64) -> bool {
        let mut inner = self.lock();
        let is_due = inner.breaker.hasten(now);
        if is_due {
            self.gate.store(now, Relaxed);
        }
        is_due
    }

    /// How its breaker stands, for metrics and the admin API.
    pub fn phase(&self) -> Phase {
        self.lock().breaker.phase()
    }

    /// Asks the breaker whether one may ask. `forced`: in a panic it is asked all the same. `patience`: microseconds.
    pub fn admit(&self, rules: &HealthRules, patience: i64, forced: bool, now: i64) -> Admission {
        let mut inner = self.lock();
        let (trial, event) = inner.breaker.admit(rules, patience, now);
        let epoch = inner.breaker.epoch();
        self.publish(&inner.breaker, rules, patience, event, now);
        Admission { trial: trial.or(forced.then_some(false)), epoch, event }
    }

    /// A good answer to what began in `epoch`.
    pub fn succeeded(&self, rules: &HealthRules, epoch: u32, now: i64) -> Option<Event> {
        let mut inner = self.lock();
        inner.refusals = 0;
        let event = inner.breaker.succeeded(rules, epoch, now);
        self.published(&inner, rules, event, now)
    }

    /// A failure of what began in `epoch`.
    pub fn failed(&self, rules: &HealthRules, epoch: u32, now: i64) -> Option<Event> {
        let mut inner = self.lock();
        let event = inner.breaker.failed(rules, epoch, now);
        self.published(&inner, rules, event, now)
    }

    /// A first token came, slow or not, to what began in `epoch`.
    pub fn heard(&self, rules: &HealthRules, epoch: u32, slow: bool, now: i64) -> Option<Event> {
        let mut inner = self.lock();
        let event = inner.breaker.heard(rules, epoch, slow, now);
        self.published(&inner, rules, event, now)
    }

    /// Requests wait and nothing is heard.
    pub fn fell_silent(&self, rules: &HealthRules, now: i64) -> Option<Event> {
        let mut inner = self.lock();
        let event = inner.breaker.fell_silent(rules, now);
        self.published(&inner, rules, event, now)
    }

    /// A trial that says nothing of the target.
    pub fn trial_was_void(&self, rules: &HealthRules, epoch: u32, now: i64) {
        let mut inner = self.lock();
        inner.breaker.trial_was_void(epoch);
        self.published(&inner, rules, None, now);
    }

    /// The result of an active probe.
    pub fn probed(&self, rules: &HealthRules, good: bool, now: i64) -> Option<Event> {
        let mut inner = self.lock();
        let event = inner.breaker.probed(rules, good, now);
        self.published(&inner, rules, event, now)
    }

    /// The provider has no room (429) until the time that it named; if it named none, for 1 s, 2 s, 4 s, … up to 64 s. Not a failure.
    pub fn limited(&self, until: Option<i64>, now: i64) -> Event {
        let mut inner = self.lock();
        let until = until.unwrap_or_else(|| now.saturating_add(1_000_000 << inner.refusals.min(6)));
        inner.refusals = inner.refusals.saturating_add(1);
        let until = self.limited_until.fetch_max(until, Relaxed).max(until);
        Event::Limited { until }
    }

    /// The provider had room: its next refusal is the first in a row.
    pub(crate) fn had_room(&self) {
        self.lock().refusals = 0;
    }

    /// The provider does not take the credential (401, 402, 403): out until [`Self::credential_back`].
    pub fn credential_out(&self) -> Option<Event> {
        (!self.credential_out.swap(true, Relaxed)).then_some(Event::CredentialOut)
    }

    /// The credential was replaced or paid for.
    pub fn credential_back(&self) -> Option<Event> {
        self.credential_out.swap(false, Relaxed).then_some(Event::CredentialBack)
    }

    /// Opens the breaker by hand.
    pub fn hold_open(&self) -> Event {
        let event = self.lock().breaker.hold_open();
        self.gate.store(i64::MAX, Relaxed);
        event
    }

    /// Closes the breaker by hand, and lets the target be asked before its provider's time. No slow start: who closes by hand means it.
    pub fn close_by_hand(&self, now: i64) -> Option<Event> {
        let mut inner = self.lock();
        let event = inner.breaker.close_by_hand(now);
        self.limited_until.store(NEVER, Relaxed);
        self.came_back.store(NEVER, Relaxed);
        self.gate.store(CLOSED, Relaxed);
        event
    }

    /// Another instance's breaker of the same target opened.
    pub fn suspect(&self, until: i64) -> Event {
        self.lock().breaker.suspect(until)
    }

    /// The share of its weight that a target gets after it came back: from a twentieth up, along a straight line.
    fn share(&self, now: i64) -> f32 {
        let since = self.came_back.load(Relaxed);
        if since == NEVER {
            return 1.0;
        }
        let (gone, whole) = (now.saturating_sub(since).max(0), self.slow_start.load(Relaxed));
        if gone >= whole {
            self.came_back.store(NEVER, Relaxed);
            return 1.0;
        }
        (gone as f32 / whole as f32).max(0.05)
    }

    fn published(&self, inner: &Inner, rules: &HealthRules, event: Option<Event>, now: i64) -> Option<Event> {
        self.publish(&inner.breaker, rules, rules.patience(0), event, now);
        event
    }

    /// Writes down for [`Self::standing`] how the breaker stands.
    fn publish(&self, breaker: &Breaker, rules: &HealthRules, patience: i64, event: Option<Event>, now: i64) {
        let gate = match breaker.phase() {
            Phase::Closed => CLOSED,
            Phase::Open { until, .. } => until.clamp(CLOSED + 1, i64::MAX - 1),
            Phase::HalfOpen { trial: None, .. } => CLOSED + 1,
            Phase::HalfOpen { trial: Some(since), .. } => since.saturating_add(patience).min(i64::MAX - 1),
            Phase::Held => i64::MAX,
        };
        if event == Some(Event::Closed) {
            self.slow_start.store(micros(rules.slow_start), Relaxed);
            self.came_back.store(now, Relaxed);
        }
        if let Some(is_doubtful) = breaker.is_doubtful() {
            self.is_doubtful.store(is_doubtful, Relaxed);
        }
        if self.gate.load(Relaxed) != gate {
            self.gate.store(gate, Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
