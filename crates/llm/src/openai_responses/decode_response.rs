//! Reads a provider's whole answer.

use serde_json::Value;
use tidegate_core::FaultKind;

use super::{annotation, failure, seal, stop, usage};
use crate::Dialect;
use crate::fault::UpstreamFault;
use crate::hub::{ChatResponse, Media, MediaKind, MediaSource, Part, Reasoning, ToolCall, ToolKind};

/// Reads the JSON body. A failed or cancelled response, an error object, and whatever is no response object are faults;
/// items of unknown types are kept as they are.
pub fn decode(body: &[u8]) -> Result<ChatResponse, UpstreamFault> {
    let mut response: Value = serde_json::from_slice(body).map_err(|error| {
        UpstreamFault::new(FaultKind::Upstream, format!("the provider's answer is not valid JSON: {error}"))
    })?;
    if let Some(fault) = fault(&response) {
        return Err(fault);
    }
    let Some(output) = response.get_mut("output").and_then(Value::as_array_mut).map(std::mem::take) else {
        return Err(UpstreamFault::new(FaultKind::Upstream, "the provider's answer has no `output` list"));
    };
    let mut parts = Vec::new();
    for (i, item) in output.into_iter().enumerate() {
        add_item(i, item, &mut parts);
    }
    let has_calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let text = |name: &str| response[name].as_str().unwrap_or_default();
    Ok(ChatResponse {
        id: text("id").to_owned(),
        model: text("model").to_owned(),
        created: seconds(&response["created_at"]),
        parts,
        stop: stop::read(text("status"), &response, has_calls),
        usage: usage::read(&response),
    })
}

/// The fault that a response object reports, if it does. It may stand inside a status 200.
pub(super) fn fault(response: &Value) -> Option<UpstreamFault> {
    let message = match (&response["error"], response["status"].as_str().unwrap_or_default()) {
        (Value::Null, "failed") => "the provider reported a failed response without a reason".to_owned(),
        (Value::Null, "cancelled") => "the response was cancelled at the provider".to_owned(),
        (Value::Null, status @ ("queued" | "in_progress")) => {
            format!("the provider's answer is still {status}")
        }
        (Value::Null, _) => return None,
        (error, _) => return Some(failure::read(error)),
    };
    Some(UpstreamFault::new(FaultKind::Upstream, message))
}

/// Unix seconds; some servers write them with a fraction.
pub(super) fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64))
}

fn add_item(index: usize, mut item: Value, parts: &mut Vec<Part>) {
    match item["type"].as_str().unwrap_or_default() {
        "message" => {
            if let Some(content) = item.get_mut("content").and_then(Value::as_array_mut) {
                parts.extend(content.drain(..).enumerate().map(|(i, block)| content_part(index, i, block)));
            }
        }
        "reasoning" => parts.push(Part::Reasoning(reasoning(&item))),
        "function_call" => parts.push(Part::ToolCall(call(&mut item, "arguments", ToolKind::Function))),
        "custom_tool_call" => parts.push(Part::ToolCall(call(&mut item, "input", ToolKind::Custom))),
        "image_generation_call" if item["result"].is_string() => parts.push(Part::Media(picture(&mut item))),
        kind => {
            let name = format!("output[{index}] ({kind})");
            parts.push(Part::Opaque { dialect: Dialect::OpenaiResponses, name, json: item });
        }
    }
}

fn content_part(item: usize, index: usize, mut block: Value) -> Part {
    match block["type"].as_str().unwrap_or_default() {
        "output_text" | "text" => {
            let annotations = block.get_mut("annotations").and_then(Value::as_array_mut).map(std::mem::take);
            Part::Text {
                text: take_text(&mut block, "text"),
                citations: annotations.unwrap_or_default().into_iter().map(annotation::read).collect(),
                cache: None,
            }
        }
        "refusal" => Part::Refusal(take_text(&mut block, "refusal")),
        kind => {
            let name = format!("output[{item}].content[{index}] ({kind})");
            Part::Opaque { dialect: Dialect::OpenaiResponses, name, json: block }
        }
    }
}

fn reasoning(item: &Value) -> Reasoning {
    let content = thoughts(item, "content");
    let mut reasoning = Reasoning {
        is_summary: content.is_empty(),
        text: if content.is_empty() { thoughts(item, "summary") } else { content },
        id: item["id"].as_str().map(str::to_owned),
        origin: Some(Dialect::OpenaiResponses),
        ..Reasoning::default()
    };
    if let Some(encrypted) = item["encrypted_content"].as_str().filter(|text| !text.is_empty()) {
        seal::read(encrypted.to_owned(), &mut reasoning);
    }
    reasoning
}

/// The texts of a reasoning item's `summary` or `content`, a blank line between them.
pub(super) fn thoughts(item: &Value, name: &str) -> String {
    let pieces = item[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let texts = pieces.iter().filter_map(|piece| piece["text"].as_str());
    texts.collect::<Vec<_>>().join("\n\n")
}

fn call(item: &mut Value, input: &str, kind: ToolKind) -> ToolCall {
    let own_id = take_text(item, "id");
    let call_id = take_text(item, "call_id");
    ToolCall {
        id: if call_id.is_empty() { own_id } else { call_id },
        name: take_text(item, "name"),
        arguments: take_text(item, input),
        kind,
        ..ToolCall::default()
    }
}

fn picture(item: &mut Value) -> Media {
    let mime = format!("image/{}", item["output_format"].as_str().unwrap_or("png"));
    Media {
        kind: MediaKind::Image,
        mime: Some(mime),
        source: MediaSource::Base64(take_text(item, "result")),
        detail: None,
        name: None,
        cache: None,
    }
}

fn take_text(value: &mut Value, name: &str) -> String {
    match value.get_mut(name).map(Value::take) {
        Some(Value::String(text)) => text,
        // Some servers give arguments as an object; its text says the same.
        Some(object @ Value::Object(_)) => object.to_string(),
        _ => String::new(),
    }
}
