//! Tokens and errors in a provider's words, read by the dialect that the endpoint belongs to.

use serde_json::{Value, json};
use tidegate_core::FaultKind;

use crate::anthropic::usage::Counts;
use crate::fault::UpstreamFault;
use crate::usage::Usage;
use crate::{Dialect, anthropic, gemini, openai_chat, openai_responses};

/// Reads a usage object; `None` when its numbers are no counts (fault 43).
pub(super) fn usage_of(dialect: Dialect, raw: &str) -> Option<Usage> {
    let usage = match dialect {
        Dialect::OpenaiChat => openai_chat::usage::read_json(raw),
        Dialect::OpenaiResponses => openai_responses::usage::read(&json!({ "usage": value_of(raw)? })),
        Dialect::Anthropic => {
            let counts: Counts = serde_json::from_str(raw).ok()?;
            Some(counts.usage()).filter(|usage| usage.total() > 0)
        }
        Dialect::Gemini => gemini::usage::decode(&value_of(raw)?),
    };
    usage.filter(Usage::is_possible)
}

fn value_of(raw: &str) -> Option<Value> {
    serde_json::from_str(raw).ok()
}

/// Reads an error that came with status 200.
pub(super) fn fault_of(dialect: Dialect, body: &[u8]) -> UpstreamFault {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return UpstreamFault::new(FaultKind::Upstream, "the provider reported an error that is no JSON");
    };
    match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => openai_chat::error::from_value(&value, None),
        Dialect::Anthropic => anthropic::error::decode_inside(&value),
        Dialect::Gemini => {
            gemini::error::from_status(gemini::error::error_of(&value).unwrap_or(&value), None)
        }
    }
}

/// The same for the inside of `"error"`.
pub(super) fn fault_inside(dialect: Dialect, error: &str) -> UpstreamFault {
    fault_of(dialect, format!("{{\"error\":{error}}}").as_bytes())
}
