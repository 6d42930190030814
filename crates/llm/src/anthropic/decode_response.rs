//! Reads a provider's whole answer.

use serde::Deserialize;
use serde_json::Value;
use tidegate_core::FaultKind;

use super::usage::{Counts, lenient};
use super::{citation, error, stop};
use crate::Dialect;
use crate::fault::UpstreamFault;
use crate::hub::{ChatResponse, Part, Reasoning, StopReason, ToolCall};

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    model: Option<String>,
    content: Vec<Value>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_sequence: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    usage: Option<Counts>,
}

/// Reads the JSON body. A body of type `error` is the fault that it tells; blocks that the hub has no word for are kept.
pub fn decode(body: &[u8]) -> Result<ChatResponse, UpstreamFault> {
    let value: Value = serde_json::from_slice(body).map_err(nonsense)?;
    let is_error = value.get("type").is_some_and(|kind| kind == "error");
    if is_error || value.get("error").is_some_and(Value::is_object) {
        return Err(error::decode_inside(&value));
    }
    let answer: Answer = serde_json::from_value(value).map_err(nonsense)?;
    let parts: Vec<Part> =
        answer.content.into_iter().enumerate().map(|(i, block)| read_block(i, block)).collect();
    let stop = match answer.stop_reason {
        Some(reason) => stop::decode(&reason, answer.stop_sequence),
        None if parts.iter().any(|part| matches!(part, Part::ToolCall(_))) => StopReason::ToolCalls,
        None => StopReason::Stop,
    };
    Ok(ChatResponse {
        id: answer.id.unwrap_or_default(),
        model: answer.model.unwrap_or_default(),
        created: None,
        parts,
        stop,
        usage: answer.usage.map(|counts| counts.usage()),
    })
}

fn nonsense(why: serde_json::Error) -> UpstreamFault {
    UpstreamFault::new(FaultKind::Upstream, format!("the provider's answer is no message: {why}"))
}

fn take_text(block: &mut Value, name: &str) -> Option<String> {
    match block.get_mut(name).map(Value::take) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// Reads one block.
fn read_block(index: usize, mut block: Value) -> Part {
    let kind = block.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    match kind.as_str() {
        "text" => read_text(block),
        "thinking" => Part::Reasoning(Reasoning {
            text: take_text(&mut block, "thinking").unwrap_or_default(),
            signature: take_text(&mut block, "signature").filter(|seal| !seal.is_empty()),
            origin: Some(Dialect::Anthropic),
            ..Reasoning::default()
        }),
        "redacted_thinking" => Part::Reasoning(Reasoning {
            encrypted: take_text(&mut block, "data"),
            origin: Some(Dialect::Anthropic),
            ..Reasoning::default()
        }),
        "tool_use" => Part::ToolCall(read_call(block)),
        _ => {
            let name = format!("content[{index}] ({kind})");
            Part::Opaque { dialect: Dialect::Anthropic, name, json: block }
        }
    }
}

fn read_text(mut block: Value) -> Part {
    let citations = match block.get_mut("citations").map(Value::take) {
        Some(Value::Array(items)) => items.into_iter().map(citation::decode).collect(),
        _ => Vec::new(),
    };
    Part::Text { text: take_text(&mut block, "text").unwrap_or_default(), citations, cache: None }
}

fn read_call(mut block: Value) -> ToolCall {
    let arguments = match block.get_mut("input").map(Value::take) {
        None | Some(Value::Null) => "{}".to_owned(),
        // Some who copied the dialect send the arguments as text.
        Some(Value::String(text)) => text,
        Some(input) => input.to_string(),
    };
    ToolCall {
        id: take_text(&mut block, "id").unwrap_or_default(),
        name: take_text(&mut block, "name").unwrap_or_default(),
        arguments,
        ..ToolCall::default()
    }
}
