//! Reads what the caller wishes of the answer: `thinking`, `output_config`, `output_format`.

use super::{Leftovers, is_new_type};
use crate::fault::BadRequest;
use crate::fields::Fields;
use crate::hub::{ChatRequest, OutputFormat, ReasoningWish};

/// Reads all three.
pub(super) fn read(
    body: &mut Fields,
    request: &mut ChatRequest,
    left: &mut Leftovers,
) -> Result<(), BadRequest> {
    let thinking = read_thinking(body, left)?;
    let mut effort = None;
    if let Some(mut config) = body.object("output_config")? {
        effort = config.string("effort")?;
        request.format = read_format(&mut config, "format")?;
        left.take(config);
    }
    if request.format.is_none() {
        request.format = read_format(body, "output_format")?;
    }
    request.reasoning = match (thinking, effort) {
        (None, None) => None,
        (None, effort) => Some(ReasoningWish { effort, ..ReasoningWish::default() }),
        (Some(wish), None) => Some(wish),
        (Some(wish), Some(effort)) if wish.effort.is_some() => {
            // Thinking is off; effort then is about the length of the answer, for which the hub has no word.
            left.keep("output_config.effort".to_owned(), effort);
            Some(wish)
        }
        (Some(wish), effort) => Some(ReasoningWish { effort, ..wish }),
    };
    Ok(())
}

/// Reads `thinking`. The hub's word for `disabled`, and for `between_tools` which has its place on newer models, is the
/// effort `none`.
fn read_thinking(body: &mut Fields, left: &mut Leftovers) -> Result<Option<ReasoningWish>, BadRequest> {
    if is_new_type(body, "thinking", &["enabled", "adaptive", "disabled", "between_tools"]) {
        return Ok(None);
    }
    let Some(mut thinking) = body.object("thinking")? else { return Ok(None) };
    let mut wish = ReasoningWish::default();
    match thinking.required_string("type")?.as_str() {
        "enabled" => {
            if thinking.peek("budget_tokens").is_none() {
                thinking.required("budget_tokens")?;
            }
            wish.budget = thinking.u64("budget_tokens")?;
        }
        "adaptive" => wish.dynamic = true,
        _ => wish.effort = Some("none".to_owned()),
    }
    if wish.effort.is_none() {
        wish.show = match thinking.peek_str("display") {
            "summarized" => Some(true),
            "omitted" => Some(false),
            _ => None,
        };
        if wish.show.is_some() {
            thinking.take("display");
        }
    }
    left.take(thinking);
    Ok(Some(wish))
}

fn read_format(fields: &mut Fields, name: &str) -> Result<Option<OutputFormat>, BadRequest> {
    if is_new_type(fields, name, &["json_schema"]) {
        return Ok(None);
    }
    let Some(mut format) = fields.object(name)? else { return Ok(None) };
    format.required_string("type")?;
    let schema = format.required("schema")?;
    Ok(Some(OutputFormat::JsonSchema { name: None, description: None, schema, strict: None }))
}
