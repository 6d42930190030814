//! What Gemini refuses.

use serde_json::Value;

use super::refuse;
use crate::ask::list;
use crate::script::Script;
use crate::vendor_error::Complaint;

/// Keywords of JSON Schema that Gemini's `Schema` message has no field for.
const UNKNOWN_KEYWORDS: [&str; 8] =
    ["additionalProperties", "$ref", "$defs", "$schema", "const", "oneOf", "allOf", "definitions"];

/// `:generateContent` and `:streamGenerateContent`.
pub(super) fn contents(script: &Script, body: &Value) -> Result<(), Complaint> {
    let contents = list(body, "contents");
    refuse(contents.is_empty(), "contents", || {
        "* GenerateContentRequest.contents: contents is not specified\n".into()
    })?;
    for tool in list(body, "tools") {
        for declaration in list(tool, "functionDeclarations") {
            schema("tools[0].function_declarations[0].parameters", &declaration["parameters"])?;
        }
    }
    schema("generation_config.response_schema", &body["generationConfig"]["responseSchema"])?;
    let mut calls = 0;
    for (at, content) in contents.iter().enumerate() {
        calls = turn(script, at, content, calls)?;
    }
    Ok(())
}

/// Checks one turn after one with `calls` function calls; returns how many it makes itself.
fn turn(script: &Script, at: usize, content: &Value, calls: usize) -> Result<usize, Complaint> {
    let role = content["role"].as_str().unwrap_or("user");
    refuse(!["user", "model", "function"].contains(&role), "contents", || {
        "Please use a valid role: user, model.".into()
    })?;
    let parts = list(content, "parts");
    refuse(parts.is_empty(), "contents", || {
        format!("* GenerateContentRequest.contents[{at}].parts: contents.parts must not be empty.\n")
    })?;
    let answers = parts.iter().filter(|part| part["functionResponse"].is_object()).count();
    refuse(answers != calls && (answers > 0 || calls > 0), "contents", || {
        "Please ensure that the number of function response parts is equal to the number of function call parts \
         of the function call turn."
            .into()
    })?;
    let mut made = parts.iter().filter(|part| part["functionCall"].is_object()).peekable();
    if let (true, Some(first)) = (script.shape.signed, made.peek()) {
        refuse(first["thoughtSignature"] != crate::SIGNATURE, "contents", || {
            format!(
                "Function call in the {at}. content block is missing a thought_signature in functionCall parts."
            )
        })?;
    }
    Ok(made.count())
}

fn schema(path: &str, value: &Value) -> Result<(), Complaint> {
    let Some(object) = value.as_object() else { return Ok(()) };
    for keyword in UNKNOWN_KEYWORDS {
        refuse(object.contains_key(keyword), "schema", || {
            format!(
                "Invalid JSON payload received. Unknown name \"{keyword}\" at '{path}': Cannot find field."
            )
        })?;
    }
    let list_of_types = value["type"].is_array();
    refuse(list_of_types, "schema", || {
        format!("Proto field is not repeating, cannot start list at '{path}.type'.")
    })?;
    let is_array = value["type"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("array"));
    refuse(is_array && !value["items"].is_object(), "schema", || {
        format!("* {path}.items: missing field.\n")
    })?;
    if let Some(properties) = value["properties"].as_object() {
        for (name, property) in properties {
            schema(&format!("{path}.properties[{name}]"), property)?;
        }
    }
    for choice in list(value, "anyOf") {
        schema(&format!("{path}.any_of"), choice)?;
    }
    schema(&format!("{path}.items"), &value["items"])
}
