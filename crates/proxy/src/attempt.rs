//! Stop 5: the fall-back loop. Tries targets until one has committed to an answer.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use tidegate_llm::Dialect;
use tidegate_llm::openai_chat::{may_prefer_responses, prefers_responses};

use crate::ask::{Failure, ask};
use crate::book;
use crate::encode::{Encoded, encode};
use crate::error::GatewayError;
use crate::exchange::Exchange;
use crate::hedged::{Second, Won, race};
use crate::hold;
use crate::plan::Plan;
use crate::prompt::Prompt;
use crate::relay::Stopwatch;
use crate::snapshot::{Line, Target};
use crate::told::{Told, tell_stream, tell_whole};
use crate::traffic::Engaged;
use crate::tries::Tries;
use crate::upstream::Outbound;

/// An answer that a target has committed to.
#[derive(Debug)]
pub struct Committed {
    /// What the caller is told.
    pub told: Told,
    /// The provider's headers.
    pub headers: HeaderMap,
    /// Fields that could not be carried over.
    pub dropped: Vec<String>,
}

/// Answers a chat request with the first target that commits.
pub async fn answer(prompt: &Prompt, plan: &Plan, exchange: &mut Exchange) -> Result<Committed, Failure> {
    let mut tries = Tries::new(plan, &prompt.headers, exchange);
    while let Some(target) = tries.next(exchange).await {
        let line = line_for(prompt, target);
        let encoded = match encode(prompt, target, line) {
            Ok(encoded) => encoded,
            Err(error) => {
                tries.passed_over(error.into(), exchange);
                continue;
            }
        };
        if let Err(refusal) = hold::enter(target, exchange).await {
            tries.passed_over(refusal, exchange);
            continue;
        }
        let second = tries.second(exchange);
        match attempt(prompt, Chosen { target, line, second }, encoded, exchange).await {
            Ok(committed) => return Ok(committed),
            Err(failure) => tries.failed(target, failure, exchange)?,
        }
    }
    Err(tries.into_last())
}

/// The line that an attempt goes over: the caller's own dialect where the provider speaks it. But newer GPT models refuse
/// reasoning together with function tools on OpenAI's chat, and serve the same on its responses (case 62).
pub(crate) fn line_for<'t>(prompt: &Prompt, target: &'t Target) -> Option<&'t Line> {
    let is_refused_on_chat = prompt.dialect() == Dialect::OpenaiChat
        && may_prefer_responses(&target.model)
        && prompt.decoded().is_ok_and(|request| prefers_responses(&target.model, &request));
    let responses = target.provider.line(Dialect::OpenaiResponses).filter(|_| is_refused_on_chat);
    responses.or_else(|| target.provider.line_for(prompt.dialect()))
}

/// Whom an attempt goes to.
#[derive(Clone, Copy)]
struct Chosen<'p> {
    target: &'p Arc<Target>,
    line: Option<&'p Line>,
    /// Who is asked as well when the target is slow.
    second: Option<Second<'p>>,
}

async fn attempt(
    prompt: &Prompt,
    chosen: Chosen<'_>,
    encoded: Encoded,
    exchange: &mut Exchange,
) -> Result<Committed, Failure> {
    book::begin(exchange);
    let watch = Stopwatch::start();
    let result = carry_out(prompt, chosen, encoded, exchange).await;
    watch.add_to(&mut exchange.waited);
    let committed = result?;
    if let Some(target) = &exchange.target {
        target.meters.count_attempt(true);
    }
    Ok(committed)
}

async fn carry_out(
    prompt: &Prompt,
    chosen: Chosen<'_>,
    encoded: Encoded,
    exchange: &mut Exchange,
) -> Result<Committed, Failure> {
    let Encoded { outbound, mut dialect, mut way, mut dropped } = encoded;
    let mut answer = match chosen.second {
        None => ask(chosen.target, chosen.line, outbound, &prompt.headers, exchange).await?,
        Some(second) => match in_race(prompt, chosen, second, outbound, exchange).await {
            Won::First(answer) => *answer?,
            Won::Second(won) => {
                (dialect, way, dropped) = (won.dialect, won.way, won.dropped);
                hold::take_over(won.held, exchange);
                take_over(chosen.target, second.target, won.engaged, won.delay, exchange);
                won.good
            }
        },
    };
    let headers = std::mem::take(&mut answer.head.headers);
    let told = if is_event_stream(&headers, prompt.stream()) {
        tell_stream(prompt, dialect, way, answer, exchange).await?
    } else {
        tell_whole(prompt, dialect, way, answer, exchange).await?
    };
    Ok(Committed { told, headers, dropped })
}

/// Asks both, in a box: what is seldom needed would take its room in every request.
async fn in_race(
    prompt: &Prompt,
    chosen: Chosen<'_>,
    second: Second<'_>,
    outbound: Outbound,
    exchange: &Exchange,
) -> Won {
    Box::pin(async move {
        let first = ask(chosen.target, chosen.line, outbound, &prompt.headers, exchange);
        race(first, second, prompt, exchange).await
    })
    .await
}

/// The second target's answer came first: from here on the exchange is its own, and the first one's attempt is over.
fn take_over(
    first: &Arc<Target>,
    second: &Arc<Target>,
    engaged: Engaged,
    delay: Duration,
    exchange: &mut Exchange,
) {
    exchange.meters.count_hedge_won();
    let slow = GatewayError::Timeout { stage: "first token", limit: delay };
    book::came_to_nothing(first, &slow.into(), exchange);
    book::begin(exchange);
    exchange.engaged = Some(engaged);
    exchange.target = Some(second.clone());
    exchange.attempts += 1;
}

/// Whether the body is a stream of events. A provider that does not say so is believed to do what it was asked, unless it
/// says JSON (fault 48).
fn is_event_stream(map: &HeaderMap, asked_for: bool) -> bool {
    let content_type = map.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.contains("event-stream") || (asked_for && !content_type.contains("json"))
}
