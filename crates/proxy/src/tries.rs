//! Stop 5: which target is tried next, after which wait, and when it is enough.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tidegate_policy::RetryRules;

use crate::ask::Failure;
use crate::book;
use crate::chance::chance;
use crate::error::GatewayError;
use crate::exchange::Exchange;
use crate::headers;
use crate::plan::Plan;
use crate::snapshot::Target;

/// The tries of one exchange: the plan's targets in order, and again from the front while the rules allow it.
#[derive(Debug)]
pub struct Tries<'p> {
    open: VecDeque<Try<'p>>,
    next_round: VecDeque<Try<'p>>,
    rules: RetryRules,
    repeats: bool,
    last: Failure,
}

#[derive(Debug)]
struct Try<'p> {
    target: &'p Arc<Target>,
    wait: Duration,
}

impl<'p> Tries<'p> {
    /// The tries that `plan` allows. `callers` are the caller's headers: an SDK that has begun to retry by itself gets each
    /// target once.
    pub fn new(plan: &'p Plan, callers: &HeaderMap, rules: RetryRules) -> Self {
        Self {
            open: plan.targets.iter().map(|target| Try { target, wait: Duration::ZERO }).collect(),
            next_round: VecDeque::new(),
            rules,
            repeats: rules.repeats_allowed(client_retries(callers)),
            last: GatewayError::NoProvider.into(),
        }
    }

    /// The next target, after its wait; `None` when it is enough.
    pub async fn next(&mut self, exchange: &mut Exchange) -> Option<&'p Arc<Target>> {
        if exchange.attempts >= self.rules.max_attempts {
            return None;
        }
        if self.open.is_empty() {
            std::mem::swap(&mut self.open, &mut self.next_round);
        }
        let Try { target, wait } = self.open.pop_front()?;
        if exchange.attempts > 0 && exchange.started.elapsed() + wait >= target.limits.total {
            return None;
        }
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        exchange.attempts += 1;
        exchange.target = Some(target.clone());
        Some(target)
    }

    /// Takes note of an attempt that came to nothing; gives the failure back when no other try may help.
    pub fn failed(
        &mut self,
        target: &'p Arc<Target>,
        failure: Failure,
        exchange: &mut Exchange,
    ) -> Result<(), Failure> {
        target.meters.count_attempt(false);
        book::came_to_nothing(target, &failure, exchange);
        tracing::debug!(target = %target.label, error = %failure.error, "an attempt failed");
        if !failure.error.another_try_may_help() {
            return Err(failure);
        }
        if self.repeats && failure.error.same_target_may_help() {
            let wait = self.rules.wait(exchange.attempts + 1, failure.asked, chance());
            self.next_round.extend(wait.map(|wait| Try { target, wait }));
        }
        self.last = failure;
        Ok(())
    }

    /// Takes note of a target that cannot be asked at all, because its dialect cannot say the request. Nothing was sent, so
    /// this is no attempt; it is the answer only if no other target comes to anything.
    pub fn passed_over(&mut self, failure: Failure, exchange: &mut Exchange) {
        exchange.attempts -= 1;
        if exchange.attempts == 0 {
            self.last = failure;
        }
    }

    /// Why the last attempt came to nothing.
    pub fn into_last(self) -> Failure {
        self.last
    }
}

/// How often the caller's own SDK has retried this request.
fn client_retries(map: &HeaderMap) -> u32 {
    map.get(&headers::STAINLESS_RETRIES)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}
