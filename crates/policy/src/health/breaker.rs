//! The circuit breaker of one target.

use super::event::{Cause, Event};
use super::rules::{HealthRules, micros};
use super::window::Window;

/// Between two trials of a target while no other can be asked, in microseconds.
const HASTE: i64 = 2_000_000;

/// A circuit breaker: closed, open for a time, half open while trials go out one at a time. Whoever asks the target has its answer judged
/// under the `epoch` in which it began: what comes from before the breaker last opened says nothing new.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    phase: Phase,
    epoch: u32,
    /// Failures in a row.
    streak: u32,
    /// Slow first tokens in a row.
    slow: u32,
    window: Window,
    /// nginx's count: when it began, and the failures since.
    fails: (i64, u32),
    /// For how long it was open last; 0: never, or long ago.
    last_open: i64,
    closed_at: i64,
    suspicious_until: Option<i64>,
    /// Probes in a row: over 0 good ones, under 0 bad ones.
    probes: i32,
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Everybody may ask.
    #[default]
    Closed,
    /// Nobody may.
    Open {
        /// When trials begin.
        until: i64,
        /// Why.
        cause: Cause,
        /// Good answers in spite of it (in a panic everybody is asked).
        passed: u32,
    },
    /// One at a time may.
    HalfOpen {
        /// Trials that went well.
        passed: u32,
        /// When the trial under way began.
        trial: Option<i64>,
    },
    /// Opened by hand.
    Held,
}

impl Breaker {
    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Goes up by one whenever the breaker opens.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Whether one may ask now: `Some(true)` as a trial. A trial that has been silent for longer than `patience` (microseconds) has failed.
    pub fn admit(&mut self, rules: &HealthRules, patience: i64, now: i64) -> (Option<bool>, Option<Event>) {
        match self.phase {
            Phase::Closed => (Some(false), None),
            Phase::Held => (None, None),
            Phase::Open { until, .. } if now < until => (None, None),
            Phase::Open { .. } => {
                self.phase = Phase::HalfOpen { passed: 0, trial: Some(now) };
                (Some(true), Some(Event::HalfOpened))
            }
            Phase::HalfOpen { passed, trial: None } => {
                self.phase = Phase::HalfOpen { passed, trial: Some(now) };
                (Some(true), None)
            }
            Phase::HalfOpen { trial: Some(since), .. } if now.saturating_sub(since) > patience => {
                (None, Some(self.trip(rules, Cause::Silent, now)))
            }
            Phase::HalfOpen { .. } => (None, None),
        }
    }

    /// A good answer to what began in `epoch`.
    pub fn succeeded(&mut self, rules: &HealthRules, epoch: u32, now: i64) -> Option<Event> {
        if epoch != self.epoch {
            return None;
        }
        match &mut self.phase {
            Phase::Closed => {
                self.streak = 0;
                self.window.count(false, micros(rules.window), now);
                None
            }
            Phase::Open { passed, .. } => {
                *passed += 1;
                if *passed >= rules.trials { Some(self.close(now)) } else { None }
            }
            Phase::HalfOpen { passed, trial } => {
                *trial = None;
                *passed += 1;
                if *passed >= rules.trials { Some(self.close(now)) } else { None }
            }
            Phase::Held => None,
        }
    }

    /// A failure of what began in `epoch`.
    pub fn failed(&mut self, rules: &HealthRules, epoch: u32, now: i64) -> Option<Event> {
        if epoch != self.epoch {
            return None;
        }
        match self.phase {
            Phase::Closed => self.fault(rules, now).map(|cause| self.trip(rules, cause, now)),
            Phase::HalfOpen { .. } => Some(self.trip(rules, Cause::Trial, now)),
            Phase::Open { until, cause, .. } => {
                self.phase = Phase::Open { until, cause, passed: 0 };
                None
            }
            Phase::Held => None,
        }
    }

    /// A trial ended and says nothing of the target (the caller went away, the request was wrong): the next may go.
    pub fn trial_was_void(&mut self, epoch: u32) {
        if let Phase::HalfOpen { trial, .. } = &mut self.phase
            && epoch == self.epoch
        {
            *trial = None;
        }
    }

    /// How the first token came to what began in `epoch`. A trial is judged by it.
    pub fn heard(&mut self, rules: &HealthRules, epoch: u32, slow: bool, now: i64) -> Option<Event> {
        if epoch != self.epoch {
            return None;
        }
        match self.phase {
            Phase::Closed => {
                self.slow = if slow { self.slow + 1 } else { 0 };
                let is_over = rules.slow_strikes > 0 && self.slow >= self.borne(rules.slow_strikes, now);
                is_over.then(|| self.trip(rules, Cause::Slow, now))
            }
            Phase::HalfOpen { .. } if slow => Some(self.trip(rules, Cause::Slow, now)),
            _ => None,
        }
    }

    /// Requests wait and nothing is heard.
    pub fn fell_silent(&mut self, rules: &HealthRules, now: i64) -> Option<Event> {
        (self.phase == Phase::Closed).then(|| self.trip(rules, Cause::Silent, now))
    }

    /// The result of an active probe. It closes what probes have opened; where failed requests opened the breaker it counts as a trial when
    /// the time for trials has come, because a probe may go well where requests do not.
    pub fn probed(&mut self, rules: &HealthRules, good: bool, now: i64) -> Option<Event> {
        self.probes = if good { self.probes.max(0) + 1 } else { self.probes.min(0) - 1 };
        let has_fallen = rules.probe_fall > 0 && i64::from(self.probes) <= -i64::from(rules.probe_fall);
        let has_risen = i64::from(self.probes) >= i64::from(rules.probe_rise.max(1));
        match self.phase {
            Phase::Closed if has_fallen => Some(self.trip(rules, Cause::Probe, now)),
            Phase::Open { cause: Cause::Probe, .. } if has_risen => Some(self.close(now)),
            Phase::Open { cause: Cause::Probe, .. } if !good => {
                let until = now.saturating_add(micros(rules.open));
                self.phase = Phase::Open { until, cause: Cause::Probe, passed: 0 };
                None
            }
            Phase::Open { until, .. } if good && now >= until => {
                self.phase = Phase::HalfOpen { passed: 0, trial: None };
                self.succeeded(rules, self.epoch, now).or(Some(Event::HalfOpened))
            }
            Phase::HalfOpen { passed, trial } if good => {
                let event = self.succeeded(rules, self.epoch, now);
                if event.is_none() {
                    // The trial under way goes on.
                    self.phase = Phase::HalfOpen { passed: passed + 1, trial };
                }
                event
            }
            Phase::HalfOpen { .. } => Some(self.trip(rules, Cause::Probe, now)),
            _ => None,
        }
    }

    /// Opens it by hand: it stays open until it is closed by hand.
    pub fn hold_open(&mut self) -> Event {
        self.epoch = self.epoch.wrapping_add(1);
        self.phase = Phase::Held;
        Event::Opened { cause: Cause::Hand, until: i64::MAX }
    }

    /// Closes it by hand, whatever it stood at, and forgets how often it was open.
    pub fn close_by_hand(&mut self, now: i64) -> Option<Event> {
        let was_closed = self.phase == Phase::Closed;
        let event = self.close(now);
        self.last_open = 0;
        (!was_closed).then_some(event)
    }

    /// Another instance's breaker opened: until then two fifths of the usual are borne. That alone never opens it.
    pub fn suspect(&mut self, until: i64) -> Event {
        let until = self.suspicious_until.map_or(until, |known| known.max(until));
        self.suspicious_until = Some(until);
        Event::Suspicious { until }
    }

    /// Counts a failure while closed, and says what it opens the breaker for.
    fn fault(&mut self, rules: &HealthRules, now: i64) -> Option<Cause> {
        self.streak = self.streak.saturating_add(1);
        self.window.count(true, micros(rules.window), now);
        let (since, fails) = self.fails;
        let is_fresh = (0..micros(rules.fail_timeout)).contains(&now.saturating_sub(since));
        self.fails = if is_fresh && fails > 0 { (since, fails + 1) } else { (now, 1) };
        if rules.failures > 0 && self.streak >= self.borne(rules.failures, now) {
            return Some(Cause::Consecutive);
        }
        let (all, failed) = self.window.sums(micros(rules.window), now);
        let least = self.borne(rules.rate_least, now).max(1);
        let is_over = |rate: f64| all >= least && f64::from(failed) >= rate * f64::from(all);
        if rules.rate.is_some_and(is_over) {
            return Some(Cause::Rate);
        }
        (rules.max_fails > 0 && self.fails.1 >= rules.max_fails).then_some(Cause::MaxFails)
    }

    /// How much is borne of what is borne usually.
    fn borne(&self, usually: u32, now: i64) -> u32 {
        let is_suspicious = self.suspicious_until.is_some_and(|until| now < until);
        if is_suspicious { (usually * 2 / 5).max(1) } else { usually }
    }

    fn trip(&mut self, rules: &HealthRules, cause: Cause, now: i64) -> Event {
        let (open, longest) = (micros(rules.open), micros(rules.longest_open));
        let came_from_trial = matches!(self.phase, Phase::HalfOpen { .. });
        // Who breaks again soon after it came back has not been well.
        let is_relapse = self.last_open > 0
            && (came_from_trial || now.saturating_sub(self.closed_at) < self.last_open.saturating_mul(2));
        let length = match cause {
            Cause::MaxFails => micros(rules.fail_timeout),
            _ if is_relapse => self.last_open.saturating_mul(2).clamp(open, longest.max(open)),
            _ => open,
        };
        let until = now.saturating_add(length);
        self.last_open = length;
        self.epoch = self.epoch.wrapping_add(1);
        self.phase = Phase::Open { until, cause, passed: 0 };
        Event::Opened { cause, until }
    }

    /// Nobody else can be asked: a trial may go sooner than the breaker would have it, [`HASTE`] after the last one.
    pub fn hasten(&mut self, now: i64) -> bool {
        let Phase::Open { until, cause, passed } = self.phase else { return false };
        let opened = until.saturating_sub(self.last_open);
        if now >= until || now.saturating_sub(opened) < HASTE {
            return false;
        }
        self.last_open = now.saturating_sub(opened);
        self.phase = Phase::Open { until: now, cause, passed };
        true
    }

    /// Whether it was opened by what may pass for the worse of two evils: answers that come late, or fail too often. `None`: it is half open,
    /// and nothing has changed.
    pub fn is_doubtful(&self) -> Option<bool> {
        match self.phase {
            Phase::Open { cause: Cause::Trial, .. } | Phase::HalfOpen { .. } => None,
            Phase::Open { cause, .. } => Some(matches!(cause, Cause::Rate | Cause::Slow | Cause::MaxFails)),
            Phase::Closed | Phase::Held => Some(false),
        }
    }

    fn close(&mut self, now: i64) -> Event {
        self.phase = Phase::Closed;
        self.closed_at = now;
        (self.streak, self.slow, self.fails) = (0, 0, (now, 0));
        self.window = Window::default();
        Event::Closed
    }
}
