//! `POST /v1/messages/count_tokens`.

use crate::fault::BadRequest;
use crate::hub::ChatRequest;

/// Reads the JSON body: a messages request that needs no `max_tokens`.
pub fn decode(body: &[u8]) -> Result<ChatRequest, BadRequest> {
    super::decode_request::read(body, false)
}

/// Writes the JSON body of the answer.
pub fn encode(input_tokens: u64) -> Vec<u8> {
    format!("{{\"input_tokens\":{input_tokens}}}").into_bytes()
}
