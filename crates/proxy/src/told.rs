//! What the caller is told of a target's answer, up to the commit point.

use bytes::Bytes;
use tidegate_llm::adapt::ToolNames;
use tidegate_llm::codec::Reply;
use tidegate_llm::convert::{stream_as_whole, whole_as_stream};
use tidegate_llm::passage::{Observer, read_answer};
use tidegate_llm::translate::{Complete, Translator, translate_response};
use tidegate_llm::{Dialect, Usage};
use tidegate_policy::TimeLimits;

use crate::ask::Good;
use crate::encode::Way;
use crate::error::GatewayError;
use crate::estimate;
use crate::exchange::Exchange;
use crate::prompt::Prompt;
use crate::relay::{Relay, Voice};

/// What the caller is told.
#[derive(Debug)]
pub enum Told {
    /// A stream; its first events are held in the relay.
    Stream {
        /// The relay, not yet committed.
        relay: Box<Relay>,
        /// Its MIME type.
        content_type: &'static str,
    },
    /// A whole body, with what is known of its tokens.
    Whole {
        /// The body.
        body: Bytes,
        /// Its MIME type.
        content_type: &'static str,
        /// Tokens, told or estimated.
        usage: Option<Usage>,
    },
}

const JSON: &str = "application/json";

/// The provider answers with a stream of events.
pub async fn tell_stream(
    prompt: &Prompt,
    dialect: Dialect,
    way: Way,
    answer: Good,
    exchange: &mut Exchange,
) -> Result<Told, GatewayError> {
    let Good { source, sent, .. } = answer;
    if !prompt.stream() {
        let body = source.read_whole(exchange.snapshot.rules.answer_body).await?;
        let names = way.into_names();
        let reply = reply(prompt, dialect, exchange);
        let converted = stream_as_whole(dialect, prompt.form(), &body, &reply, &names)?;
        let usage = Some(tokens(exchange, converted.usage, converted.text_bytes));
        return Ok(Told::Whole { body: converted.body.into(), content_type: JSON, usage });
    }
    let form = prompt.form();
    let (voice, content_type) = match way {
        Way::Pass { hide_usage } => {
            (Voice::pass(Observer::new(prompt.kind(), hide_usage), prompt.dialect()), "text/event-stream")
        }
        Way::Translate(names) => {
            let translator = Translator::new(dialect, form, reply(prompt, dialect, exchange), names);
            let translator = match completion(prompt, exchange) {
                Some(complete) => translator.completing(complete),
                None => translator,
            };
            (Voice::translate(translator), form.stream_type())
        }
    };
    let mut relay = Box::new(Relay::new(source, voice));
    let limits = exchange.target.as_ref().map_or_else(TimeLimits::default, |target| target.limits);
    relay.hold(sent, &limits).await?;
    exchange.heard();
    exchange.first_token = Some(exchange.started.elapsed());
    Ok(Told::Stream { relay, content_type })
}

/// The provider answers with a whole body.
pub async fn tell_whole(
    prompt: &Prompt,
    dialect: Dialect,
    way: Way,
    answer: Good,
    exchange: &mut Exchange,
) -> Result<Told, GatewayError> {
    exchange.heard();
    let body = answer.source.read_whole(exchange.snapshot.rules.answer_body).await?;
    if prompt.stream() {
        let names = way.into_names();
        let form = prompt.form();
        let converted = whole_as_stream(dialect, form, &body, reply(prompt, dialect, exchange), &names)?;
        let content_type = form.stream_type();
        let usage = Some(tokens(exchange, converted.usage, converted.text_bytes));
        return Ok(Told::Whole { body: converted.body.into(), content_type, usage });
    }
    match way {
        Way::Pass { .. } => {
            let answer = read_answer(prompt.kind(), &body)?;
            let usage = tokens(exchange, answer.usage, answer.text_bytes);
            let body = if prompt.usage_cost { with_cost(body, exchange, &usage) } else { body };
            Ok(Told::Whole { body, content_type: JSON, usage: Some(usage) })
        }
        Way::Translate(names) => {
            let complete = completion(prompt, exchange);
            let reply = reply(prompt, dialect, exchange);
            let translated =
                translate_response(dialect, prompt.form(), &body, &reply, &names, complete.as_ref())?;
            let usage = Some(tokens(exchange, translated.progress.usage, translated.progress.text_bytes));
            Ok(Told::Whole { body: translated.body.into(), content_type: JSON, usage })
        }
    }
}

/// The gateway answers with words of its own, in the caller's form.
pub fn tell_words(prompt: &Prompt, words: &str, exchange: &Exchange) -> Result<Told, GatewayError> {
    let body = serde_json::json!({
        "id": exchange.id.to_string(), "object": "chat.completion", "model": exchange.model,
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": words }, "finish_reason": "stop" }],
    });
    let (body, form) = (body.to_string(), prompt.form());
    let reply = Reply { model: exchange.model.clone(), ..reply(prompt, Dialect::OpenaiChat, exchange) };
    let names = ToolNames::default();
    if prompt.stream() {
        let stream = whole_as_stream(Dialect::OpenaiChat, form, body.as_bytes(), reply, &names)?;
        return Ok(Told::Whole { body: stream.body.into(), content_type: form.stream_type(), usage: None });
    }
    let whole = translate_response(Dialect::OpenaiChat, form, body.as_bytes(), &reply, &names, None)?;
    Ok(Told::Whole { body: whole.body.into(), content_type: JSON, usage: None })
}

/// What encoders of answers must know.
fn reply(prompt: &Prompt, dialect: Dialect, exchange: &Exchange) -> Reply {
    let now = exchange.arrived.duration_since(std::time::SystemTime::UNIX_EPOCH);
    Reply {
        id: exchange.id.to_string(),
        model: exchange.target.as_ref().map_or_else(String::new, |target| target.model.clone()),
        now: now.map_or(0, |since| since.as_secs()),
        origin: Some(dialect),
        include_usage: prompt.peek.include_usage || prompt.usage_cost,
        request: prompt.decoded().unwrap_or_default(),
    }
}

/// Puts the cost into usage reports, and the prompt's size into estimated ones, where the caller wants the cost.
fn completion(prompt: &Prompt, exchange: &Exchange) -> Option<Complete> {
    let target = exchange.target.clone().filter(|_| prompt.usage_cost)?;
    let snapshot = exchange.snapshot.clone();
    let arrived = exchange.arrived;
    let input = estimate::input(exchange.request_bytes);
    Some(Box::new(move |usage: &mut Usage| {
        if usage.estimated && usage.input == 0 {
            usage.input = input;
        }
        usage.cost = snapshot.cost_of(&target, usage, arrived);
    }))
}

/// The tokens of a whole answer, told or estimated.
fn tokens(exchange: &Exchange, told: Option<Usage>, text_bytes: u64) -> Usage {
    estimate::tokens(told, true, exchange.request_bytes, text_bytes)
}

/// Puts `cost` into the usage of an answer that otherwise passes as it is. Opt-in, so that others do not pay for it.
fn with_cost(body: Bytes, exchange: &Exchange, usage: &Usage) -> Bytes {
    let Some(cost) = exchange.cost_of(usage) else { return body };
    let Ok(mut answer) = serde_json::from_slice::<serde_json::Value>(&body) else { return body };
    let field = if answer.get("usageMetadata").is_some() { "usageMetadata" } else { "usage" };
    match answer.get_mut(field).and_then(serde_json::Value::as_object_mut) {
        Some(report) => {
            report.insert("cost".to_owned(), cost.as_dollars().into());
            answer.to_string().into()
        }
        None => body,
    }
}
