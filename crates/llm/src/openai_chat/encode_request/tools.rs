//! Writes tools and the choice between them.

use serde_json::{Value, json};

use super::{Writer, format};
use crate::Dialect;
use crate::hub::{Tool, ToolChoice};
use crate::schema::strict;

/// What goes behind the messages.
pub(super) struct Tools {
    tools: Vec<Value>,
    choice: Option<Value>,
    parallel: Option<bool>,
}

impl Tools {
    pub(super) fn put(self, out: &mut Writer<'_>) {
        if !self.tools.is_empty() {
            out.put("tools", self.tools);
        }
        out.put_some("tool_choice", self.choice);
        out.put_some("parallel_tool_calls", self.parallel);
    }
}

/// Writes the tools in the caller's order (case 69). Without tools, OpenAI refuses both a choice and
/// `parallel_tool_calls` (case 42): a choice that matters is then named as dropped.
pub(super) fn write(out: &mut Writer<'_>) -> Tools {
    let request = out.request;
    let mut tools = Vec::new();
    for (index, tool) in request.tools.iter().enumerate() {
        if out.quirks.no_openai_extras && !is_allowed(tool, request.tool_choice.as_ref()) {
            continue;
        }
        tools.extend(write_tool(out, index, tool));
    }
    if tools.is_empty() {
        match &request.tool_choice {
            None | Some(ToolChoice::Auto | ToolChoice::None) => {}
            Some(_) => out.drop_field(out.words().field("tool_choice")),
        }
        return Tools { tools, choice: None, parallel: None };
    }
    let choice = request.tool_choice.as_ref().map(|choice| write_choice(out, choice));
    let parallel = request.parallel_tool_calls.filter(|parallel| {
        if out.quirks.no_parallel_tool_calls && !parallel {
            out.drop_field(out.words().field("parallel_tool_calls"));
        }
        !out.quirks.no_parallel_tool_calls
    });
    Tools { tools, choice, parallel }
}

/// Providers that know no `allowed_tools` are offered only the allowed ones (case 43).
fn is_allowed(tool: &Tool, choice: Option<&ToolChoice>) -> bool {
    let Some(ToolChoice::Allowed { names, .. }) = choice else { return true };
    let name = match tool {
        Tool::Function { name, .. } => name.as_str(),
        Tool::Opaque { json, .. } => custom_name(json).unwrap_or_default(),
    };
    names.iter().any(|allowed| allowed == name)
}

fn write_tool(out: &mut Writer<'_>, index: usize, tool: &Tool) -> Option<Value> {
    match tool {
        Tool::Function { name, description, parameters, strict, cache } => {
            if cache.is_some() {
                out.drop_field("cache_control");
            }
            let mut function = json!({ "name": name });
            if let Some(description) = description {
                function["description"] = description.as_str().into();
            }
            let (parameters, strict) = write_parameters(out, index, parameters.clone(), *strict);
            if let Some(parameters) = parameters {
                function["parameters"] = parameters;
            }
            if let Some(strict) = strict {
                function["strict"] = strict.into();
            }
            Some(json!({"type": "function", "function": function}))
        }
        Tool::Opaque { dialect: Dialect::OpenaiChat, json, .. } => Some(json.clone()),
        Tool::Opaque { dialect: Dialect::OpenaiResponses, json, .. } if json["type"] == "custom" => {
            Some(nest_custom(json))
        }
        Tool::Opaque { name, .. } => {
            out.drop_field(name.clone());
            None
        }
    }
}

fn write_parameters(
    out: &mut Writer<'_>,
    index: usize,
    parameters: Option<Value>,
    strict: Option<bool>,
) -> (Option<Value>, Option<bool>) {
    let Some(mut parameters) = parameters else { return (None, strict.filter(|strict| !strict)) };
    let words = out.words();
    if out.quirks.plain_patterns {
        for removed in strict::remove_patterns(&mut parameters, &words.tool_schema(index)) {
            out.drop_field(removed);
        }
    }
    let strict = format::fit(out, &mut parameters, strict, &words.tool_strict(index));
    (Some(parameters), strict)
}

/// A custom tool of the responses API in the words of this one: name, description and format go into `custom`, the
/// grammar into `format.grammar`.
fn nest_custom(tool: &Value) -> Value {
    let mut custom = json!({"name": tool["name"]});
    if let Some(description) = tool.get("description") {
        custom["description"] = description.clone();
    }
    if let Some(format) = tool.get("format") {
        custom["format"] = if format["type"] == "grammar" && format.get("grammar").is_none() {
            json!({"type": "grammar", "grammar": {"definition": format["definition"], "syntax": format["syntax"]}})
        } else {
            format.clone()
        };
    }
    json!({"type": "custom", "custom": custom})
}

/// The name of a custom tool, in either of OpenAI's shapes.
fn custom_name(tool: &Value) -> Option<&str> {
    let named = tool.get("custom").unwrap_or(tool);
    if tool["type"] == "custom" { named["name"].as_str() } else { None }
}

fn write_choice(out: &Writer<'_>, choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Named(name) => by_name(out, name),
        ToolChoice::Allowed { required, .. } if out.quirks.no_openai_extras => {
            if *required {
                "required".into()
            } else {
                "auto".into()
            }
        }
        ToolChoice::Allowed { names, required } => {
            let mode = if *required { "required" } else { "auto" };
            let tools: Vec<Value> = names.iter().map(|name| by_name(out, name)).collect();
            json!({"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}})
        }
    }
}

fn by_name(out: &Writer<'_>, name: &str) -> Value {
    let is_custom = out.request.tools.iter().any(|tool| match tool {
        Tool::Opaque { json, .. } => custom_name(json) == Some(name),
        Tool::Function { .. } => false,
    });
    let kind = if is_custom { "custom" } else { "function" };
    json!({"type": kind, kind: {"name": name}})
}
