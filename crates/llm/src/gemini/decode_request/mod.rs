//! Reads a caller's request.

mod config;
mod contents;
mod tools;

use serde_json::Value;

use super::proto;
use crate::Dialect;
use crate::fault::BadRequest;
use crate::fields::Fields;
use crate::hub::{ChatRequest, Unmapped};

pub(crate) use contents::PartReader;

/// Fields without a word in the hub: path and value.
type Leftovers = Vec<(String, Value)>;

/// Reads the JSON body. The model and the wish to stream are in the path; the caller of this function sets them.
pub fn decode(body: &[u8]) -> Result<ChatRequest, BadRequest> {
    let value = serde_json::from_slice(body)
        .map_err(|error| BadRequest::body(format!("the body is not valid JSON: {error}")))?;
    read(proto::fields("", value)?)
}

/// Reads a `GenerateContentRequest`.
pub(crate) fn read(mut body: Fields) -> Result<ChatRequest, BadRequest> {
    let mut unmapped = Vec::new();
    let mut request = ChatRequest {
        model: model_name(&mut body)?,
        turns: contents::read(&mut body, &mut unmapped)?,
        tools: tools::read(&mut body, &mut unmapped)?,
        service_tier: body.string("serviceTier")?,
        ..ChatRequest::default()
    };
    request.tool_choice = tools::read_choice(&mut body, &mut unmapped)?;
    config::read(&mut body, &mut request, &mut unmapped)?;
    unmapped.extend(body.leftovers());
    request.unmapped = Unmapped { dialect: Some(Dialect::Gemini), fields: unmapped };
    Ok(request)
}

/// Some bodies name the model too (`models/…`), as `countTokens` and batches do.
fn model_name(body: &mut Fields) -> Result<String, BadRequest> {
    let name = body.string("model")?.unwrap_or_default();
    Ok(name.strip_prefix("models/").unwrap_or(&name).to_owned())
}

#[cfg(test)]
mod tests;
