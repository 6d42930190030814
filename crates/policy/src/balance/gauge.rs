//! What is known of one target by now.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering::Relaxed};

use super::balancer::Watch;
use super::ewma::PeakEwma;
use super::reading::{HeadroomReading, LoadReading};
use super::report::Report;
use crate::health::{Event, Health};

/// Live state of one target, shared by all threads and kept over reloads.
#[derive(Debug, Default)]
pub struct Gauge {
    health: Health,
    in_flight: AtomicU32,
    first_token: PeakEwma,
    round_trip: PeakEwma,
    headroom: HeadroomReading,
    load: LoadReading,
    /// Begun and nothing heard yet.
    waiting: AtomicU32,
    /// Given up by their callers without a word from the target, since it was last heard.
    forsaken: AtomicU32,
    /// Since when nothing has been heard while there was something to hear; time in which nobody waited does not count.
    quiet_since: AtomicI64,
    /// When the last one who waited gave up.
    deserted_at: AtomicI64,
}

/// One attempt at a target. It must come to [`Gauge::end`], or the target seems busy for ever.
#[must_use]
#[derive(Debug)]
pub struct Ticket {
    epoch: u32,
    trial: bool,
    heard: bool,
    /// The breaker has counted the trial as passed.
    counted: bool,
    /// The answer comes in one piece.
    whole: bool,
}

/// What came of [`Gauge::begin`].
#[must_use]
#[derive(Debug)]
pub struct Begun {
    /// `None`: the target is not to be asked now (its trial is taken, or it has just been found silent): ask the next one.
    pub ticket: Option<Ticket>,
    /// What changed.
    pub event: Option<Event>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered well to its end.
    Success,
    /// No connection, no answer in time, a 5xx, a stream that broke off, garbage.
    Failure,
    /// The provider has no room (429, 529 with a time): until the named moment, if it named one. Not a failure.
    Limited(Option<i64>),
    /// The provider does not take the credential (401, 402, 403).
    CredentialOut,
    /// Says nothing of the target: the request was wrong (400, 404, 413, 422), the caller went away, a hedge was won by the other.
    Void,
}

/// So many that wait in silence are needed before it is more than one slow answer.
const ENOUGH_SILENCE: u32 = 3;

impl Gauge {
    /// An attempt begins. `forced`: in a panic ([`super::Order::is_panic`]) the breaker is not heeded.
    pub fn begin(&self, watch: Watch<'_>, forced: bool, now: i64) -> Begun {
        let usual = self.first_token.last() as i64;
        let patience = watch.health.patience(if usual > 0 { usual } else { watch.usual });
        let unheard = self.unheard(now);
        let is_silent = unheard >= ENOUGH_SILENCE
            && now.saturating_sub(self.quiet_since.load(Relaxed)) > patience
            && watch.health.silence.is_some();
        if is_silent && let Some(event) = self.health.fell_silent(watch.health, now) {
            self.forsaken.store(0, Relaxed);
            self.quiet_since.store(now, Relaxed);
            let ticket = forced
                .then(|| self.ticket(self.health.admit(watch.health, patience, true, now).epoch, false));
            return Begun { ticket, event: Some(event) };
        }
        let admission = self.health.admit(watch.health, patience, forced, now);
        let Some(trial) = admission.trial else { return Begun { ticket: None, event: admission.event } };
        Begun { ticket: Some(self.ticket(admission.epoch, trial)), event: admission.event }
    }

    /// How many have begun and heard nothing. Where none of them waits any more, the time until somebody asks again is no silence.
    fn unheard(&self, now: i64) -> u32 {
        let (waiting, forsaken) = (self.waiting.load(Relaxed), self.forsaken.load(Relaxed));
        if waiting == 0 {
            let pause = now.saturating_sub(self.deserted_at.swap(now, Relaxed));
            let since = self.quiet_since.load(Relaxed).saturating_add(pause);
            self.quiet_since.store(if forsaken == 0 { now } else { since.min(now) }, Relaxed);
        }
        waiting.saturating_add(forsaken)
    }

    fn ticket(&self, epoch: u32, trial: bool) -> Ticket {
        self.in_flight.fetch_add(1, Relaxed);
        self.waiting.fetch_add(1, Relaxed);
        Ticket { epoch, trial, heard: false, counted: false, whole: false }
    }

    /// The answer will come in one piece: how long its head takes is how long the whole answer takes, so neither silence nor slowness says
    /// anything of the target.
    pub fn comes_whole(&self, ticket: &mut Ticket) {
        ticket.whole = true;
        if !ticket.heard {
            ticket.heard = true;
            self.waiting.fetch_sub(1, Relaxed);
        }
    }

    /// The first token of a good answer came, `took` after the attempt began (the head, where the answer is not streamed).
    pub fn heard(
        &self,
        ticket: &mut Ticket,
        watch: Watch<'_>,
        took: std::time::Duration,
        now: i64,
    ) -> Option<Event> {
        self.note_life(ticket, now);
        let took = crate::health::micros(took);
        let is_slow = !ticket.whole && watch.health.is_slow(took, watch.usual);
        self.first_token.observe(took, watch.decay, now);
        let event = self.health.heard(watch.health, ticket.epoch, is_slow, now);
        if event.is_none() && ticket.trial && !ticket.counted {
            ticket.counted = true;
            return self.health.succeeded(watch.health, ticket.epoch, now);
        }
        event
    }

    /// The attempt ended.
    pub fn end(&self, mut ticket: Ticket, watch: Watch<'_>, outcome: Outcome, now: i64) -> Option<Event> {
        self.in_flight.fetch_sub(1, Relaxed);
        if outcome == Outcome::Void {
            if !ticket.heard {
                self.waiting.fetch_sub(1, Relaxed);
                self.forsaken.fetch_add(1, Relaxed);
                self.deserted_at.store(now, Relaxed);
            }
        } else {
            self.note_life(&mut ticket, now);
        }
        match outcome {
            // A trial that has passed is not counted twice.
            Outcome::Success if ticket.counted => None,
            Outcome::Success => self.health.succeeded(watch.health, ticket.epoch, now),
            Outcome::Failure => self.health.failed(watch.health, ticket.epoch, now),
            Outcome::Limited(_) | Outcome::CredentialOut | Outcome::Void => {
                if ticket.trial && !ticket.counted {
                    self.health.trial_was_void(watch.health, ticket.epoch, now);
                }
                match outcome {
                    Outcome::Limited(until) => Some(self.health.limited(until, now)),
                    Outcome::CredentialOut => self.health.credential_out(),
                    _ => None,
                }
            }
        }
    }

    /// The share of the provider's rate limit that is left, 0 to 1 (of several limits the smallest), and until when: its reset.
    pub fn told_headroom(&self, share: f32, until: i64) {
        self.headroom.take(share, until);
    }

    /// The back end's own report of its load.
    pub fn told_load(&self, report: &Report, now: i64) {
        self.load.take(report, self.in_flight(), now);
    }

    /// How long a connection or a light probe took: the distance of its region.
    pub fn told_round_trip(&self, took: std::time::Duration, now: i64) {
        self.round_trip.observe(crate::health::micros(took), super::balancer::DISTANCE_DECAY, now);
    }

    /// Attempts under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// The peak-EWMA of the time to first token, in microseconds, as last measured; 0: unknown.
    pub fn first_token(&self) -> f32 {
        self.first_token.last()
    }

    /// The distance in microseconds; 0: unknown.
    pub fn round_trip(&self) -> f32 {
        self.round_trip.last()
    }

    /// The share of the provider's limit that is left.
    pub fn headroom(&self, now: i64) -> f32 {
        self.headroom.share(now)
    }

    /// The load that its own metrics show, in requests.
    pub fn load(&self, now: i64) -> f32 {
        self.load.load(self.in_flight(), now)
    }

    /// Its breaker, limit and credential.
    pub fn health(&self) -> &Health {
        &self.health
    }

    pub(crate) fn faded_first_token(&self, decay: i64, now: i64) -> Option<f32> {
        self.first_token.faded(decay, now)
    }

    /// The target said something, be it a refusal.
    fn note_life(&self, ticket: &mut Ticket, now: i64) {
        if !ticket.heard {
            ticket.heard = true;
            self.waiting.fetch_sub(1, Relaxed);
        }
        self.forsaken.store(0, Relaxed);
        self.quiet_since.store(now, Relaxed);
    }
}
