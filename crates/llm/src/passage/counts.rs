//! Tokens and errors in a provider's words, read by the dialect that the endpoint belongs to.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::Dialect;
use crate::anthropic::usage::Counts;
use crate::codec::decode_error;
use crate::fault::UpstreamFault;
use crate::usage::Usage;
use crate::{openai_chat, openai_responses};

/// The status that an error inside a 200 stands for when its type does not tell.
const UNTOLD_STATUS: u16 = 500;

/// Reads a usage object; `None` when its numbers are no counts (fault 43).
pub(super) fn usage_of(dialect: Dialect, raw: &RawValue) -> Option<Usage> {
    usage_of_value(dialect, &serde_json::from_str(raw.get()).ok()?)
}

/// Reads a usage object.
pub(super) fn usage_of_value(dialect: Dialect, value: &Value) -> Option<Usage> {
    match dialect {
        Dialect::OpenaiChat => openai_chat::usage::read(value, None),
        Dialect::OpenaiResponses => openai_responses::usage::read(&json!({ "usage": value })),
        Dialect::Anthropic => {
            let counts = serde_json::from_value::<Counts>(value.clone()).ok()?;
            Some(counts.usage()).filter(|usage| usage.total() > 0)
        }
        Dialect::Gemini => stand_in(dialect, value),
    }
}

/// Reads an error body that came with status 200.
pub(super) fn fault_of(dialect: Dialect, body: &[u8]) -> UpstreamFault {
    match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => match serde_json::from_slice(body) {
            Ok(value) => openai_chat::error::from_value(&value, None),
            Err(_) => decode_error(dialect, UNTOLD_STATUS, body),
        },
        Dialect::Anthropic | Dialect::Gemini => decode_error(dialect, UNTOLD_STATUS, body),
    }
}

/// The same for the inside of `"error"`.
pub(super) fn fault_inside(dialect: Dialect, error: &str) -> UpstreamFault {
    fault_of(dialect, format!("{{\"error\":{error}}}").as_bytes())
}

fn stand_in(dialect: Dialect, value: &Value) -> Option<Usage> {
    let count = |pointer: &str| value.pointer(pointer).and_then(Value::as_u64);
    let usage = match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => return None,
        Dialect::Anthropic => return None,
        Dialect::Gemini => Usage {
            input: count("/promptTokenCount").unwrap_or(0),
            output: count("/candidatesTokenCount").unwrap_or(0),
            ..Usage::default()
        },
    };
    Some(usage)
}
