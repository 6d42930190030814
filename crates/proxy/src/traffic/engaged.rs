//! One attempt at one target, from its begin to its end.

use std::sync::Arc;
use std::time::Duration;

use tidegate_policy::balance::{Outcome, Strategy, Ticket};
use tidegate_policy::overload::Answer;

use super::gate::look;
use super::{Conduct, Live, Place};
use crate::clock::micros;
use crate::plan::Terms;

/// An attempt under way. It holds the target's room; dropped without an end, it says nothing of the target.
#[derive(Debug)]
pub struct Engaged {
    live: Arc<Live>,
    conduct: Arc<Conduct>,
    ticket: Option<Ticket>,
    answer: Answer,
    began: i64,
    is_heard: bool,
    /// Given back last, after the target has been judged.
    _place: Place,
}

impl Engaged {
    /// Begins an attempt with that place, for an answer in one piece or a stream. `None`: the target is not to be asked now.
    pub fn begin(live: &Arc<Live>, terms: &Terms, is_whole: bool, place: Place) -> Option<Self> {
        let (conduct, now) = (&terms.conduct, place.since());
        let begun = live.gauge.begin(conduct.balancer.watch(), terms.is_forced, now);
        if let Some(event) = begun.event {
            live.note(event);
        }
        let mut ticket = begun.ticket?;
        let answer = if is_whole { Answer::Whole } else { Answer::Stream };
        if is_whole {
            live.gauge.comes_whole(&mut ticket);
        }
        let ticket = Some(ticket);
        let (live, conduct) = (live.clone(), conduct.clone());
        Some(Self { live, conduct, ticket, answer, began: now, is_heard: false, _place: place })
    }

    /// The first token has come; of an answer that is not streamed, its head.
    pub fn heard(&mut self) {
        let Some(ticket) = self.ticket.as_mut().filter(|_| !self.is_heard) else { return };
        self.is_heard = true;
        let now = micros();
        let took = Duration::from_micros(u64::try_from(now - self.began).unwrap_or(0));
        self.live.gate.concurrency().first_token(self.answer, self.began, now);
        if self.live.gate.waiting() > 0 {
            look(&self.live);
        }
        if let Some(hedge) = &self.conduct.hedge {
            hedge.first_token(took);
        }
        if let Some(event) = self.live.gauge.heard(ticket, self.conduct.balancer.watch(), took, now) {
            self.live.note(event);
        }
    }

    /// An answer's head has come: what it tells of the provider's limits, where somebody wants to know.
    pub fn saw_head(&self, map: &http::HeaderMap) {
        if self.conduct.balancer.rules().strategy == Strategy::Headroom
            && let Some((share, until)) = super::headroom::headroom(map)
        {
            self.live.gauge.told_headroom(share, until);
        }
    }

    /// It has ended. `has_too_much`: the target said so, or did not answer in time.
    pub fn end(mut self, outcome: Outcome, has_too_much: bool) {
        if has_too_much {
            self.live.gate.concurrency().overloaded(micros());
        }
        self.finish(outcome);
    }

    fn finish(&mut self, outcome: Outcome) {
        let Some(ticket) = self.ticket.take() else { return };
        let watch = self.conduct.balancer.watch();
        if let Some(event) = self.live.gauge.end(ticket, watch, outcome, micros()) {
            self.live.note(event);
        }
    }
}

impl Drop for Engaged {
    fn drop(&mut self) {
        self.finish(Outcome::Void);
    }
}
