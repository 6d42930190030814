//! Writes a whole answer for a caller.

use super::output::{Body, Content, Item, arguments, prefix};
use super::response_object::{Echo, ResponseObject, State};
use super::{annotation, ids, seal, stop};
use crate::Dialect;
use crate::codec::Reply;
use crate::hub::{ChatResponse, Media, MediaKind, MediaSource, Part, Reasoning};

/// Writes the JSON body: a response object whose request fields repeat [`Reply::request`].
pub fn encode(response: &ChatResponse, reply: &Reply) -> Vec<u8> {
    let id = ids::response_id(&response.id, &reply.id);
    let base = ids::base(&response.id, &reply.id);
    let mut items = Vec::new();
    for part in &response.parts {
        add(part, base, &mut items);
    }
    let has_refusal = response.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let outcome = stop::write(&response.stop, has_refusal);
    for (i, item) in items.iter_mut().rev().enumerate() {
        item.status = Some(if i == 0 { outcome.status } else { "completed" });
    }
    let echo = Echo::of(&reply.request);
    let created_at = response.created.unwrap_or(reply.now);
    let state = State {
        id: &id,
        model: if response.model.is_empty() { &reply.model } else { &response.model },
        created_at,
        completed_at: (outcome.status == "completed").then_some(reply.now.max(created_at)),
        status: outcome.status,
        error: None,
        incomplete_reason: outcome.reason,
        output: &items,
        usage: response.usage.as_ref(),
    };
    serde_json::to_vec(&ResponseObject::new(&echo, state)).unwrap_or_default()
}

/// Neighbouring texts and refusals share a message, as the stream encoder does it.
fn add(part: &Part, base: &str, items: &mut Vec<Item>) {
    let content = match part {
        Part::Text { text, citations, .. } => {
            Content::text(text.clone(), annotation::write_all(citations, text))
        }
        Part::Refusal(refusal) => Content::Refusal { refusal: refusal.clone() },
        other => {
            if let Some((id, body)) = body(other) {
                let id = id.unwrap_or_else(|| ids::item_id(prefix(&body), base, items.len()));
                items.push(Item { id, status: None, body });
            }
            return;
        }
    };
    if let Some(Item { body: Body::Message(contents), .. }) = items.last_mut() {
        contents.push(content);
        return;
    }
    let id = ids::item_id("msg", base, items.len());
    items.push(Item { id, status: None, body: Body::Message(vec![content]) });
}

/// The item for a part that stands alone, with its own id if it has one that fits here.
fn body(part: &Part) -> Option<(Option<String>, Body)> {
    Some(match part {
        Part::Reasoning(reasoning) => {
            let id = reasoning.id.clone().filter(|id| id.starts_with("rs_"));
            (id, reasoning_body(reasoning))
        }
        Part::ToolCall(call) => {
            let body = Body::Call {
                call_id: call.id.clone(),
                name: call.name.clone(),
                arguments: arguments(&call.arguments, call.kind).to_owned(),
                kind: call.kind,
            };
            (None, body)
        }
        Part::Media(Media { kind: MediaKind::Image, source: MediaSource::Base64(data), .. }) => {
            (None, Body::Picture(data.clone()))
        }
        Part::Opaque { dialect: Dialect::OpenaiResponses, json, .. } => {
            let id = json["id"].as_str().map(str::to_owned);
            (id, Body::Raw(json.clone()))
        }
        Part::Opaque { .. } | Part::Media(_) | Part::ToolResult(_) | Part::Text { .. } | Part::Refusal(_) => {
            return None;
        }
    })
}

fn reasoning_body(reasoning: &Reasoning) -> Body {
    let encrypted =
        seal::write(reasoning.signature.as_deref(), reasoning.encrypted.as_deref(), reasoning.origin);
    Body::Reasoning { text: reasoning.text.clone(), is_summary: reasoning.is_summary, encrypted }
}
