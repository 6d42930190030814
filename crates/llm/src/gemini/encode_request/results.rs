//! `functionResponse`.

use serde_json::{Map, Value, json};

use super::Context;
use super::media;
use crate::gemini::model::Generation;
use crate::hub::{Media, Part, ToolResult};

/// One result, ready to be put in the order of the calls (case 34).
pub(super) struct Written {
    /// Position of its call in the step; results without a call come last.
    pub(super) position: usize,
    /// The part.
    pub(super) part: Value,
}

/// Writes a result. Its media go inside where the model takes them (Gemini 3), else to `beside`. `None` when nobody
/// knows the tool's name, which Gemini requires: then the text goes to `beside` too, so that nothing is lost.
pub(super) fn write(
    context: Context<'_>,
    result: &ToolResult,
    calls: &[(String, String)],
    beside: &mut Vec<Value>,
) -> Option<Written> {
    let found = calls.iter().position(|(id, _)| *id == result.call_id);
    let name = found.and_then(|at| calls.get(at)).map(|(_, name)| name.as_str());
    let name = name.or(result.name.as_deref()).or_else(|| name_in_history(context, &result.call_id));
    let parts: Vec<Value> = media_of(result).filter_map(media::write).collect();
    let Some(name) = name else {
        let text = format!("Result of tool call {}: {}", result.call_id, result.joined_text());
        beside.push(json!({ "text": text }));
        beside.extend(parts);
        return None;
    };
    let mut response = Map::new();
    if let Some(id) = super::contents::wire_id(&result.call_id) {
        response.insert("id".to_owned(), id.into());
    }
    response.insert("name".to_owned(), name.into());
    response.insert("response".to_owned(), response_object(result));
    if context.model.generation != Generation::Three {
        beside.extend(parts);
    } else if !parts.is_empty() {
        response.insert("parts".to_owned(), Value::Array(parts));
    }
    let part = json!({ "functionResponse": response });
    Some(Written { position: found.unwrap_or(usize::MAX), part })
}

fn media_of(result: &ToolResult) -> impl Iterator<Item = &Media> {
    result.content.iter().filter_map(|part| match part {
        Part::Media(media) => Some(media),
        _ => None,
    })
}

/// The name of an earlier call of that id.
fn name_in_history<'a>(context: Context<'a>, id: &str) -> Option<&'a str> {
    let parts = context.request.turns.iter().rev().flat_map(|turn| &turn.parts);
    parts.into_iter().find_map(|part| match part {
        Part::ToolCall(call) if call.id == id => Some(call.name.as_str()),
        _ => None,
    })
}

/// `response` must be an object. A JSON object is sent as it is, unless it has a `$ref` anywhere, which Gemini would
/// read as a reference of its own (case 36); everything else is `{"result": text}`, failures are `{"error": text}`.
fn response_object(result: &ToolResult) -> Value {
    let text = result.joined_text();
    if result.is_error {
        return json!({ "error": text });
    }
    match serde_json::from_str::<Value>(&text) {
        Ok(object @ Value::Object(_)) if !has_ref(&object) => object,
        _ => json!({ "result": text }),
    }
}

fn has_ref(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| key == "$ref" || has_ref(value)),
        Value::Array(items) => items.iter().any(has_ref),
        _ => false,
    }
}
