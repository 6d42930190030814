//! Writes a whole answer for a caller.

use crate::codec::Reply;
use crate::hub::ChatResponse;

/// Writes the JSON body.
pub fn encode(_response: &ChatResponse, _reply: &Reply) -> Vec<u8> {
    Vec::new()
}
