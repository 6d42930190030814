//! Reads `tools` and `tool_choice`.

use super::{Leftovers, cache_mark, is_new_type};
use crate::Dialect;
use crate::fault::BadRequest;
use crate::fields::{Fields, wrong};
use crate::hub::{ChatRequest, Tool, ToolChoice};

/// Tools in the caller's order; every typed tool but `custom` is Anthropic's own and stays as it came.
pub(super) fn read(body: &mut Fields, left: &mut Leftovers) -> Result<Vec<Tool>, BadRequest> {
    body.objects("tools")?.into_iter().map(|tool| read_tool(tool, left)).collect()
}

fn read_tool(mut tool: Fields, left: &mut Leftovers) -> Result<Tool, BadRequest> {
    let kind = tool.peek_str("type").to_owned();
    if !kind.is_empty() && kind != "custom" {
        let name = format!("{} ({kind})", tool.path());
        return Ok(Tool::Opaque { dialect: Dialect::Anthropic, name, json: tool.into_value() });
    }
    tool.string("type")?;
    let name = tool.required_string("name")?;
    let description = tool.string("description")?;
    let parameters = tool.take("input_schema");
    if let Some(schema) = parameters.as_ref().filter(|schema| !schema.is_object()) {
        return Err(wrong(&tool.at("input_schema"), "an object", schema));
    }
    let strict = tool.bool("strict")?;
    let cache = cache_mark(&mut tool)?;
    left.take(tool);
    Ok(Tool::Function { name, description, parameters, strict, cache })
}

/// `disable_parallel_tool_use` lives inside `tool_choice` here.
pub(super) fn read_choice(
    body: &mut Fields,
    request: &mut ChatRequest,
    left: &mut Leftovers,
) -> Result<(), BadRequest> {
    if is_new_type(body, "tool_choice", &["auto", "any", "none", "tool"]) {
        return Ok(());
    }
    let Some(mut choice) = body.object("tool_choice")? else { return Ok(()) };
    request.tool_choice = Some(match choice.required_string("type")?.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        _ => ToolChoice::Named(choice.required_string("name")?),
    });
    request.parallel_tool_calls = choice.bool("disable_parallel_tool_use")?.map(|disabled| !disabled);
    left.take(choice);
    Ok(())
}
