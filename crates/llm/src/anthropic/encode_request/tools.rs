//! Writes `tools` and `tool_choice`.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::Context;
use super::wire::{CacheControl, WireTool};
use crate::Dialect;
use crate::anthropic::models::ForcedTools;
use crate::hub::{Tool, ToolChoice};
use crate::schema::strict::remove_patterns;

/// Functions, and Anthropic's own tools as they came. Tools of others are dropped by name (case 46). A choice among
/// allowed tools is made by offering only those (case 43).
pub(super) fn write<'a>(cx: &mut Context<'a>) -> Vec<WireTool<'a>> {
    let request = cx.request;
    let mut tools = Vec::with_capacity(request.tools.len());
    for (i, tool) in request.tools.iter().enumerate() {
        match tool {
            Tool::Opaque { dialect: Dialect::Anthropic, json, .. } => {
                let name = json.get("name").and_then(Value::as_str).unwrap_or_default();
                if is_allowed(&request.tool_choice, name) {
                    tools.push(WireTool::Opaque(json));
                }
            }
            Tool::Opaque { name, .. } => cx.dropped.push(name.clone()),
            Tool::Function { name, .. } if !is_allowed(&request.tool_choice, name) => {}
            Tool::Function { name, description, parameters, strict, cache } => {
                let input_schema = input_schema(cx, i, parameters.as_ref());
                tools.push(WireTool::Function {
                    name,
                    description: description.as_deref().filter(|words| !words.is_empty()),
                    input_schema,
                    strict: strict_flag(cx, i, *strict),
                    cache_control: CacheControl::of(cache),
                });
            }
        }
    }
    tools
}

fn is_allowed(choice: &Option<ToolChoice>, name: &str) -> bool {
    match choice {
        Some(ToolChoice::Allowed { names, .. }) => names.iter().any(|allowed| allowed == name),
        _ => true,
    }
}

/// `strict: false` is the default and left out.
fn strict_flag(cx: &mut Context<'_>, index: usize, strict: Option<bool>) -> Option<bool> {
    if strict != Some(true) {
        return None;
    }
    if !cx.traits.json_schema || cx.target.quirks.no_json_schema {
        let name = cx.words().tool_strict(index);
        cx.dropped.push(name);
        return None;
    }
    Some(true)
}

/// The schema must be of type `object`; a function without one takes no arguments.
fn input_schema<'a>(cx: &mut Context<'_>, index: usize, schema: Option<&'a Value>) -> Cow<'a, Value> {
    let mut schema = match schema {
        Some(schema @ Value::Object(map)) if map.contains_key("type") => Cow::Borrowed(schema),
        Some(Value::Object(map)) => {
            let mut typed = Map::from_iter([("type".to_owned(), json!("object"))]);
            typed.extend(map.clone());
            Cow::Owned(Value::Object(typed))
        }
        _ => Cow::Owned(json!({"type": "object", "properties": {}})),
    };
    if cx.target.quirks.plain_patterns {
        let path = cx.words().tool_schema(index);
        cx.dropped.extend(remove_patterns(schema.to_mut(), &path));
    }
    schema
}

/// `required` is `any` here (case 41). A choice without tools is dropped, by name where it forced something (case 42);
/// where a call cannot be forced, `auto` takes its place, and the choice is named (case 63).
pub(super) fn write_choice(
    cx: &mut Context<'_>,
    has_tools: bool,
    is_thinking: bool,
) -> Option<Map<String, Value>> {
    let request = cx.request;
    let forces = match &request.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Named(_)) => true,
        Some(ToolChoice::Allowed { required, .. }) => *required,
        _ => false,
    };
    let can_force = match cx.traits.forced_tools {
        ForcedTools::Yes => true,
        ForcedTools::WithoutThinking => !is_thinking,
        ForcedTools::No => false,
    };
    if forces && !(has_tools && can_force) {
        cx.drop_field("tool_choice");
    }
    if !has_tools {
        return None;
    }
    let choice = match &request.tool_choice {
        _ if forces && !can_force => vec![("type", json!("auto"))],
        Some(ToolChoice::None) => return Some(object(vec![("type", json!("none"))])),
        Some(ToolChoice::Named(name)) => vec![("type", json!("tool")), ("name", json!(name))],
        _ if forces => vec![("type", json!("any"))],
        // Without a choice and without a word on parallel calls there is nothing to say.
        None if request.parallel_tool_calls != Some(false) => return None,
        _ => vec![("type", json!("auto"))],
    };
    let mut choice = object(choice);
    if request.parallel_tool_calls == Some(false) {
        choice.insert("disable_parallel_tool_use".to_owned(), Value::Bool(true));
    }
    Some(choice)
}

fn object(fields: Vec<(&str, Value)>) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
