//! Errors on the wire.

use tidegate_core::FaultKind;

use crate::fault::{Problem, UpstreamFault};

/// Reads a provider's error answer.
pub fn decode(status: u16, _body: &[u8]) -> UpstreamFault {
    UpstreamFault::new(FaultKind::from_status(status), "not yet").with_status(status)
}

/// Writes an error answer's body.
pub fn encode(_problem: &Problem<'_>) -> Vec<u8> {
    Vec::new()
}
