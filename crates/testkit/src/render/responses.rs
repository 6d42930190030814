//! OpenAI's `/v1/responses`: the response object and the stream around its items.

use serde_json::{Value, json};

use super::responses_items::{item, item_events};
use super::{CREATED, Event, Kind};
use crate::answer::{Finish, Part, Reply};

/// Request fields that the response object repeats, with what it says if the request has none.
fn echoed() -> [(&'static str, Value); 12] {
    [
        ("instructions", Value::Null),
        ("max_output_tokens", Value::Null),
        ("metadata", json!({})),
        ("parallel_tool_calls", json!(true)),
        ("previous_response_id", Value::Null),
        ("reasoning", json!({"effort": null, "summary": null})),
        ("store", json!(true)),
        ("temperature", json!(1.0)),
        ("text", json!({"format": {"type": "text"}})),
        ("tool_choice", json!("auto")),
        ("tools", json!([])),
        ("top_p", json!(1.0)),
    ]
}

pub(super) fn json(reply: &Reply<'_>) -> Value {
    match (reply.script.faults.failed, reply.finish) {
        (true, _) => failed_response(reply),
        (_, Finish::Length) => finished(reply, "incomplete"),
        _ => finished(reply, "completed"),
    }
}

fn response(reply: &Reply<'_>, status: &str) -> Value {
    let mut response = json!({
        "id": reply.id("resp_", 0), "object": "response", "created_at": CREATED, "status": status,
        "background": false, "error": null, "incomplete_details": null, "model": reply.ask.model, "output": [],
        "service_tier": "default", "truncation": "disabled", "usage": null, "user": null,
    });
    for (field, default) in echoed() {
        response[field] =
            reply.ask.body.get(field).filter(|value| !value.is_null()).cloned().unwrap_or(default);
    }
    response
}

fn finished(reply: &Reply<'_>, status: &str) -> Value {
    let mut response = response(reply, status);
    response["output"] =
        reply.parts.iter().enumerate().map(|(nth, part)| item(reply, nth, part, status)).collect();
    if status == "incomplete" {
        response["incomplete_details"] = json!({"reason": reply.finish_word("max_output_tokens")});
    } else {
        response["completed_at"] = json!(CREATED + 1);
    }
    if reply.tells_usage() {
        response["usage"] = usage(reply);
    }
    response
}

fn failed_response(reply: &Reply<'_>) -> Value {
    let mut response = response(reply, "failed");
    let (code, message) = crate::vendor_error::stream_code(&reply.script.faults);
    response["error"] = json!({"code": code, "message": message});
    if reply.tells_usage() {
        response["usage"] = usage(reply);
    }
    response
}

fn usage(reply: &Reply<'_>) -> Value {
    let usage = reply.usage;
    if reply.bad_usage() {
        return json!({"input_tokens": -5, "output_tokens": "twelve", "total_tokens": null,
            "input_tokens_details": {"cached_tokens": 1_000_000_000_000_u64}, "output_tokens_details": []});
    }
    json!({
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    })
}

pub(super) fn events(reply: &Reply<'_>) -> Vec<Event> {
    let mut writer = Writer::default();
    let started = response(reply, "in_progress");
    writer.push(Kind::Start, "response.created", json!({"response": started}));
    writer.push(Kind::Start, "response.in_progress", json!({"response": started}));
    let (calls, others): (Vec<_>, Vec<_>) =
        reply.parts.iter().enumerate().partition(|(_, part)| matches!(part, Part::Tool { .. }));
    for (nth, part) in others {
        for (name, data) in item_events(reply, nth, part) {
            writer.push(Kind::Delta, name, data);
        }
    }
    for (name, data) in in_turn(calls.iter().map(|(nth, part)| item_events(reply, *nth, part)).collect()) {
        writer.push(Kind::Delta, name, data);
    }
    let last = match (reply.script.faults.failed, reply.finish) {
        (true, _) => "response.failed",
        (_, Finish::Length) => "response.incomplete",
        _ => "response.completed",
    };
    writer.push(Kind::End, last, json!({"response": json(reply)}));
    writer.events
}

/// One event of each list after the other.
fn in_turn(lists: Vec<Vec<(&'static str, Value)>>) -> Vec<(&'static str, Value)> {
    let mut ordered: Vec<_> = lists.into_iter().flat_map(|list| list.into_iter().enumerate()).collect();
    ordered.sort_by_key(|(at, _)| *at);
    ordered.into_iter().map(|(_, event)| event).collect()
}

/// `response.failed`, as it follows an `error` event.
pub(super) fn failed(reply: &Reply<'_>, sequence: usize) -> Event {
    let mut writer = Writer { sequence, events: Vec::new() };
    writer.push(Kind::Fault, "response.failed", json!({"response": failed_response(reply)}));
    writer.events.remove(0)
}

/// Numbers the events.
#[derive(Default)]
struct Writer {
    sequence: usize,
    events: Vec<Event>,
}

impl Writer {
    fn push(&mut self, kind: Kind, name: &'static str, data: Value) {
        let mut event = json!({"type": name, "sequence_number": self.sequence});
        if let (Some(event), Value::Object(data)) = (event.as_object_mut(), data) {
            event.extend(data);
        }
        self.sequence += 1;
        self.events.push(Event::named(kind, name, &event));
    }
}
