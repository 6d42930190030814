//! What is done when a limit is reached: the config's `when_limited` in its order, and a refusal if none of it can be had.

use crate::ask::Failure;
use crate::attempt::{self, Committed};
use crate::error::GatewayError;
use crate::exchange::Exchange;
use crate::hold::{Size, hold};
use crate::plan::Plan;
use crate::prompt::Prompt;
use crate::snapshot::Instead;
use crate::told::tell_words;
use crate::traffic::Wish;

/// How a request goes on once its limits have been asked.
#[derive(Debug)]
pub enum Granted {
    /// With these targets.
    Plan(Plan),
    /// Not at all: this is the answer.
    Answer(Box<Committed>),
}

/// Holds what the request may use at most; where a limit is reached, takes what the config says instead.
pub async fn within_limits(prompt: &Prompt, plan: Plan, exchange: &mut Exchange) -> Result<Granted, Failure> {
    let size = size(prompt);
    exchange.is_output_bounded = size.max_tokens.is_some();
    let Err(refusal) = hold(&size, prompt.model(), &plan.targets, exchange).await else {
        return Ok(Granted::Plan(plan));
    };
    instead(prompt, &size, refusal, exchange).await
}

/// The limits of all providers are reached: takes what the config says instead, unless something was taken already.
pub async fn when_full(
    prompt: &Prompt,
    refusal: Failure,
    exchange: &mut Exchange,
) -> Result<Committed, Failure> {
    if exchange.degraded.is_some() {
        return Err(refusal);
    }
    match instead(prompt, &size(prompt), refusal, exchange).await? {
        Granted::Plan(plan) => attempt::answer(prompt, &plan, exchange).await,
        Granted::Answer(committed) => Ok(*committed),
    }
}

/// What the config says to do when a limit is reached; the refusal if there is nothing.
async fn instead(
    prompt: &Prompt,
    size: &Size,
    refusal: Failure,
    exchange: &mut Exchange,
) -> Result<Granted, Failure> {
    let GatewayError::Limited(limited) = &refusal.error else { return Err(refusal) };
    let rule = limited.rule.name.clone();
    let snapshot = exchange.snapshot.clone();
    for instead in &snapshot.access.when_limited {
        let (granted, word) = match instead {
            // Nothing is kept yet.
            Instead::Cache => continue,
            Instead::Model(name) => (Box::pin(other_model(name, prompt, size, exchange)).await, "model"),
            Instead::Message(words) => {
                (Some(Granted::Answer(Box::new(words_instead(prompt, words, exchange)?))), "message")
            }
        };
        if let Some(granted) = granted {
            exchange.degraded = Some(word);
            exchange.meters.count_limited(&rule, word);
            return Ok(granted);
        }
    }
    exchange.meters.count_limited(&rule, "refused");
    Err(refusal)
}

/// Whether a failure means that nobody could answer, rather than that the request was wrong.
pub fn is_down(failure: &Failure) -> bool {
    failure.error.another_try_may_help() || matches!(failure.error, GatewayError::Shed(_))
}

/// Nobody could answer: takes what the config says instead, and the failure if none of it can be had. What was had instead of something
/// else already is not replaced once more.
pub async fn when_down(
    prompt: &Prompt,
    failure: Failure,
    exchange: &mut Exchange,
) -> Result<Committed, Failure> {
    if exchange.degraded.is_some() {
        return Err(failure);
    }
    let snapshot = exchange.snapshot.clone();
    for instead in &snapshot.access.when_down {
        match instead {
            // Nothing is kept yet.
            Instead::Cache => {}
            Instead::Model(name) => {
                let size = size(prompt);
                let other = Box::pin(other_model(name, prompt, &size, exchange)).await;
                let Some(Granted::Plan(plan)) = other else {
                    continue;
                };
                if let Ok(committed) = attempt::answer(prompt, &plan, exchange).await {
                    exchange.degraded = Some("model");
                    return Ok(committed);
                }
            }
            Instead::Message(words) => {
                exchange.degraded = Some("message");
                return words_instead(prompt, words, exchange);
            }
        }
    }
    Err(failure)
}

fn size(prompt: &Prompt) -> Size {
    let peek = &prompt.peek;
    Size { max_tokens: peek.max_tokens, answers: peek.n, ..Size::of_input(prompt.body.len()) }
}

/// Another model, if its limits have room. The operator has chosen it: the caller's key need not name it.
async fn other_model(name: &str, prompt: &Prompt, size: &Size, exchange: &mut Exchange) -> Option<Granted> {
    let plan = Plan::make(&exchange.snapshot.models, name, &Wish::of(prompt, exchange)).ok()?;
    hold(size, name, &plan.targets, exchange).await.ok()?;
    Some(Granted::Plan(plan))
}

fn words_instead(prompt: &Prompt, words: &str, exchange: &Exchange) -> Result<Committed, Failure> {
    let told = tell_words(prompt, words, exchange)?;
    Ok(Committed { told, headers: http::HeaderMap::new(), dropped: Vec::new() })
}
