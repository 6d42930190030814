//! Reads a provider's whole answer.

use serde_json::Value;
use tidegate_core::FaultKind;

use crate::fault::UpstreamFault;
use crate::hub::{ChatResponse, Part, Reasoning, ToolCall, ToolKind};
use crate::openai_chat::{citation, error, finish, ids, reasoning, usage};

/// Reads the JSON body. Of several choices only the first is taken: the hub knows one answer.
///
/// A fault is: an error object (fault 47), something that is no JSON (fault 49), an answer without choices, and a
/// `finish_reason` that reports a failure.
pub fn decode(body: &[u8]) -> Result<ChatResponse, UpstreamFault> {
    let value: Value = serde_json::from_slice(body).map_err(|_| nonsense(body))?;
    if let Some(fault) = error::inside(&value) {
        return Err(fault);
    }
    let Some(choice) = first_choice(&value) else {
        return Err(UpstreamFault::new(FaultKind::Upstream, "the provider's answer has no choices"));
    };
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let id = text("id");
    let parts = read_message(&choice["message"], &id);
    let reason = choice["finish_reason"].as_str().unwrap_or("stop");
    if finish::is_failure(reason) {
        return Err(failed(reason));
    }
    let has_calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let tier = value.get("service_tier").and_then(Value::as_str);
    let counts = [value.get("usage"), choice.get("usage"), value.pointer("/x_groq/usage")];
    Ok(ChatResponse {
        model: text("model"),
        created: value.get("created").and_then(Value::as_u64),
        stop: finish::stop_reason(reason, has_calls),
        usage: counts.into_iter().flatten().find_map(|counts| usage::read(counts, tier)),
        id,
        parts,
    })
}

fn nonsense(body: &[u8]) -> UpstreamFault {
    let start = body.trim_ascii_start();
    let what = match start.first() {
        None => "an empty body",
        Some(b'<') => "an HTML page",
        Some(b'{' | b'[') => "JSON that is broken or cut",
        Some(_) => "something that is not JSON",
    };
    UpstreamFault::new(FaultKind::Upstream, format!("the provider answered with {what}"))
}

/// The fault that a failing `finish_reason` stands for.
pub(super) fn failed(reason: &str) -> UpstreamFault {
    let kind =
        if reason == "insufficient_system_resource" { FaultKind::Overloaded } else { FaultKind::Upstream };
    UpstreamFault::new(kind, format!("the provider broke off its answer: {reason}"))
        .with_code(Some(reason.to_owned()))
}

fn first_choice(value: &Value) -> Option<&Value> {
    let choices = value.get("choices")?.as_array()?;
    choices.iter().find(|choice| choice["index"] == 0).or_else(|| choices.first())
}

fn read_message(message: &Value, answer: &str) -> Vec<Part> {
    let mut calls = read_calls(message, answer);
    let mut details = reasoning::read_details(message.get("reasoning_details"));
    for call in &mut calls {
        let sealed = reasoning::take_call_seal(&mut details, &call.id);
        call.signature = call.signature.take().or(sealed);
    }
    let thought = |name: &str| message.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let plain = thought("reasoning_content").or_else(|| thought("reasoning")).map(str::to_owned);
    let thoughts = reasoning::parts(details, plain);
    let mut parts: Vec<Part> = thoughts.into_iter().map(Part::Reasoning).collect();
    parts.extend(read_content(&message["content"]));
    if let Some(annotations) = message.get("annotations") {
        citation::attach(annotations, &mut parts);
    }
    if let Some(refusal) = message["refusal"].as_str().filter(|text| !text.is_empty()) {
        parts.push(Part::Refusal(refusal.to_owned()));
    }
    if let Some(transcript) = message.pointer("/audio/transcript").and_then(Value::as_str) {
        parts.push(Part::text(transcript));
    }
    parts.extend(calls.into_iter().map(Part::ToolCall));
    parts
}

/// `content`: a text; or blocks, as Mistral's thinking models write them.
fn read_content(content: &Value) -> Vec<Part> {
    match content {
        Value::String(text) if !text.is_empty() => vec![Part::text(text.as_str())],
        Value::Array(blocks) => pieces(blocks)
            .map(|(is_thought, text)| {
                if is_thought {
                    Part::Reasoning(Reasoning { text, ..Reasoning::default() })
                } else {
                    Part::text(text)
                }
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The texts of content blocks: `{"type": "text", "text": …}` and `{"type": "thinking", "thinking": [blocks] | text}`.
/// The flag says whether a text is a thought.
pub(super) fn pieces(blocks: &[Value]) -> impl Iterator<Item = (bool, String)> {
    blocks.iter().filter_map(|block| {
        let (is_thought, text) = match &block["thinking"] {
            Value::Array(inner) => (true, inner.iter().filter_map(|block| block["text"].as_str()).collect()),
            Value::String(text) => (true, text.clone()),
            _ => (false, block["text"].as_str()?.to_owned()),
        };
        (!text.is_empty()).then_some((is_thought, text))
    })
}

fn read_calls(message: &Value, answer: &str) -> Vec<ToolCall> {
    let mut calls: Vec<ToolCall> = Vec::new();
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let (kind, body, arguments) = match call.get("custom") {
            Some(custom) if call["type"] != "function" => (ToolKind::Custom, custom, &custom["input"]),
            _ => (ToolKind::Function, &call["function"], &call["function"]["arguments"]),
        };
        let id = call["id"].as_str().filter(|id| !id.is_empty());
        calls.push(ToolCall {
            id: id.map_or_else(|| ids::call_id(answer, calls.len()), str::to_owned),
            name: body["name"].as_str().unwrap_or_default().to_owned(),
            arguments: as_text(arguments),
            signature: reasoning::read_extra_content(&call["extra_content"]),
            kind,
            cache: None,
        });
    }
    if let (true, Some(call)) =
        (calls.is_empty(), message.get("function_call").filter(|call| call.is_object()))
    {
        calls.push(ToolCall {
            id: ids::call_id(answer, 0),
            name: call["name"].as_str().unwrap_or_default().to_owned(),
            arguments: as_text(&call["arguments"]),
            ..ToolCall::default()
        });
    }
    calls
}

/// Arguments are a text; some servers write the object itself.
pub(super) fn as_text(arguments: &Value) -> String {
    match arguments {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
