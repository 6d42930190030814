//! Gemini: `POST /v1beta/models/{model}:generateContent`, `:streamGenerateContent` and `:countTokens`.
//!
//! Field names and enums are those of the Gemini API reference and of google-genai 3.4 (`types.py`). Google reads
//! proto JSON: requests may use camelCase or snake_case; we write camelCase.

#[cfg(test)]
pub(crate) mod arbitrary;
mod citations;
pub mod count_tokens;
pub mod decode_request;
pub mod decode_response;
pub mod decode_stream;
pub mod encode_request;
pub mod encode_response;
pub mod encode_stream;
pub mod error;
pub(crate) mod finish;
mod model;
pub(crate) mod proto;
mod thinking;
pub mod usage;

/// The key under which arguments that are no JSON object are sent to Gemini, whose `args` must be one (case 49).
pub const RAW_ARGUMENTS_KEY: &str = "_raw_arguments";

/// The signature that Gemini 3 takes for a function call that it did not make itself (case 33). Its documentation
/// (ai.google.dev/gemini-api/docs/thought-signatures, FAQ) names two such texts; this is the one that the Vertex AI
/// documentation names too.
pub const DUMMY_SIGNATURE: &str = "skip_thought_signature_validator";

/// The arguments of a call as the JSON object that Gemini wants: no text is `{}`, anything but an object goes under
/// [`RAW_ARGUMENTS_KEY`], as text.
fn arguments_object(arguments: &str) -> serde_json::Value {
    use serde_json::{Value, json};
    if arguments.trim().is_empty() {
        return json!({});
    }
    match serde_json::from_str(arguments) {
        Ok(object @ Value::Object(_)) => object,
        _ => json!({ RAW_ARGUMENTS_KEY: arguments }),
    }
}
