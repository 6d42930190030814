//! What real vendors refuse: structural mistakes that a translation may make. Off with the modifier `lax`.

mod anthropic;
mod gemini;
mod openai;

use http::HeaderMap;
use serde_json::Value;

use crate::ask::Dialect;
use crate::script::Script;
use crate::vendor_error::Complaint;

/// Complains as the vendor would, about the first mistake found.
pub(crate) fn check(
    dialect: Dialect,
    script: &Script,
    headers: &HeaderMap,
    body: &Value,
) -> Result<(), Complaint> {
    if !body.is_object() {
        return Err(Complaint::new(400, "The request body must be a JSON object."));
    }
    if script.shape.lax {
        return Ok(());
    }
    match dialect {
        Dialect::Chat => openai::chat(body),
        Dialect::Responses => openai::responses(body),
        Dialect::Completions => present(body, "prompt"),
        Dialect::Anthropic => anthropic::messages(script, headers, body),
        Dialect::Gemini => gemini::contents(script, body),
    }
}

/// Complains if a field is missing or null.
fn present(body: &Value, field: &'static str) -> Result<(), Complaint> {
    refuse(body[field].is_null(), field, || format!("Missing required parameter: '{field}'."))
}

/// Complains about `field` if `wrong`.
fn refuse(wrong: bool, field: &'static str, message: impl FnOnce() -> String) -> Result<(), Complaint> {
    if wrong { Err(Complaint::field(field, message())) } else { Ok(()) }
}

/// Letters, digits, `_` and `-`, at most `limit` of them.
fn is_plain_name(name: &str, limit: usize) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !name.is_empty() && name.len() <= limit && name.chars().all(plain)
}
