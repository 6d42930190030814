//! Requests in Gemini's dialect.

use serde_json::{Value, json};

use super::{Ask, Choice, Tool, list, text_of};

/// Fields whose content is the caller's own, names included.
const FREE: [&str; 6] =
    ["args", "response", "parametersJsonSchema", "responseJsonSchema", "properties", "labels"];

/// The body with `snake_case` fields renamed: Google takes both spellings, and its own SDK mixes them.
pub(crate) fn in_camel_case(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(in_camel_case).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| {
                let name = camel(&name);
                let value = if FREE.contains(&name.as_str()) { value } else { in_camel_case(value) };
                (name, value)
            })
            .collect(),
        other => other,
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut whole, word| {
        let mut letters = word.chars();
        whole.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        whole + letters.as_str()
    })
}

/// `:generateContent` and `:streamGenerateContent`.
pub(super) fn contents(body: &Value) -> Ask {
    let contents = list(body, "contents");
    let spoken = contents
        .iter()
        .rev()
        .filter(|content| content["role"] != "model")
        .map(|content| text_of(&content["parts"]))
        .find(|text| !text.is_empty());
    Ask {
        said: spoken.unwrap_or_default(),
        tools: list(body, "tools")
            .iter()
            .flat_map(|tool| list(tool, "functionDeclarations"))
            .filter_map(tool_of)
            .collect(),
        choice: choice_of(&body["toolConfig"]["functionCallingConfig"]),
        tool_result: contents.last().and_then(results_of),
        schema: schema_of(&body["generationConfig"]),
        ..Ask::default()
    }
}

fn tool_of(declaration: &Value) -> Option<Tool> {
    let schema = declaration.get("parametersJsonSchema").unwrap_or(&declaration["parameters"]).clone();
    Some(Tool { name: declaration["name"].as_str()?.to_owned(), schema })
}

fn choice_of(config: &Value) -> Choice {
    let named = list(config, "allowedFunctionNames").first().and_then(Value::as_str);
    match (config["mode"].as_str(), named) {
        (Some("NONE"), _) => Choice::Never,
        (Some("ANY"), Some(name)) => Choice::Named(name.to_owned()),
        _ => Choice::Auto,
    }
}

fn results_of(last: &Value) -> Option<String> {
    let results: Vec<String> = list(last, "parts")
        .iter()
        .map(|part| &part["functionResponse"]["response"])
        .filter(|response| !response.is_null())
        .map(result_text)
        .collect();
    (!results.is_empty()).then(|| results.join("; "))
}

/// Functions answer with an object; by custom its `result`, `output` or `content` holds the text.
fn result_text(response: &Value) -> String {
    let text = ["result", "output", "content"].iter().find_map(|key| response[key].as_str());
    text.map_or_else(|| response.to_string(), str::to_owned)
}

fn schema_of(config: &Value) -> Option<Value> {
    let schema = config.get("responseJsonSchema").or_else(|| config.get("responseSchema"));
    let any_json = (config["responseMimeType"] == "application/json").then(|| json!({}));
    schema.cloned().or(any_json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read_and_the_callers_own_names_stay() {
        let body = json!({"generation_config": {"top_k": 1}, "tools": [{"functionDeclarations": [
            {"name": "f", "parameters_json_schema": {"properties": {"a_b": {}}}}]}]});
        let expected = json!({"generationConfig": {"topK": 1}, "tools": [{"functionDeclarations": [
            {"name": "f", "parametersJsonSchema": {"properties": {"a_b": {}}}}]}]});
        assert_eq!(in_camel_case(body), expected);
    }
}
