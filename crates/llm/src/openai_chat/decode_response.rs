//! Reads a provider's whole answer.

use tidegate_core::FaultKind;

use crate::fault::UpstreamFault;
use crate::hub::ChatResponse;

/// Reads the JSON body.
pub fn decode(_body: &[u8]) -> Result<ChatResponse, UpstreamFault> {
    Err(UpstreamFault::new(FaultKind::Upstream, "not yet"))
}
