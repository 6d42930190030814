//! A reply put into a dialect: as one JSON body, or as the events of a stream.

mod anthropic;
mod chat;
mod completions;
mod gemini;
mod responses;
mod responses_items;

use serde_json::{Value, json};

use crate::answer::Reply;
use crate::ask::Dialect;
use crate::script::UsageMode;
use crate::vendor_error;

/// The time of every answer, in Unix seconds: answers must not depend on the clock.
pub(crate) const CREATED: u64 = 1_790_000_000;

/// One event of a stream, not yet framed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) kind: Kind,
    pub(crate) name: Option<&'static str>,
    pub(crate) data: String,
}

/// The part that an event plays, whatever its dialect calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Before any content.
    Start,
    /// Content.
    Delta,
    /// Says why the model stopped.
    Finish,
    /// Says nothing but token counts.
    Usage,
    /// The last one.
    End,
    /// Put in by a fault.
    Fault,
}

impl Event {
    fn data(kind: Kind, data: &Value) -> Self {
        Self { kind, name: None, data: data.to_string() }
    }

    fn named(kind: Kind, name: &'static str, data: &Value) -> Self {
        Self { kind, name: Some(name), data: data.to_string() }
    }

    fn done() -> Self {
        Self { kind: Kind::End, name: None, data: "[DONE]".to_owned() }
    }
}

/// The whole answer as one JSON body.
pub(crate) fn json(dialect: Dialect, reply: &Reply<'_>) -> Value {
    match dialect {
        Dialect::Chat => chat::json(reply),
        Dialect::Responses => responses::json(reply),
        Dialect::Completions => completions::json(reply),
        Dialect::Anthropic => anthropic::json(reply),
        Dialect::Gemini => gemini::json(reply),
    }
}

/// The answer as a stream, with the script's endings and faults among the events.
pub(crate) fn events(dialect: Dialect, reply: &Reply<'_>) -> Vec<Event> {
    let mut events = match dialect {
        Dialect::Chat => chat::events(reply),
        Dialect::Responses => responses::events(reply),
        Dialect::Completions => completions::events(reply),
        Dialect::Anthropic => anthropic::events(reply),
        Dialect::Gemini => gemini::events(reply),
    };
    shape(dialect, reply, &mut events);
    disturb(dialect, reply, &mut events);
    events
}

fn shape(dialect: Dialect, reply: &Reply<'_>, events: &mut Vec<Event>) {
    let shape = &reply.script.shape;
    if shape.usage == UsageMode::Twice {
        let kind = match dialect {
            Dialect::Chat | Dialect::Completions => Kind::Usage,
            Dialect::Responses => Kind::End,
            Dialect::Anthropic | Dialect::Gemini => Kind::Finish,
        };
        if let Some(at) = events.iter().rposition(|event| event.kind == kind) {
            events.insert(at, events[at].clone());
        }
    }
    if shape.usage_first {
        let finish = events.iter().position(|event| event.kind == Kind::Finish);
        let usage = events.iter().position(|event| event.kind == Kind::Usage);
        if let (Some(finish), Some(usage)) = (finish, usage) {
            events.swap(finish, usage);
        }
    }
    if shape.no_finish {
        events.retain(|event| !matches!(event.kind, Kind::Finish | Kind::Usage | Kind::End));
    }
    if shape.no_done {
        events.retain(|event| event.kind != Kind::End);
    }
}

fn disturb(dialect: Dialect, reply: &Reply<'_>, events: &mut Vec<Event>) {
    let faults = &reply.script.faults;
    let mut put = |at: usize, event: Event| events.insert(at.min(events.len()), event);
    if let Some(at) = faults.bad_event {
        put(at, Event { kind: Kind::Fault, name: None, data: "{\"broken\": \"eve".to_owned() });
    }
    if let Some(at) = faults.unknown_event {
        put(at, unknown(dialect));
    }
    let first = events.iter().take_while(|event| event.kind == Kind::Start).count();
    let before_the_end =
        events.iter().take_while(|event| !matches!(event.kind, Kind::Finish | Kind::End)).count();
    let fails = (faults.failed && dialect != Dialect::Responses).then_some(before_the_end);
    if let Some(at) = faults.error_after.or(faults.error_first.then_some(first)).or(fails) {
        let at = at.min(events.len());
        events.truncate(at);
        events.push(vendor_error::event(dialect, faults, at));
        if dialect == Dialect::Responses && faults.nested_error {
            events.push(responses::failed(reply, at + 1));
        }
    }
}

/// An event that no client knows yet.
fn unknown(dialect: Dialect) -> Event {
    match dialect {
        Dialect::Anthropic => {
            Event::named(Kind::Fault, "future_event", &json!({"type": "future_event", "future": [1]}))
        }
        Dialect::Responses => Event::named(
            Kind::Fault,
            "response.future_event",
            &json!({"type": "response.future_event", "future": [1]}),
        ),
        Dialect::Gemini => Event::data(Kind::Fault, &json!({"future": [1]})),
        Dialect::Chat => Event::data(
            Kind::Fault,
            &json!({"id": "chatcmpl-future", "object": "chat.completion.chunk", "created": CREATED,
                "model": "future", "choices": [], "future": [1]}),
        ),
        Dialect::Completions => Event::data(
            Kind::Fault,
            &json!({"id": "cmpl-future", "object": "text_completion", "created": CREATED, "model": "future",
                "choices": [], "future": [1]}),
        ),
    }
}

/// OpenAI's `usage` of chat and completions; `null` where the script tells none.
fn openai_usage(reply: &Reply<'_>) -> Value {
    let usage = reply.usage;
    if reply.bad_usage() {
        return json!({"prompt_tokens": -5, "completion_tokens": "twelve", "total_tokens": null,
            "prompt_tokens_details": {"cached_tokens": 1_000_000_000_000_u64}, "completion_tokens_details": []});
    }
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write, "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    })
}
