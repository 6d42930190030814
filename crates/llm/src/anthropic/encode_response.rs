//! Writes a whole answer for a caller.

use serde::Serialize;
use serde_json::{Value, json};

use super::usage::WireUsage;
use super::{citation, stop};
use crate::Dialect;
use crate::codec::Reply;
use crate::hub::{ChatResponse, Part, Reasoning, StopReason, ToolCall, ToolKind};
use crate::usage::Usage;

#[derive(Serialize)]
struct Answer<'a> {
    id: String,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Value>,
    stop_reason: &'a str,
    stop_sequence: Option<&'a str>,
    usage: WireUsage<'a>,
}

/// Writes the JSON body. A refusal in words is a text with the stop reason `refusal`; thoughts of other vendors are
/// thinking blocks without a signature, their encrypted thoughts and pictures have no place here and are left out.
pub fn encode(response: &ChatResponse, reply: &Reply) -> Vec<u8> {
    let nothing = Usage::default();
    let is_refused = response.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let stop =
        if is_refused && response.stop == StopReason::Stop { &StopReason::Refusal } else { &response.stop };
    let (stop_reason, stop_sequence) = stop::encode(stop);
    let answer = Answer {
        id: message_id(&response.id, &reply.id),
        r#type: "message",
        role: "assistant",
        model: if response.model.is_empty() { &reply.model } else { &response.model },
        content: response.parts.iter().filter_map(|part| write_part(part, reply.origin)).collect(),
        stop_reason,
        stop_sequence,
        usage: WireUsage::of(response.usage.as_ref().unwrap_or(&nothing)),
    };
    serde_json::to_vec(&answer).unwrap_or_default()
}

/// The provider's id with this dialect's prefix, or the exchange's.
pub(super) fn message_id(given: &str, fallback: &str) -> String {
    match given {
        "" => format!("msg_{fallback}"),
        id if id.starts_with("msg_") => id.to_owned(),
        id => format!("msg_{id}"),
    }
}

fn write_part(part: &Part, provider: Option<Dialect>) -> Option<Value> {
    match part {
        Part::Text { text, citations, .. } if citations.is_empty() => {
            Some(json!({"type": "text", "text": text}))
        }
        Part::Text { text, citations, .. } => {
            let citations: Vec<_> = citations.iter().map(citation::encode).collect();
            Some(json!({"type": "text", "text": text, "citations": citations}))
        }
        Part::Refusal(text) => Some(json!({"type": "text", "text": text})),
        Part::Reasoning(reasoning) => write_reasoning(reasoning, provider),
        Part::ToolCall(call) => Some(write_call(call)),
        Part::Opaque { dialect: Dialect::Anthropic, json, .. } => Some(json.clone()),
        Part::Opaque { .. } | Part::Media(_) | Part::ToolResult(_) => None,
    }
}

/// Another vendor's seal is not given to the caller, who would send it back as if it were Anthropic's (case 55).
fn write_reasoning(reasoning: &Reasoning, provider: Option<Dialect>) -> Option<Value> {
    let is_own = reasoning.origin.or(provider) == Some(Dialect::Anthropic);
    let signature = reasoning.signature.as_deref().filter(|_| is_own);
    match (&reasoning.encrypted, signature) {
        (Some(data), _) if is_own => Some(json!({"type": "redacted_thinking", "data": data})),
        (_, None) if reasoning.text.is_empty() => None,
        (_, signature) => {
            let signature = signature.unwrap_or_default();
            Some(json!({"type": "thinking", "thinking": reasoning.text, "signature": signature}))
        }
    }
}

/// Arguments that are no JSON object stand as text inside one (case 49).
fn write_call(call: &ToolCall) -> Value {
    let input = match serde_json::from_str::<Value>(&call.arguments) {
        Ok(input @ Value::Object(_)) if call.kind == ToolKind::Function => input,
        _ if call.kind == ToolKind::Function && call.arguments.trim().is_empty() => json!({}),
        _ => json!({"input": call.arguments}),
    };
    json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input})
}
