//! What Anthropic refuses.

use std::collections::BTreeSet;

use http::HeaderMap;
use serde_json::Value;

use super::{is_plain_name, refuse};
use crate::ask::list;
use crate::script::Script;
use crate::vendor_error::Complaint;

/// `/v1/messages`.
pub(super) fn messages(script: &Script, headers: &HeaderMap, body: &Value) -> Result<(), Complaint> {
    refuse(!headers.contains_key("anthropic-version"), "headers", || {
        "anthropic-version: header is required".into()
    })?;
    let limit = &body["max_tokens"];
    refuse(limit.is_null(), "max_tokens", || "max_tokens: Field required".into())?;
    refuse(limit.as_u64().is_none_or(|n| n == 0), "max_tokens", || {
        "max_tokens: Input should be a valid integer greater than or equal to 1".into()
    })?;
    let temperature = body["temperature"].as_f64().unwrap_or(0.0);
    refuse(!(0.0..=1.0).contains(&temperature), "temperature", || "temperature: range: 0..1".into())?;
    let no_tools = list(body, "tools").is_empty();
    refuse(!body["tool_choice"].is_null() && no_tools, "tool_choice", || {
        "tool_choice may only be specified while providing tools".into()
    })?;
    tools(list(body, "tools"))?;
    thinking(body)?;
    turns(script, list(body, "messages"))
}

fn tools(tools: &[Value]) -> Result<(), Complaint> {
    for (at, tool) in tools.iter().enumerate() {
        let custom = tool["type"].as_str().is_none_or(|kind| kind == "custom");
        let missing = custom && !tool["input_schema"].is_object();
        refuse(missing, "tools", || format!("tools.{at}.custom.input_schema: Field required"))?;
        let name = tool["name"].as_str().unwrap_or_default();
        refuse(!is_plain_name(name, 128), "tools", || {
            format!("tools.{at}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        })?;
    }
    Ok(())
}

/// Extended thinking has a smallest budget, wants the default temperature, and forbids forced tools.
fn thinking(body: &Value) -> Result<(), Complaint> {
    if body["thinking"]["type"] != "enabled" {
        return Ok(());
    }
    let budget = body["thinking"]["budget_tokens"].as_u64().unwrap_or(0);
    refuse(budget < 1024, "thinking", || {
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024".into()
    })?;
    refuse(body["max_tokens"].as_u64().is_some_and(|max| max <= budget), "max_tokens", || {
        "`max_tokens` must be greater than `thinking.budget_tokens`.".into()
    })?;
    refuse(body["temperature"].as_f64().is_some_and(|t| t < 1.0), "temperature", || {
        "`temperature` may only be set to 1 when thinking is enabled.".into()
    })?;
    refuse(matches!(body["tool_choice"]["type"].as_str(), Some("any" | "tool")), "tool_choice", || {
        "Thinking may not be enabled when tool_choice forces tool use.".into()
    })
}

fn turns(script: &Script, messages: &[Value]) -> Result<(), Complaint> {
    refuse(messages.is_empty(), "messages", || "messages: at least one message is required".into())?;
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for (at, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        refuse(!["user", "assistant"].contains(&role), "messages", || {
            format!("messages.{at}.role: Input should be 'user' or 'assistant'")
        })?;
        let empty = message["content"].as_str().is_some_and(str::is_empty)
            || message["content"].as_array().is_some_and(Vec::is_empty);
        refuse(empty && at + 1 < messages.len(), "messages", || {
            format!("messages.{at}: all messages must have non-empty content")
        })?;
        open = blocks(at, list(message, "content"), &open)?;
        signatures(script, at, message)?;
    }
    refuse(!open.is_empty(), "messages", || "`tool_use` ids were found without `tool_result` blocks".into())
}

/// Checks one turn against the calls that the turn before left open; returns the calls that it opens.
fn blocks<'a>(
    at: usize,
    blocks: &'a [Value],
    open: &BTreeSet<&'a str>,
) -> Result<BTreeSet<&'a str>, Complaint> {
    let mut unanswered = open.clone();
    let mut opened = BTreeSet::new();
    for block in blocks {
        let id = block["id"].as_str().or_else(|| block["tool_use_id"].as_str()).unwrap_or_default();
        match block["type"].as_str().unwrap_or_default() {
            "tool_use" => {
                refuse(!is_plain_name(id, 256), "messages", || {
                    format!(
                        "messages.{at}.content: tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
                    )
                })?;
                refuse(!block["input"].is_object(), "messages", || {
                    format!("messages.{at}.content: tool_use.input: Input should be a valid dictionary")
                })?;
                opened.insert(id);
            }
            "tool_result" => refuse(!unanswered.remove(id), "messages", || {
                format!("messages.{at}: unexpected `tool_use_id` found in `tool_result` blocks: {id}")
            })?,
            "text" => refuse(block["text"] == "", "messages", || {
                format!("messages.{at}.content: text content blocks must be non-empty")
            })?,
            _ => {}
        }
    }
    refuse(!unanswered.is_empty(), "messages", || {
        format!("messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after")
    })?;
    Ok(opened)
}

/// Thoughts must come back with the signature that they left with; with `signed` they must come back at all.
fn signatures(script: &Script, at: usize, message: &Value) -> Result<(), Complaint> {
    let blocks = list(message, "content");
    for block in blocks.iter().filter(|block| block["type"] == "thinking") {
        refuse(block["signature"] != crate::SIGNATURE, "messages", || {
            format!("messages.{at}.content: Invalid `signature` in `thinking` block")
        })?;
    }
    let calls = blocks.iter().any(|block| block["type"] == "tool_use");
    let thought = blocks.first().is_some_and(|first| first["type"] == "thinking");
    refuse(script.shape.signed && calls && !thought, "messages", || {
        format!(
            "messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`."
        )
    })
}
