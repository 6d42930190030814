//! Reads tools and the choice between them.

use serde_json::Value;

use super::options::schema;
use crate::Dialect;
use crate::fault::BadRequest;
use crate::fields::{Fields, wrong};
use crate::hub::{Tool, ToolChoice};
use crate::openai_chat::content::{Leftovers, cache_mark};

/// `tools`, and the old `functions` where there are no tools. Tools that are no functions are kept as they are (case 52).
pub(super) fn read(body: &mut Fields, leftovers: &mut Leftovers) -> Result<Vec<Tool>, BadRequest> {
    let mut tools = Vec::new();
    for tool in body.objects("tools")? {
        tools.push(read_tool(tool, leftovers)?);
    }
    for function in body.objects("functions")? {
        tools.push(read_function(function, None, leftovers)?);
    }
    Ok(tools)
}

fn read_tool(mut tool: Fields, leftovers: &mut Leftovers) -> Result<Tool, BadRequest> {
    let kind = tool.peek_str("type").to_owned();
    if kind != "function" && !kind.is_empty() {
        let name = format!("{} ({kind})", tool.path());
        return Ok(Tool::Opaque { dialect: Dialect::OpenaiChat, name, json: tool.into_value() });
    }
    tool.required_string("type")?;
    let cache = cache_mark(&mut tool)?;
    let path = tool.at("function");
    let function = Fields::of(path, tool.required("function")?)?;
    leftovers.extend(tool.leftovers());
    read_function(function, cache, leftovers)
}

fn read_function(
    mut function: Fields,
    cache: Option<crate::hub::CacheMark>,
    leftovers: &mut Leftovers,
) -> Result<Tool, BadRequest> {
    let name = function.required_string("name")?;
    if name.is_empty() {
        return Err(function.complain("name", format!("`{}` must not be empty", function.at("name"))));
    }
    let inner = cache_mark(&mut function)?;
    let tool = Tool::Function {
        name,
        description: function.string("description")?,
        parameters: schema(&mut function, "parameters")?,
        strict: function.bool("strict")?,
        cache: cache.or(inner),
    };
    leftovers.extend(function.leftovers());
    Ok(tool)
}

/// `tool_choice`, and the old `function_call` where there is none. Mistral's `any` is `required` (case 41).
pub(super) fn choice(body: &mut Fields) -> Result<Option<ToolChoice>, BadRequest> {
    let old = body.take("function_call");
    match body.take("tool_choice") {
        Some(choice) => read_choice(choice).map(Some),
        None => old.map(read_old_choice).transpose(),
    }
}

fn read_choice(choice: Value) -> Result<ToolChoice, BadRequest> {
    if let Value::String(word) = &choice {
        return match word.as_str() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" | "any" => Ok(ToolChoice::Required),
            other => {
                let message =
                    format!("`tool_choice` must be none, auto, required or an object, not `{other}`");
                Err(BadRequest::field("tool_choice", message))
            }
        };
    }
    if !choice.is_object() {
        return Err(wrong("tool_choice", "a string or an object", &choice));
    }
    let mut choice = Fields::of("tool_choice", choice)?;
    match choice.required_string("type")?.as_str() {
        kind @ ("function" | "custom") => {
            let path = choice.at(kind);
            let mut named = Fields::of(path, choice.required(kind)?)?;
            Ok(ToolChoice::Named(named.required_string("name")?))
        }
        "allowed_tools" => {
            // The documented shape nests; the responses API's flat shape is taken too.
            let nested = choice.object("allowed_tools")?;
            read_allowed(nested.unwrap_or(choice))
        }
        other => {
            let message =
                format!("`tool_choice.type` must be function, custom or allowed_tools, not `{other}`");
            Err(choice.complain("type", message))
        }
    }
}

fn read_allowed(mut allowed: Fields) -> Result<ToolChoice, BadRequest> {
    let required = allowed.string("mode")?.is_some_and(|mode| mode == "required");
    let mut names = Vec::new();
    for mut tool in allowed.objects("tools")? {
        let kind = tool.peek_str("type").to_owned();
        let inner = if kind == "custom" { tool.object("custom")? } else { tool.object("function")? };
        let name = match inner {
            Some(mut inner) => inner.required_string("name")?,
            None => tool.string("name")?.unwrap_or(kind),
        };
        names.push(name);
    }
    Ok(ToolChoice::Allowed { names, required })
}

fn read_old_choice(choice: Value) -> Result<ToolChoice, BadRequest> {
    match choice {
        Value::String(word) if word == "none" => Ok(ToolChoice::None),
        Value::String(word) if word == "auto" => Ok(ToolChoice::Auto),
        other => {
            let mut named = Fields::of("function_call", other)?;
            Ok(ToolChoice::Named(named.required_string("name")?))
        }
    }
}
