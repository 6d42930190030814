//! Writes a whole answer for a caller.

use serde::Serialize;
use serde_json::{Value, json};

use crate::codec::Reply;
use crate::hub::{ChatResponse, Part, ToolCall, ToolKind};
use crate::openai_chat::usage::WireUsage;
use crate::openai_chat::{citation, finish, ids, reasoning};

#[derive(Serialize)]
struct Completion<'a> {
    id: String,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Choice; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WireUsage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
}

#[derive(Serialize)]
struct Choice {
    index: u32,
    message: Message,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Default, Serialize)]
struct Message {
    role: &'static str,
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
    refusal: Option<String>,
    annotations: Vec<Value>,
}

/// Writes the JSON body. Texts are put together to one content, in order; thoughts become `reasoning_content` and, when
/// something of them is sealed, `reasoning_details`; pictures and foreign blocks have no place in a chat answer.
pub fn encode(response: &ChatResponse, reply: &Reply) -> Vec<u8> {
    let usage = response.usage.as_ref();
    let completion = Completion {
        id: ids::answer_id(&response.id, reply),
        object: "chat.completion",
        created: response.created.unwrap_or(reply.now),
        model: if response.model.is_empty() { &reply.model } else { &response.model },
        choices: [Choice {
            index: 0,
            message: write_message(&response.parts),
            logprobs: None,
            finish_reason: finish::finish_reason(&response.stop),
        }],
        usage: usage.map(WireUsage::from),
        service_tier: usage.and_then(|usage| usage.service_tier.as_deref()),
    };
    serde_json::to_vec(&completion).unwrap_or_default()
}

fn write_message(parts: &[Part]) -> Message {
    let (reasoning_content, reasoning_details) = reasoning::write(parts);
    let mut message =
        Message { role: "assistant", reasoning_content, reasoning_details, ..Message::default() };
    let mut characters = 0;
    for part in parts {
        match part {
            Part::Text { text, citations, .. } => {
                let length = text.chars().count() as u64;
                let written = citations.iter().filter_map(|cited| citation::write(cited, characters, length));
                message.annotations.extend(written);
                message.content.get_or_insert_default().push_str(text);
                characters += length;
            }
            Part::Refusal(text) => message.refusal.get_or_insert_default().push_str(text),
            Part::ToolCall(call) => message.tool_calls.push(write_call(call)),
            Part::Media(_) | Part::Reasoning(_) | Part::ToolResult(_) | Part::Opaque { .. } => {}
        }
    }
    if message.content.is_none() && message.tool_calls.is_empty() && message.refusal.is_none() {
        message.content = Some(String::new());
    }
    message
}

fn write_call(call: &ToolCall) -> Value {
    let mut written = match call.kind {
        ToolKind::Function => {
            let arguments = if call.arguments.is_empty() { "{}" } else { call.arguments.as_str() };
            json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
        }
        ToolKind::Custom => {
            json!({"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}})
        }
    };
    if let Some(seal) = &call.signature {
        written["extra_content"] = reasoning::extra_content(seal);
    }
    written
}
