//! `tools` and `toolConfig`.

use serde_json::{Map, Value, json};

use super::Context;
use crate::Dialect;
use crate::gemini::model::Generation;
use crate::hub::{Tool, ToolChoice};
use crate::schema;

/// Tools as they are sent.
pub(super) struct Written {
    /// The `tools` list: one entry with all functions, then Google's own tools.
    pub(super) declarations: Vec<Value>,
    /// `toolConfig`.
    pub(super) config: Option<Value>,
    /// Whether functions are declared.
    pub(super) has_functions: bool,
}

pub(super) fn write(context: Context<'_>, dropped: &mut Vec<String>) -> Written {
    let request = context.request;
    let mut functions = Vec::new();
    let mut declarations = Vec::new();
    // Functions that may not be called only stand in the way of JSON output.
    let is_mute = request.tool_choice == Some(ToolChoice::None)
        && request.format.is_some()
        && context.model.generation != Generation::Three;
    for (index, tool) in request.tools.iter().enumerate() {
        match tool {
            Tool::Function { .. } if is_mute => {}
            Tool::Function { .. } => functions.push(function(context, index, tool, dropped)),
            Tool::Opaque { dialect: Dialect::Gemini, json, .. } => declarations.push(json.clone()),
            Tool::Opaque { name, .. } => dropped.push(name.clone()),
        }
    }
    let has_functions = !functions.is_empty();
    if has_functions {
        declarations.insert(0, json!({ "functionDeclarations": functions }));
    }
    let config = match &request.tool_choice {
        Some(choice) if has_functions => Some(calling_config(choice)),
        // A choice without functions is an error at Gemini (case 42): what it would have forced is named.
        Some(ToolChoice::Auto | ToolChoice::None) | None => None,
        Some(_) => {
            dropped.push(context.words.field("tool_choice").to_owned());
            None
        }
    };
    Written { declarations, config, has_functions }
}

fn function(context: Context<'_>, index: usize, tool: &Tool, dropped: &mut Vec<String>) -> Value {
    let mut out = Map::new();
    if let Tool::Function { name, description, parameters, cache, .. } = tool {
        if cache.is_some() && !dropped.iter().any(|name| name == "cache_control") {
            dropped.push("cache_control".to_owned());
        }
        out.insert("name".to_owned(), name.as_str().into());
        // Required by the reference; an empty one is taken.
        out.insert("description".to_owned(), description.as_deref().unwrap_or_default().into());
        if let Some(schema) = parameters.as_ref().filter(|schema| has_parameters(schema)) {
            let takes_json_schema = context.model.generation >= Generation::TwoFive;
            let written = schema::gemini::write(schema, takes_json_schema, false);
            let path = context.words.tool_schema(index);
            dropped.extend(written.lost.iter().map(|lost| format!("{path} ({lost})")));
            let field = if written.is_json_schema { "parametersJsonSchema" } else { "parameters" };
            out.insert(field.to_owned(), written.schema);
        }
    }
    Value::Object(out)
}

/// Gemini refuses an object without properties; a function without parameters leaves the field away.
fn has_parameters(schema: &Value) -> bool {
    let Value::Object(map) = schema else { return false };
    let is_empty = |name: &str| map.get(name).and_then(Value::as_object).is_none_or(Map::is_empty);
    let says_more = ["$ref", "anyOf", "oneOf", "allOf", "patternProperties"];
    !(is_empty("properties") && is_empty("additionalProperties"))
        || says_more.iter().any(|name| map.contains_key(*name))
}

fn calling_config(choice: &ToolChoice) -> Value {
    let (mode, names) = match choice {
        ToolChoice::Auto => ("AUTO", None),
        ToolChoice::None => ("NONE", None),
        ToolChoice::Required => ("ANY", None),
        ToolChoice::Named(name) => ("ANY", Some(vec![name.clone()])),
        ToolChoice::Allowed { names, required: true } => ("ANY", Some(names.clone())),
        // VALIDATED is the mode that takes names and still leaves the choice to the model.
        ToolChoice::Allowed { names, required: false } => ("VALIDATED", Some(names.clone())),
    };
    let mut calling = json!({ "mode": mode });
    if let Some(names) = names {
        calling["allowedFunctionNames"] = names.into();
    }
    json!({ "functionCallingConfig": calling })
}
