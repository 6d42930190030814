//! Writes a request for a provider.

use crate::codec::Encoded;
use crate::fault::BadRequest;
use crate::hub::ChatRequest;
use crate::quirks::Profile;

/// Writes the JSON body.
pub fn encode(_request: &ChatRequest, _target: &Profile<'_>) -> Result<Encoded, BadRequest> {
    Err(BadRequest::body("not yet"))
}
