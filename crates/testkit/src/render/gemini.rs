//! Gemini's `:generateContent` and `:streamGenerateContent`.

use serde_json::{Value, json};

use super::{Event, Kind};
use crate::answer::{Finish, Part, Reply};

pub(super) fn json(reply: &Reply<'_>) -> Value {
    let mut parts: Vec<Value> = reply.parts.iter().flat_map(|part| whole(reply, part)).collect();
    if reply.signed()
        && !has_calls(reply)
        && let Some(last) = parts.last_mut()
    {
        last["thoughtSignature"] = crate::SIGNATURE.into();
    }
    chunk(reply, parts, Some(finish_reason(reply)))
}

fn has_calls(reply: &Reply<'_>) -> bool {
    reply.parts.iter().any(|part| matches!(part, Part::Tool { .. }))
}

/// Gemini says `STOP` after a function call too; arguments that are no JSON it never passes on.
fn finish_reason<'a>(reply: &'a Reply<'_>) -> &'a str {
    let malformed = reply.script.shape.tool_bad_json && has_calls(reply);
    reply.finish_word(match reply.finish {
        _ if malformed => "MALFORMED_FUNCTION_CALL",
        Finish::Stop | Finish::Tool => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Refusal => "SAFETY",
    })
}

/// A part as non-streaming answers have it; refusals have none.
fn whole(reply: &Reply<'_>, part: &Part) -> Option<Value> {
    match part {
        Part::Thought { pieces, .. } => Some(json!({"text": pieces.concat(), "thought": true})),
        Part::Redacted | Part::Refusal(_) => None,
        Part::Text(pieces) => Some(json!({"text": pieces.concat()})),
        Part::Tool { nth, name, arguments } => call(reply, *nth, name, arguments),
    }
}

fn call(reply: &Reply<'_>, nth: usize, name: &str, arguments: &[String]) -> Option<Value> {
    let args: Value = match arguments {
        [] => json!({}),
        pieces => serde_json::from_str(&pieces.concat()).ok()?,
    };
    let mut part = json!({"functionCall": {"name": name, "args": args}});
    if reply.signed() && nth == 0 {
        part["thoughtSignature"] = crate::SIGNATURE.into();
    }
    Some(part)
}

/// Every chunk repeats the usage so far. The signature of a thought comes with the first call, or else with an
/// empty text in the last chunk.
pub(super) fn events(reply: &Reply<'_>) -> Vec<Event> {
    let mut events = Vec::new();
    for part in &reply.parts {
        let parts: Vec<Value> = match part {
            Part::Thought { pieces, .. } => {
                pieces.iter().map(|p| json!({"text": p, "thought": true})).collect()
            }
            Part::Text(pieces) => pieces.iter().map(|piece| json!({"text": piece})).collect(),
            other => whole(reply, other).into_iter().collect(),
        };
        events
            .extend(parts.into_iter().map(|part| Event::data(Kind::Delta, &chunk(reply, vec![part], None))));
    }
    if reply.script.faults.error_first {
        events.insert(0, Event::data(Kind::Start, &chunk(reply, Vec::new(), None)));
    }
    let mut last = json!({"text": ""});
    if reply.signed() && !has_calls(reply) {
        last["thoughtSignature"] = crate::SIGNATURE.into();
    }
    let parts = if matches!(reply.finish, Finish::Refusal) { Vec::new() } else { vec![last] };
    events.push(Event::data(Kind::Finish, &chunk(reply, parts, Some(finish_reason(reply)))));
    events
}

fn chunk(reply: &Reply<'_>, parts: Vec<Value>, finish: Option<&str>) -> Value {
    let mut candidate = json!({"index": 0});
    if !parts.is_empty() || finish.is_none() {
        candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    }
    if let Some(finish) = finish {
        candidate["finishReason"] = finish.into();
    }
    if finish == Some("SAFETY") {
        candidate["safetyRatings"] =
            json!([{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": true}]);
    }
    let mut chunk = json!({"candidates": [candidate]});
    if reply.tells_usage() {
        chunk["usageMetadata"] = usage(reply, finish.is_some());
    }
    chunk["modelVersion"] = reply.ask.model.as_str().into();
    chunk["responseId"] = reply.id("", 0).into();
    chunk
}

/// `promptTokenCount` holds the cached tokens; `candidatesTokenCount` leaves the thoughts out.
fn usage(reply: &Reply<'_>, last: bool) -> Value {
    if reply.bad_usage() {
        return json!({"promptTokenCount": -5, "candidatesTokenCount": "twelve", "totalTokenCount": null,
            "cachedContentTokenCount": 1_000_000_000_000_u64});
    }
    let spoken = reply.usage.output - reply.usage.reasoning;
    let spoken = if last { spoken } else { spoken.min(1) };
    let mut usage = json!({
        "promptTokenCount": reply.usage.input,
        "candidatesTokenCount": spoken,
        "totalTokenCount": reply.usage.input + spoken + reply.usage.reasoning,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": reply.usage.input}],
    });
    if reply.usage.reasoning > 0 {
        usage["thoughtsTokenCount"] = reply.usage.reasoning.into();
    }
    if reply.usage.cached > 0 {
        usage["cachedContentTokenCount"] = reply.usage.cached.into();
        usage["cacheTokensDetails"] = json!([{"modality": "TEXT", "tokenCount": reply.usage.cached}]);
    }
    usage
}
