//! What OpenAI refuses.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{is_plain_name, present, refuse};
use crate::ask::list;
use crate::vendor_error::Complaint;

/// `/v1/chat/completions`.
pub(super) fn chat(body: &Value) -> Result<(), Complaint> {
    present(body, "messages")?;
    refuse(list(body, "messages").is_empty(), "messages", || "'messages' must be a non-empty array.".into())?;
    let streams = body["stream"] == true;
    refuse(!body["stream_options"].is_null() && !streams, "stream_options", || {
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.".into()
    })?;
    let without_store =
        body["store"] != true && body["metadata"].as_object().is_some_and(|map| !map.is_empty());
    refuse(without_store, "metadata", || {
        "The 'metadata' parameter is only allowed when 'store' is enabled.".into()
    })?;
    choice_needs_tools(body)?;
    tool_names(list(body, "tools").iter().map(|tool| &tool["function"]["name"]))?;
    chat_order(list(body, "messages"))
}

fn choice_needs_tools(body: &Value) -> Result<(), Complaint> {
    let no_tools = list(body, "tools").is_empty();
    for field in ["tool_choice", "parallel_tool_calls"] {
        let given = !body[field].is_null();
        refuse(given && no_tools, field, || {
            format!("'{field}' is only allowed when 'tools' are specified.")
        })?;
    }
    Ok(())
}

fn tool_names<'a>(names: impl Iterator<Item = &'a Value>) -> Result<(), Complaint> {
    for name in names.filter_map(Value::as_str) {
        refuse(!is_plain_name(name, 64), "tools", || {
            format!("Invalid tool name '{name}': expected a string that matches ^[a-zA-Z0-9_-]{{1,64}}$.")
        })?;
    }
    Ok(())
}

/// Every tool call is answered directly after its turn, and nothing else is.
fn chat_order(messages: &[Value]) -> Result<(), Complaint> {
    let mut open = BTreeSet::new();
    for (at, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if role == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            refuse(!open.remove(id), "messages", || {
                format!(
                    "messages[{at}] with role 'tool' must be a response to a preceding message with 'tool_calls'."
                )
            })?;
            continue;
        }
        unanswered(&open)?;
        let known = ["system", "developer", "user", "assistant", "function"].contains(&role);
        refuse(!known, "messages", || format!("Invalid value: '{role}' for messages[{at}].role."))?;
        for call in list(message, "tool_calls") {
            refuse(
                call["type"] != "custom" && !call["function"]["arguments"].is_string(),
                "messages",
                || {
                    format!(
                        "Invalid type for 'messages[{at}].tool_calls[].function.arguments': expected a string."
                    )
                },
            )?;
            open.extend(call["id"].as_str());
        }
    }
    unanswered(&open)
}

fn unanswered(open: &BTreeSet<&str>) -> Result<(), Complaint> {
    refuse(!open.is_empty(), "messages", || {
        format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
             'tool_call_id'. The following tool_call_ids did not have response messages: {}",
            open.iter().copied().collect::<Vec<_>>().join(", ")
        )
    })
}

/// `/v1/responses`.
pub(super) fn responses(body: &Value) -> Result<(), Complaint> {
    if body["previous_response_id"].is_null() && body["prompt"].is_null() {
        present(body, "input")?;
    }
    if body["messages"].is_array() {
        return Err(Complaint::field(
            "messages",
            "Unsupported parameter: 'messages'. It has moved to 'input'.",
        ));
    }
    let named = list(body, "tools").iter().filter(|tool| tool["type"] == "function");
    for tool in named.clone() {
        refuse(tool["name"].is_null(), "tools", || "Missing required parameter: 'tools[0].name'.".into())?;
    }
    tool_names(named.map(|tool| &tool["name"]))?;
    items(body, list(body, "input"))
}

fn items(body: &Value, items: &[Value]) -> Result<(), Complaint> {
    let calls: BTreeSet<&str> = items
        .iter()
        .filter(|item| item["type"] == "function_call")
        .filter_map(|i| i["call_id"].as_str())
        .collect();
    for (at, item) in items.iter().enumerate() {
        let kind = item["type"].as_str().unwrap_or("message");
        refuse(kind != "message" && !item["role"].is_null(), "input", || {
            format!("Unknown parameter: 'input[{at}].role'.")
        })?;
        let id = item["call_id"].as_str().unwrap_or_default();
        let orphan =
            kind == "function_call_output" && !calls.contains(id) && body["previous_response_id"].is_null();
        refuse(orphan, "input", || {
            format!("No tool call found for function call output with call_id {id}.")
        })?;
        let follower = items.get(at + 1);
        let stranded =
            follower.is_none_or(|next| next["role"] == "user" || next["type"] == "function_call_output");
        refuse(kind == "reasoning" && stranded, "input", || {
            let id = item["id"].as_str().unwrap_or_default();
            format!("Item '{id}' of type 'reasoning' was provided without its required following item.")
        })?;
    }
    Ok(())
}
