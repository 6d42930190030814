//! `tools` and `toolConfig`.

use serde_json::{Value, json};

use super::super::proto;
use super::Leftovers;
use crate::Dialect;
use crate::fault::BadRequest;
use crate::fields::Fields;
use crate::hub::{Tool, ToolChoice};
use crate::schema;

/// Reads the tools on offer: functions, and Google's own tools as opaque ones (case 52).
pub(super) fn read(body: &mut Fields, unmapped: &mut Leftovers) -> Result<Vec<Tool>, BadRequest> {
    let mut tools = Vec::new();
    for mut entry in proto::objects(body, "tools")? {
        for function in proto::objects(&mut entry, "functionDeclarations")? {
            tools.push(read_function(function, unmapped)?);
        }
        let path = entry.path().to_owned();
        if let Value::Object(map) = entry.into_value() {
            for (kind, value) in map.into_iter().filter(|(_, value)| !value.is_null()) {
                let name = format!("{path} ({kind})");
                tools.push(Tool::Opaque { dialect: Dialect::Gemini, name, json: json!({ kind: value }) });
            }
        }
    }
    Ok(tools)
}

fn read_function(mut function: Fields, unmapped: &mut Leftovers) -> Result<Tool, BadRequest> {
    let name = function.required_string("name")?;
    let description = function.string("description")?;
    let subset = function.take("parameters");
    let parameters = match function.take("parametersJsonSchema") {
        Some(full) => Some(full),
        None => subset.map(|schema| schema::gemini::to_json_schema(&schema)),
    };
    unmapped.extend(function.leftovers());
    Ok(Tool::Function { name, description, parameters, strict: None, cache: None })
}

/// Reads which tools may or must be called.
pub(super) fn read_choice(
    body: &mut Fields,
    unmapped: &mut Leftovers,
) -> Result<Option<ToolChoice>, BadRequest> {
    let Some(mut config) = proto::object(body, "toolConfig")? else { return Ok(None) };
    let mut choice = None;
    if let Some(mut calling) = proto::object(&mut config, "functionCallingConfig")? {
        let names = proto::strings(&mut calling, "allowedFunctionNames")?.unwrap_or_default();
        let mode = calling.string("mode")?.unwrap_or_default().to_ascii_uppercase();
        choice = read_mode(&mode, names, &calling)?;
        if mode == "VALIDATED" {
            unmapped.push((calling.at("mode"), Value::String(mode)));
        }
        unmapped.extend(calling.leftovers());
    }
    unmapped.extend(config.leftovers());
    Ok(choice)
}

fn read_mode(mode: &str, mut names: Vec<String>, calling: &Fields) -> Result<Option<ToolChoice>, BadRequest> {
    Ok(match mode {
        "" | "MODE_UNSPECIFIED" if names.is_empty() => None,
        "" | "MODE_UNSPECIFIED" | "AUTO" | "VALIDATED" if !names.is_empty() => {
            Some(ToolChoice::Allowed { names, required: false })
        }
        "AUTO" | "VALIDATED" => Some(ToolChoice::Auto),
        "NONE" => Some(ToolChoice::None),
        "ANY" if names.len() == 1 => names.pop().map(ToolChoice::Named),
        "ANY" if names.is_empty() => Some(ToolChoice::Required),
        "ANY" => Some(ToolChoice::Allowed { names, required: true }),
        _ => return Err(calling.complain("mode", "`mode` must be AUTO, ANY, NONE or VALIDATED")),
    })
}
