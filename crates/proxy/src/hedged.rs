//! Stop 5, hedging: a second target is asked when the first takes longer than nearly always, and the answer that comes first is taken.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tidegate_llm::Dialect;
use tidegate_policy::hedge::{Hedge, Hedging, Waiting};
use tidegate_store::counters::Reservation;

use crate::ask::{Failure, Good, ask};
use crate::attempt::line_for;
use crate::clock::micros;
use crate::encode::{Encoded, Way, encode};
use crate::exchange::Exchange;
use crate::hold;
use crate::plan::Terms;
use crate::prompt::Prompt;
use crate::snapshot::Target;
use crate::traffic::{Engaged, try_enter, verdict};

/// The target that is asked when the first one is slow.
#[derive(Clone, Copy, Debug)]
pub struct Second<'p> {
    /// Who.
    pub target: &'p Arc<Target>,
    /// How it is treated.
    pub terms: &'p Terms,
}

/// Whose answer came first.
#[derive(Debug)]
pub enum Won {
    /// The first one's, or the only one's.
    First(Result<Box<Good>, Failure>),
    /// The second one's.
    Second(Box<SecondAnswer>),
}

impl Won {
    fn first(answer: Result<Good, Failure>) -> Self {
        Self::First(answer.map(Box::new))
    }
}

/// The second target's answer, with all that is needed to tell it.
#[derive(Debug)]
pub struct SecondAnswer {
    /// The answer.
    pub good: Good,
    /// Its dialect.
    pub dialect: Dialect,
    /// How it is told to the caller.
    pub way: Way,
    /// What could not be carried over.
    pub dropped: Vec<String>,
    /// The attempt.
    pub engaged: Engaged,
    /// What it holds of its provider's limits.
    pub held: Option<Reservation>,
    /// How long the first one was waited for before this one was asked.
    pub delay: Duration,
}

/// Waits for `first`; when that takes longer than nearly always, asks the second target as well. The loser is dropped, which
/// cancels its work.
pub async fn race(
    first: impl Future<Output = Result<Good, Failure>>,
    second: Second<'_>,
    prompt: &Prompt,
    exchange: &Exchange,
) -> Won {
    let mut first = pin!(first);
    let Some(hedge) = &second.terms.conduct.hedge else { return Won::first(first.await) };
    hedge.sent(micros());
    let Some(delay) = hedge.delay() else { return Won::first(first.await) };
    tokio::select! {
        biased;
        answer = &mut first => return Won::first(answer),
        () = tokio::time::sleep(delay) => {}
    }
    let Some((engaged, encoded)) = second.begin(hedge, delay, prompt, exchange) else {
        return Won::first(first.await);
    };
    // The first one's answer waits no longer than Redis may take, and only where providers are limited.
    let Ok(held) = hold::enter_second(second.target, exchange).await else {
        return Won::first(first.await);
    };
    let Encoded { outbound, dialect, way, dropped } = encoded;
    let line = line_for(prompt, second.target);
    let mut other = pin!(ask(second.target, line, outbound, &prompt.headers, exchange));
    let answer = tokio::select! {
        biased;
        answer = &mut first => match answer {
            Ok(good) => return Won::first(Ok(good)),
            Err(failure) => match other.await {
                Ok(good) => good,
                Err(_) => return Won::First(Err(failure)),
            },
        },
        answer = &mut other => match answer {
            Ok(good) => good,
            Err(failure) => {
                let (outcome, has_too_much) = verdict(&failure, false);
                engaged.end(outcome, has_too_much);
                return Won::first(first.await);
            }
        },
    };
    Won::Second(Box::new(SecondAnswer { good: answer, dialect, way, dropped, engaged, held, delay }))
}

impl Second<'_> {
    /// Begins the attempt, if the budget pays for it, the target has room at once, and its dialect can say the request.
    fn begin(
        &self,
        hedge: &Hedge,
        waited: Duration,
        prompt: &Prompt,
        exchange: &Exchange,
    ) -> Option<(Engaged, Encoded)> {
        let encoded = encode(prompt, self.target, line_for(prompt, self.target)).ok()?;
        let now = micros();
        let place = try_enter(&self.target.live, now)?;
        let left = self.target.limits.total.saturating_sub(exchange.started.elapsed());
        let waiting = Waiting { waited, left, is_committed: false, has_other_target: true };
        if hedge.decide(waiting, now) != Hedging::Now {
            return None;
        }
        let engaged = Engaged::begin(&self.target.live, self.terms, !exchange.stream, place)?;
        exchange.meters.count_hedge_sent();
        Some((engaged, encoded))
    }
}
