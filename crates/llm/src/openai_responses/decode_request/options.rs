//! The remaining settings of a request.

use serde_json::Value;

use super::Unknown;
use crate::fault::BadRequest;
use crate::fields::{Fields, wrong};
use crate::hub::{OutputFormat, ReasoningWish};

/// `text`: format and verbosity.
pub(super) fn text(
    fields: &mut Fields,
    unknown: &mut Unknown,
) -> Result<(Option<OutputFormat>, Option<String>), BadRequest> {
    let Some(mut text) = fields.object("text")? else { return Ok((None, None)) };
    let verbosity = text.string("verbosity")?;
    let format = match text.object("format")? {
        Some(format) => self::format(format, unknown)?,
        None => None,
    };
    unknown.append(&mut text.leftovers());
    Ok((format, verbosity))
}

fn format(mut format: Fields, unknown: &mut Unknown) -> Result<Option<OutputFormat>, BadRequest> {
    match format.peek_str("type") {
        "text" => Ok(None),
        "json_object" => Ok(Some(OutputFormat::JsonObject)),
        "json_schema" => {
            let name = format.required_string("name")?;
            let schema = format.required("schema")?;
            if !schema.is_object() {
                return Err(wrong(&format.at("schema"), "an object", &schema));
            }
            Ok(Some(OutputFormat::JsonSchema {
                name: Some(name),
                description: format.string("description")?,
                schema,
                strict: format.bool("strict")?,
            }))
        }
        "" => Err(format.complain("type", "`text.format.type` is required")),
        _ => {
            unknown.push((format.path().to_owned(), format.into_value()));
            Ok(None)
        }
    }
}

/// `reasoning`: effort and summary. A wish for a summary is a wish to see thoughts.
pub(super) fn reasoning(
    fields: &mut Fields,
    unknown: &mut Unknown,
) -> Result<Option<ReasoningWish>, BadRequest> {
    let Some(mut reasoning) = fields.object("reasoning")? else { return Ok(None) };
    let older = reasoning.string("generate_summary")?;
    let summary = reasoning.string("summary")?.or(older);
    let effort = reasoning.string("effort")?;
    unknown.append(&mut reasoning.leftovers());
    if summary.is_none() && effort.is_none() {
        return Ok(None);
    }
    let show = summary.is_some().then_some(true);
    Ok(Some(ReasoningWish { effort, summary, show, ..ReasoningWish::default() }))
}

/// `safety_identifier`, or its older name `user`.
pub(super) fn end_user(fields: &mut Fields) -> Result<Option<String>, BadRequest> {
    let older = fields.string("user")?;
    Ok(fields.string("safety_identifier")?.or(older))
}

/// `metadata`: strings only.
pub(super) fn metadata(fields: &mut Fields) -> Result<Vec<(String, String)>, BadRequest> {
    let Some(metadata) = fields.object("metadata")? else { return Ok(Vec::new()) };
    let pairs = metadata.leftovers().into_iter().map(|(path, value)| match value {
        Value::String(text) => Ok((path.strip_prefix("metadata.").unwrap_or(path.as_str()).to_owned(), text)),
        other => Err(wrong(&path, "a string", &other)),
    });
    pairs.collect()
}

/// A conversation and a previous answer exclude each other.
pub(super) fn check_state(fields: &Fields) -> Result<(), BadRequest> {
    if let Some(other) = fields.peek("previous_response_id").filter(|id| !id.is_string()) {
        return Err(wrong("previous_response_id", "a string", other));
    }
    if fields.peek("previous_response_id").is_some() && fields.peek("conversation").is_some() {
        return Err(fields.complain("conversation", "`conversation` cannot go with `previous_response_id`"));
    }
    if let Some(other) = fields.peek("background").filter(|flag| !flag.is_boolean()) {
        return Err(wrong("background", "true or false", other));
    }
    Ok(())
}

/// Whether a field asks for anything. Defaults that clients like to spell out do not.
pub(super) fn says_something((path, value): &(String, Value)) -> bool {
    !match path.as_str() {
        "background" => *value == Value::Bool(false),
        "truncation" => value == "disabled",
        "include" => value.as_array().is_some_and(Vec::is_empty),
        "top_logprobs" => value.as_u64() == Some(0),
        _ => false,
    }
}
