//! `tools` and `tool_choice`.

use serde_json::Value;

use super::Unknown;
use crate::Dialect;
use crate::fault::BadRequest;
use crate::fields::{Fields, wrong};
use crate::hub::{Tool, ToolChoice};

/// Reads the tools. Everything but functions stays as it is (cases 46, 52).
pub(super) fn tools(fields: &mut Fields, unknown: &mut Unknown) -> Result<Vec<Tool>, BadRequest> {
    fields.objects("tools")?.into_iter().map(|tool| one(tool, unknown)).collect()
}

fn one(mut tool: Fields, unknown: &mut Unknown) -> Result<Tool, BadRequest> {
    let kind = match tool.peek("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(other) => return Err(wrong(&tool.at("type"), "a string", other)),
        None => return Err(tool.complain("type", format!("`{}` is required", tool.at("type")))),
    };
    if kind != "function" {
        let name = format!("{} ({kind})", tool.path());
        return Ok(Tool::Opaque { dialect: Dialect::OpenaiResponses, name, json: tool.into_value() });
    }
    let function = Tool::Function {
        name: tool.required_string("name")?,
        description: tool.string("description")?,
        parameters: tool.object("parameters")?.map(Fields::into_value),
        strict: tool.bool("strict")?,
        cache: None,
    };
    tool.take("type");
    unknown.append(&mut tool.leftovers());
    Ok(function)
}

/// Reads the choice. A choice that names built-in tools has no word in the hub and stays as it is.
pub(super) fn choice(fields: &mut Fields, unknown: &mut Unknown) -> Result<Option<ToolChoice>, BadRequest> {
    let Some(value) = fields.take("tool_choice") else { return Ok(None) };
    match &value {
        Value::String(word) => match word.as_str() {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" => Ok(Some(ToolChoice::Required)),
            other => Err(BadRequest::field(
                "tool_choice",
                format!("`{other}` is no tool choice: use auto, none, required or an object"),
            )),
        },
        Value::Object(_) => {
            let choice = match value["type"].as_str() {
                Some("function" | "custom") => Some(ToolChoice::Named(named(&value)?)),
                Some("allowed_tools") => allowed(&value),
                Some(_) => None,
                None => return Err(BadRequest::field("tool_choice.type", "`tool_choice.type` is required")),
            };
            if choice.is_none() {
                unknown.push(("tool_choice".to_owned(), value));
            }
            Ok(choice)
        }
        other => Err(wrong("tool_choice", "a string or an object", other)),
    }
}

fn named(choice: &Value) -> Result<String, BadRequest> {
    match choice["name"].as_str() {
        Some(name) => Ok(name.to_owned()),
        None => Err(BadRequest::field("tool_choice.name", "`tool_choice.name` is required")),
    }
}

/// `None` when a tool on the list is not a function or custom tool.
fn allowed(choice: &Value) -> Option<ToolChoice> {
    let tools = choice["tools"].as_array()?;
    let name = |tool: &Value| match tool["type"].as_str() {
        Some("function" | "custom") => tool["name"].as_str().map(str::to_owned),
        _ => None,
    };
    let names = tools.iter().map(name).collect::<Option<Vec<_>>>()?;
    Some(ToolChoice::Allowed { names, required: choice["mode"] == "required" })
}
