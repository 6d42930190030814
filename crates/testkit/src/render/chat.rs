//! OpenAI's `/v1/chat/completions`.

use serde_json::{Map, Value, json};

use super::{CREATED, Event, Kind, openai_usage};
use crate::answer::{Finish, Part, Reply};

pub(super) fn json(reply: &Reply<'_>) -> Value {
    let mut answer = json!({
        "id": reply.id("chatcmpl-", 0),
        "object": "chat.completion",
        "created": CREATED,
        "model": reply.ask.model,
        "choices": [{
            "index": 0, "message": message(reply), "logprobs": null, "finish_reason": finish_reason(reply),
        }],
        "usage": openai_usage(reply),
        "service_tier": "default",
        "system_fingerprint": "fp_testkit",
    });
    if let (false, Some(answer)) = (reply.tells_usage(), answer.as_object_mut()) {
        answer.shift_remove("usage");
    }
    answer
}

fn finish_reason<'a>(reply: &'a Reply<'_>) -> &'a str {
    reply.finish_word(match reply.finish {
        Finish::Stop | Finish::Refusal => "stop",
        Finish::Length => "length",
        Finish::Tool => "tool_calls",
    })
}

fn message(reply: &Reply<'_>) -> Value {
    let mut message = json!({"role": "assistant", "content": null, "refusal": null, "annotations": []});
    let mut calls = Vec::new();
    for part in &reply.parts {
        match part {
            Part::Thought { pieces, .. } => merge(&mut message, thought(reply, &pieces.concat(), true)),
            Part::Redacted => merge(&mut message, redacted()),
            Part::Text(pieces) => message["content"] = pieces.concat().into(),
            Part::Refusal(pieces) => message["refusal"] = pieces.concat().into(),
            Part::Tool { nth, name, arguments } => calls.push(json!({
                "id": reply.id("call_", *nth), "type": "function",
                "function": {"name": name, "arguments": arguments.concat()},
            })),
        }
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    message
}

/// DeepSeek's `reasoning_content`, or with `details` OpenRouter's `reasoning` and `reasoning_details`.
fn thought(reply: &Reply<'_>, text: &str, whole: bool) -> Value {
    if !reply.script.shape.details {
        return json!({"reasoning_content": text});
    }
    let mut detail =
        json!({"type": "reasoning.text", "text": text, "format": "anthropic-claude-v1", "index": 0});
    if whole {
        detail["signature"] = crate::SIGNATURE.into();
    }
    json!({"reasoning": text, "reasoning_details": [detail]})
}

fn redacted() -> Value {
    json!({"reasoning_details": [{"type": "reasoning.encrypted", "data": crate::REDACTED, "index": 0}]})
}

fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}

pub(super) fn events(reply: &Reply<'_>) -> Vec<Event> {
    let calls = reply.parts.iter().any(|part| matches!(part, Part::Tool { .. }));
    let content = if calls { Value::Null } else { json!("") };
    let start = json!({"role": "assistant", "content": content, "refusal": null});
    let mut events = vec![chunk(reply, Kind::Start, start, Value::Null)];
    let mut delta = |delta: Value| events.push(chunk(reply, Kind::Delta, delta, Value::Null));
    for part in &reply.parts {
        match part {
            Part::Thought { pieces, .. } => {
                pieces.iter().for_each(|piece| delta(thought(reply, piece, false)));
                if reply.script.shape.details {
                    delta(thought(reply, "", true));
                }
            }
            Part::Redacted => delta(redacted()),
            Part::Text(pieces) => pieces.iter().for_each(|piece| delta(json!({"content": piece}))),
            Part::Refusal(pieces) => pieces.iter().for_each(|piece| delta(json!({"refusal": piece}))),
            Part::Tool { .. } => {}
        }
    }
    tool_deltas(reply).into_iter().for_each(&mut delta);
    events.push(chunk(reply, Kind::Finish, json!({}), finish_reason(reply).into()));
    events.extend(usage_chunk(reply));
    events.push(Event::done());
    events
}

/// All calls are opened first, then their arguments come in turn: the hardest order that a client must bear.
fn tool_deltas(reply: &Reply<'_>) -> Vec<Value> {
    let mut deltas = Vec::new();
    let mut pieces = Vec::new();
    for part in &reply.parts {
        let Part::Tool { nth, name, arguments } = part else { continue };
        deltas.push(json!({"tool_calls": [{
            "index": nth, "id": reply.id("call_", *nth), "type": "function",
            "function": {"name": name, "arguments": ""},
        }]}));
        pieces.extend(arguments.iter().enumerate().map(|(at, piece)| (at, nth, piece)));
    }
    pieces.sort_by_key(|(at, nth, _)| (*at, *nth));
    let argument =
        |(_, nth, piece)| json!({"tool_calls": [{"index": nth, "function": {"arguments": piece}}]});
    deltas.extend(pieces.into_iter().map(argument));
    deltas
}

fn head(reply: &Reply<'_>) -> Map<String, Value> {
    let head = json!({
        "id": reply.id("chatcmpl-", 0), "object": "chat.completion.chunk", "created": CREATED,
        "model": reply.ask.model, "service_tier": "default", "system_fingerprint": "fp_testkit",
    });
    if let Value::Object(head) = head { head } else { Map::new() }
}

fn chunk(reply: &Reply<'_>, kind: Kind, delta: Value, finish: Value) -> Event {
    let mut data = head(reply);
    let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish});
    data.insert("choices".to_owned(), json!([choice]));
    if reply.ask.include_usage {
        data.insert("usage".to_owned(), Value::Null);
    }
    Event::data(kind, &Value::Object(data))
}

fn usage_chunk(reply: &Reply<'_>) -> Option<Event> {
    if !(reply.ask.include_usage && reply.tells_usage()) {
        return None;
    }
    let mut data = head(reply);
    data.insert("choices".to_owned(), json!([]));
    data.insert("usage".to_owned(), openai_usage(reply));
    Some(Event::data(Kind::Usage, &Value::Object(data)))
}
