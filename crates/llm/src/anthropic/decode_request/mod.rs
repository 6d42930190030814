//! Reads a caller's request.

use crate::fault::BadRequest;
use crate::hub::ChatRequest;

/// Reads the JSON body.
pub fn decode(_body: &[u8]) -> Result<ChatRequest, BadRequest> {
    Err(BadRequest::body("not yet"))
}
