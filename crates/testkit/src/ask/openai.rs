//! Requests in OpenAI's three dialects.

use serde_json::{Value, json};

use super::{Ask, Choice, Tool, list, text_of};

/// `/v1/chat/completions`.
pub(super) fn chat(body: &Value) -> Ask {
    let messages = list(body, "messages");
    let is_result = |message: &&Value| matches!(message["role"].as_str(), Some("tool" | "function"));
    let mut results: Vec<String> =
        messages.iter().rev().take_while(is_result).map(|message| text_of(&message["content"])).collect();
    results.reverse();
    let last_user = messages.iter().rev().find(|message| message["role"] == "user");
    Ask {
        said: last_user.map(|message| text_of(&message["content"])).unwrap_or_default(),
        tools: list(body, "tools").iter().filter_map(|tool| tool_of(&tool["function"])).collect(),
        choice: choice_of(&body["tool_choice"]),
        tool_result: (!results.is_empty()).then(|| results.join("; ")),
        schema: schema_of(&body["response_format"], &body["response_format"]["json_schema"]),
        include_usage: body["stream_options"]["include_usage"] == true,
        ..Ask::default()
    }
}

/// `/v1/responses`.
pub(super) fn responses(body: &Value) -> Ask {
    if let Some(text) = body["input"].as_str() {
        return Ask { said: text.to_owned(), ..responses_options(body) };
    }
    let items = list(body, "input");
    let is_result = |item: &&Value| item["type"] == "function_call_output";
    let mut results: Vec<String> =
        items.iter().rev().take_while(is_result).map(|item| text_of(&item["output"])).collect();
    results.reverse();
    let last_user = items.iter().rev().find(|item| item["role"] == "user");
    Ask {
        said: last_user.map(|item| text_of(&item["content"])).unwrap_or_default(),
        tool_result: (!results.is_empty()).then(|| results.join("; ")),
        ..responses_options(body)
    }
}

fn responses_options(body: &Value) -> Ask {
    Ask {
        tools: list(body, "tools")
            .iter()
            .filter(|tool| tool["type"] == "function")
            .filter_map(tool_of)
            .collect(),
        choice: choice_of(&body["tool_choice"]),
        schema: schema_of(&body["text"]["format"], &body["text"]["format"]),
        ..Ask::default()
    }
}

/// `/v1/completions`.
pub(super) fn completions(body: &Value) -> Ask {
    Ask {
        said: text_of(&body["prompt"]),
        include_usage: body["stream_options"]["include_usage"] == true,
        ..Ask::default()
    }
}

fn tool_of(function: &Value) -> Option<Tool> {
    Some(Tool { name: function["name"].as_str()?.to_owned(), schema: function["parameters"].clone() })
}

/// Chat names a function under `function.name`, Responses under `name`.
fn choice_of(choice: &Value) -> Choice {
    let named = choice["function"]["name"].as_str().or_else(|| choice["name"].as_str());
    match (choice.as_str(), named) {
        (Some("none"), _) => Choice::Never,
        (_, Some(name)) => Choice::Named(name.to_owned()),
        _ => Choice::Auto,
    }
}

fn schema_of(format: &Value, holder: &Value) -> Option<Value> {
    match format["type"].as_str() {
        Some("json_schema") => Some(holder["schema"].clone()),
        Some("json_object") => Some(json!({})),
        _ => None,
    }
}
