//! `:countTokens`, in both directions.

use serde_json::{Value, json};
use tidegate_core::FaultKind;

use super::{decode_request, encode_request, error, proto};
use crate::codec::Encoded;
use crate::fault::{BadRequest, UpstreamFault};
use crate::hub::ChatRequest;
use crate::quirks::Profile;

/// Reads a caller's body: `contents` alone, or a whole `generateContentRequest`.
pub fn decode_request(body: &[u8]) -> Result<ChatRequest, BadRequest> {
    let value = serde_json::from_slice(body)
        .map_err(|error| BadRequest::body(format!("the body is not valid JSON: {error}")))?;
    let mut fields = proto::fields("", value)?;
    match proto::object(&mut fields, "generateContentRequest")? {
        Some(inner) => decode_request::read(inner),
        None => decode_request::read(fields),
    }
}

/// Writes a body for a provider. The whole request is counted: instructions and tools cost tokens too.
pub fn encode_request(request: &ChatRequest, target: &Profile<'_>) -> Result<Encoded, BadRequest> {
    let mut dropped = Vec::new();
    let model = target.model.strip_prefix("models/").unwrap_or(target.model);
    let mut inner = json!({ "model": format!("models/{model}") });
    let body = encode_request::write(request, target, &mut dropped);
    if let (Value::Object(inner), Value::Object(body)) = (&mut inner, body) {
        inner.extend(body);
    }
    let body = json!({ "generateContentRequest": inner });
    Ok(Encoded { body: body.to_string().into_bytes(), dropped })
}

/// Reads a provider's answer: the number of tokens.
pub fn decode_response(body: &[u8]) -> Result<u64, UpstreamFault> {
    let broken = |how: &str| UpstreamFault::new(FaultKind::Upstream, format!("the token count {how}"));
    let value: Value = serde_json::from_slice(body).map_err(|_| broken("is not JSON"))?;
    if let Some(reported) = error::error_of(&value) {
        return Err(error::from_status(reported, None));
    }
    value.get("totalTokens").and_then(Value::as_u64).ok_or_else(|| broken("has no `totalTokens`"))
}

/// Writes an answer for a caller.
pub fn encode_response(tokens: u64) -> Vec<u8> {
    let details = json!([{ "modality": "TEXT", "tokenCount": tokens }]);
    json!({ "totalTokens": tokens, "promptTokensDetails": details }).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_count_are_read() {
        let contents = json!([{ "role": "user", "parts": [{ "text": "hi" }] }]);
        let plain = json!({ "contents": contents });
        let whole = json!({ "generate_content_request": { "model": "models/gemini-2.5-flash",
            "contents": contents, "systemInstruction": { "parts": { "text": "be brief" } } } });
        assert_eq!(decode_request(plain.to_string().as_bytes()).unwrap().turns.len(), 1);
        let request = decode_request(whole.to_string().as_bytes()).unwrap();
        assert_eq!((request.model.as_str(), request.turns.len()), ("gemini-2.5-flash", 2));
        let sent = encode_request(&request, &Profile::plain("gemini-2.5-flash")).unwrap();
        let sent: Value = serde_json::from_slice(&sent.body).unwrap();
        assert_eq!(sent["generateContentRequest"]["model"], "models/gemini-2.5-flash");
        assert_eq!(sent["generateContentRequest"]["contents"], contents);
    }

    #[test]
    fn a_count_comes_back() {
        assert_eq!(decode_response(&encode_response(31)), Ok(31));
        assert!(decode_response(b"[{\"error\":{\"code\":503}}]").is_err());
    }
}
