//! Anthropic's `/v1/messages`.

use serde_json::{Value, json};

use super::{Event, Kind};
use crate::answer::{Finish, Part, Reply};

pub(super) fn json(reply: &Reply<'_>) -> Value {
    let content: Vec<Value> = reply.parts.iter().map(|part| block(reply, part)).collect();
    let mut answer = message(reply, content, stop_reason(reply).into());
    if reply.tells_usage() {
        answer["usage"] = usage(reply);
    }
    answer
}

fn message(reply: &Reply<'_>, content: Vec<Value>, stop_reason: Value) -> Value {
    json!({
        "id": reply.id("msg_01", 0), "type": "message", "role": "assistant", "model": reply.ask.model,
        "content": content, "stop_reason": stop_reason, "stop_sequence": null,
    })
}

fn stop_reason<'a>(reply: &'a Reply<'_>) -> &'a str {
    reply.finish_word(match reply.finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Tool => "tool_use",
        Finish::Refusal => "refusal",
    })
}

/// Anthropic's `input_tokens` leave the cached ones out.
fn usage(reply: &Reply<'_>) -> Value {
    let usage = reply.usage;
    if reply.bad_usage() {
        return json!({"input_tokens": -5, "output_tokens": "twelve", "cache_read_input_tokens": null,
            "cache_creation_input_tokens": 1_000_000_000_000_u64});
    }
    json!({
        "input_tokens": usage.input - usage.cached - usage.cache_write,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": usage.output,
        "service_tier": "standard",
    })
}

/// What is known before the model speaks; with `lateusage` nothing is.
fn start_usage(reply: &Reply<'_>) -> Value {
    if reply.script.shape.late_usage {
        return json!({"input_tokens": 0, "output_tokens": 0});
    }
    let mut start = usage(reply);
    if !reply.bad_usage() {
        start["output_tokens"] = json!(1);
    }
    start
}

/// The cumulative counts of `message_delta`.
fn final_usage(reply: &Reply<'_>) -> Value {
    let mut last = usage(reply);
    if let Some(last) = last.as_object_mut() {
        last.shift_remove("cache_creation");
        last.shift_remove("service_tier");
    }
    last
}

fn block(reply: &Reply<'_>, part: &Part) -> Value {
    match part {
        Part::Thought { pieces, signature } => {
            json!({"type": "thinking", "thinking": pieces.concat(), "signature": signature})
        }
        Part::Redacted => json!({"type": "redacted_thinking", "data": crate::REDACTED}),
        Part::Text(pieces) | Part::Refusal(pieces) => json!({"type": "text", "text": pieces.concat()}),
        Part::Tool { nth, name, arguments } => {
            let input = serde_json::from_str(&arguments.concat()).unwrap_or_else(|_| json!({}));
            json!({"type": "tool_use", "id": reply.id("toolu_01", *nth), "name": name, "input": input})
        }
    }
}

pub(super) fn events(reply: &Reply<'_>) -> Vec<Event> {
    let mut start = message(reply, Vec::new(), Value::Null);
    if reply.tells_usage() {
        start["usage"] = start_usage(reply);
    }
    let mut events =
        vec![Event::named(Kind::Start, "message_start", &json!({"type": "message_start", "message": start}))];
    for (index, part) in reply.parts.iter().enumerate() {
        block_events(reply, index, part, &mut events);
    }
    let delta = json!({"stop_reason": stop_reason(reply), "stop_sequence": null});
    let mut last = json!({"type": "message_delta", "delta": delta});
    if reply.tells_usage() {
        last["usage"] = final_usage(reply);
    }
    events.push(Event::named(Kind::Finish, "message_delta", &last));
    events.push(Event::named(Kind::End, "message_stop", &json!({"type": "message_stop"})));
    events
}

/// Blocks come one after the other: Anthropic never has two open at once. A ping follows the first start.
fn block_events(reply: &Reply<'_>, index: usize, part: &Part, events: &mut Vec<Event>) {
    let empty = match part {
        Part::Thought { .. } => json!({"type": "thinking", "thinking": "", "signature": ""}),
        Part::Text(_) | Part::Refusal(_) => json!({"type": "text", "text": ""}),
        Part::Redacted => block(reply, part),
        Part::Tool { nth, name, .. } => {
            json!({"type": "tool_use", "id": reply.id("toolu_01", *nth), "name": name, "input": {}})
        }
    };
    let start = json!({"type": "content_block_start", "index": index, "content_block": empty});
    events.push(Event::named(Kind::Delta, "content_block_start", &start));
    if index == 0 {
        events.push(Event::named(Kind::Delta, "ping", &json!({"type": "ping"})));
    }
    for delta in deltas(part) {
        let data = json!({"type": "content_block_delta", "index": index, "delta": delta});
        events.push(Event::named(Kind::Delta, "content_block_delta", &data));
    }
    let stop = json!({"type": "content_block_stop", "index": index});
    events.push(Event::named(Kind::Delta, "content_block_stop", &stop));
}

fn deltas(part: &Part) -> Vec<Value> {
    let each = |pieces: &[String], kind: &str, field: &str| -> Vec<Value> {
        pieces.iter().map(|piece| json!({"type": kind, field: piece})).collect()
    };
    match part {
        Part::Thought { pieces, signature } => {
            let mut deltas = each(pieces, "thinking_delta", "thinking");
            deltas.push(json!({"type": "signature_delta", "signature": signature}));
            deltas
        }
        Part::Redacted => Vec::new(),
        Part::Text(pieces) | Part::Refusal(pieces) => each(pieces, "text_delta", "text"),
        Part::Tool { arguments, .. } => each(arguments, "input_json_delta", "partial_json"),
    }
}
