//! Requests in Anthropic's dialect.

use serde_json::Value;

use super::{Ask, Choice, Tool, list, text_of};

/// `/v1/messages`.
pub(super) fn messages(body: &Value) -> Ask {
    let messages = list(body, "messages");
    let spoken = messages
        .iter()
        .rev()
        .filter(|message| message["role"] == "user")
        .map(|message| text_of(&message["content"]))
        .find(|text| !text.is_empty());
    let format = [&body["output_config"]["format"], &body["output_format"]];
    Ask {
        said: spoken.unwrap_or_default(),
        tools: list(body, "tools").iter().filter_map(tool_of).collect(),
        choice: choice_of(&body["tool_choice"]),
        tool_result: messages.last().and_then(results_of),
        schema: format.iter().find(|f| f["type"] == "json_schema").map(|f| f["schema"].clone()),
        ..Ask::default()
    }
}

fn tool_of(tool: &Value) -> Option<Tool> {
    let schema = tool.get("input_schema")?.clone();
    Some(Tool { name: tool["name"].as_str()?.to_owned(), schema })
}

fn choice_of(choice: &Value) -> Choice {
    match (choice["type"].as_str(), choice["name"].as_str()) {
        (Some("none"), _) => Choice::Never,
        (Some("tool"), Some(name)) => Choice::Named(name.to_owned()),
        _ => Choice::Auto,
    }
}

fn results_of(last: &Value) -> Option<String> {
    let blocks = list(last, "content").iter();
    let results: Vec<String> = blocks
        .filter(|block| block["type"] == "tool_result")
        .map(|block| text_of(&block["content"]))
        .collect();
    (!results.is_empty()).then(|| results.join("; "))
}
