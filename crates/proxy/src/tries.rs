//! Stop 5: which target is tried next, after which wait, and when it is enough.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tidegate_policy::RetryRules;
use tidegate_policy::health::Standing;
use tidegate_policy::overload::Ask;

use crate::ask::Failure;
use crate::book;
use crate::chance::chance;
use crate::clock::micros;
use crate::error::{GatewayError, Shed};
use crate::exchange::Exchange;
use crate::headers;
use crate::hedged::Second;
use crate::plan::Plan;
use crate::snapshot::Target;
use crate::traffic::{Engaged, Place, enter, try_enter, verdict};

/// The tries of one exchange: the plan's targets in order, and again from the front while the rules allow it.
#[derive(Debug)]
pub struct Tries<'p> {
    plan: &'p Plan,
    open: VecDeque<Try>,
    next_round: VecDeque<Try>,
    rules: RetryRules,
    repeats: bool,
    /// Attempts that were made by an earlier plan of the same exchange.
    before: u32,
    last: Option<Failure>,
}

/// A target of the plan, by its place there, and how long it is waited for.
#[derive(Clone, Copy, Debug)]
struct Try {
    at: usize,
    wait: Duration,
}

/// How a target can be had.
enum Had {
    Engaged,
    /// It has no room now.
    Full,
    /// It is not to be asked now.
    Out,
}

impl<'p> Tries<'p> {
    /// The tries that `plan` allows. `callers` are the caller's headers: an SDK that has begun to retry by itself gets each
    /// target once.
    pub fn new(plan: &'p Plan, callers: &HeaderMap, exchange: &Exchange) -> Self {
        let rules = exchange.snapshot.rules.retry;
        Self {
            plan,
            open: (0..plan.targets.len()).map(|at| Try { at, wait: Duration::ZERO }).collect(),
            next_round: VecDeque::new(),
            rules,
            repeats: rules.repeats_allowed(client_retries(callers)),
            before: exchange.attempts,
            last: None,
        }
    }

    /// The next target that can be had, after its wait; `None` when it is enough. What was had is with the exchange.
    pub async fn next(&mut self, exchange: &mut Exchange) -> Option<&'p Arc<Target>> {
        let mut now = micros();
        if self.made(exchange) >= self.rules.max_attempts || !self.is_paid_for(exchange, now) {
            return None;
        }
        let mut full = Vec::new();
        while let Some(Try { at, wait }) = self.pop() {
            let target = &self.plan.targets[at];
            if self.made(exchange) > 0 && exchange.started.elapsed() + wait >= target.limits.total {
                return None;
            }
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
                now = micros();
            }
            match self.try_have(at, exchange, now) {
                Had::Engaged => return Some(self.chosen(at, exchange)),
                Had::Full => full.push(at),
                Had::Out => {}
            }
        }
        let Some(&first) = full.first() else {
            self.note_all_out();
            return None;
        };
        // In a box: there is room nearly always.
        if Box::pin(self.wait_for(first, exchange)).await { Some(self.chosen(first, exchange)) } else { None }
    }

    /// A first try pays for later ones; a later one must have been paid for.
    fn is_paid_for(&self, exchange: &Exchange, now: i64) -> bool {
        let Some(budget) = self.plan.terms.first().and_then(|terms| terms.conduct.budget.as_ref()) else {
            return true;
        };
        if self.made(exchange) == 0 {
            budget.sent(now);
            return true;
        }
        let is_paid_for = budget.may_repeat(now);
        if !is_paid_for {
            exchange.meters.count_retry_unpaid();
            tracing::debug!("no further attempt: the retry budget is used up");
        }
        is_paid_for
    }

    /// Attempts of this plan so far.
    fn made(&self, exchange: &Exchange) -> u32 {
        exchange.attempts - self.before
    }

    fn pop(&mut self) -> Option<Try> {
        if self.open.is_empty() {
            std::mem::swap(&mut self.open, &mut self.next_round);
        }
        self.open.pop_front()
    }

    fn chosen(&self, at: usize, exchange: &mut Exchange) -> &'p Arc<Target> {
        let target = &self.plan.targets[at];
        exchange.attempts += 1;
        exchange.target = Some(target.clone());
        target
    }

    fn try_have(&self, at: usize, exchange: &mut Exchange, now: i64) -> Had {
        let (live, terms) = (&self.plan.targets[at].live, &self.plan.terms[at]);
        if !terms.is_forced && matches!(live.gauge.health().standing(now), Standing::Out(_)) {
            return Had::Out;
        }
        match try_enter(live, now) {
            Some(place) => self.engage(at, place, exchange),
            None => Had::Full,
        }
    }

    fn engage(&self, at: usize, place: Place, exchange: &mut Exchange) -> Had {
        let (live, terms) = (&self.plan.targets[at].live, &self.plan.terms[at]);
        exchange.engaged = Engaged::begin(live, terms, !exchange.stream, place);
        if exchange.engaged.is_some() { Had::Engaged } else { Had::Out }
    }

    /// Waits for room at the target.
    async fn wait_for(&mut self, at: usize, exchange: &mut Exchange) -> bool {
        let target = &self.plan.targets[at];
        let left = target.limits.total.saturating_sub(exchange.started.elapsed());
        let deadline = micros().saturating_add(i64::try_from(left.as_micros()).unwrap_or(i64::MAX));
        let ask = Ask { class: exchange.class, caller: crate::traffic::caller_hash(exchange), deadline };
        match enter(&target.live, ask).await {
            Ok(place) => {
                let is_had = matches!(self.engage(at, place, exchange), Had::Engaged);
                if !is_had {
                    self.note_all_out();
                }
                is_had
            }
            Err(no_room) => {
                self.last =
                    Some(Failure { error: GatewayError::Shed(no_room.why), asked: no_room.retry_after });
                false
            }
        }
    }

    /// No target can be had. An attempt that failed before says more than this.
    fn note_all_out(&mut self) {
        if self.last.is_some() || self.plan.targets.is_empty() {
            return;
        }
        let now = micros();
        let wait = self.plan.soonest(now).map(|until| u64::try_from(until - now).unwrap_or(0));
        let asked = wait.map(Duration::from_micros);
        self.last = Some(Failure { error: GatewayError::Shed(Shed::TargetsOut), asked });
    }

    /// Whom to ask as well when the target that was chosen last is slow: the next one, where the pool hedges.
    pub fn second(&self, exchange: &Exchange) -> Option<Second<'p>> {
        let next = self.open.front().filter(|next| next.wait.is_zero())?;
        let (target, terms) = (&self.plan.targets[next.at], &self.plan.terms[next.at]);
        let has_attempts = self.made(exchange) < self.rules.max_attempts;
        (terms.conduct.hedge.is_some() && has_attempts).then_some(Second { target, terms })
    }

    /// Takes note of an attempt that came to nothing; gives the failure back when no other try may help.
    pub fn failed(
        &mut self,
        target: &'p Arc<Target>,
        failure: Failure,
        exchange: &mut Exchange,
    ) -> Result<(), Failure> {
        target.meters.count_attempt(false);
        if let Some(engaged) = exchange.engaged.take() {
            let (outcome, has_too_much) = verdict(&failure, self.plan.targets.len() == 1);
            engaged.end(outcome, has_too_much);
        }
        book::came_to_nothing(target, &failure, exchange);
        tracing::debug!(target = %target.label, error = %failure.error, "an attempt failed");
        if !failure.error.another_try_may_help() {
            return Err(failure);
        }
        if self.repeats && failure.error.same_target_may_help() {
            let wait = self.rules.wait(self.made(exchange) + 1, failure.asked, chance());
            let at = self.plan.targets.iter().position(|one| Arc::ptr_eq(one, target));
            self.next_round.extend(at.zip(wait).map(|(at, wait)| Try { at, wait }));
        }
        self.last = Some(failure);
        Ok(())
    }

    /// Takes note of a target that cannot be asked at all, because its dialect cannot say the request. Nothing was sent, so
    /// this is no attempt; it is the answer only if no other target comes to anything.
    pub fn passed_over(&mut self, failure: Failure, exchange: &mut Exchange) {
        exchange.engaged = None;
        exchange.attempts -= 1;
        if self.made(exchange) == 0 {
            self.last = Some(failure);
        }
    }

    /// Why the last attempt came to nothing.
    pub fn into_last(self) -> Failure {
        self.last.unwrap_or_else(|| GatewayError::NoProvider.into())
    }
}

/// How often the caller's own SDK has retried this request.
fn client_retries(map: &HeaderMap) -> u32 {
    map.get(&headers::STAINLESS_RETRIES)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}
