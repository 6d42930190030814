//! Errors inside an answer: a failed response object, an `error` event.

use serde::Serialize;
use serde_json::Value;
use tidegate_core::FaultKind;

use crate::fault::UpstreamFault;
use crate::openai_chat;

/// Codes of this dialect that are passed on to its callers as they are; other vendors' codes are not.
const OWN_CODES: [&str; 12] = [
    "server_error",
    "rate_limit_exceeded",
    "insufficient_quota",
    "context_length_exceeded",
    "invalid_prompt",
    "data_residency_mismatch",
    "bio_policy",
    "misalignment_policy_violation",
    "vector_store_timeout",
    "invalid_image",
    "invalid_image_url",
    "failed_to_download_image",
];

/// Reads an error object: `{code, message, param, type}`, or a bare string. Codes that only this dialect has tell the
/// kind; the others are those of OpenAI chat.
pub(super) fn read(error: &Value) -> UpstreamFault {
    let wrapped = serde_json::json!({ "error": error });
    let mut fault = openai_chat::error::from_value(&wrapped, None);
    let kind = match error["code"].as_str().unwrap_or_default() {
        "context_length_exceeded"
        | "bio_policy"
        | "misalignment_policy_violation"
        | "data_residency_mismatch" => FaultKind::InvalidRequest,
        code if code.contains("image") || code.starts_with("invalid_prompt") => FaultKind::InvalidRequest,
        "server_is_overloaded" | "slow_down" => FaultKind::Overloaded,
        "vector_store_timeout" => FaultKind::Timeout,
        _ => return fault,
    };
    fault.kind = kind;
    fault.with_status(kind.status())
}

/// An error object on the wire.
#[derive(Debug, Serialize)]
pub(super) struct ErrorBody<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    error_type: &'static str,
    param: Option<&'a str>,
    code: &'a str,
}

impl<'a> From<&'a UpstreamFault> for ErrorBody<'a> {
    fn from(fault: &'a UpstreamFault) -> Self {
        Self {
            message: &fault.message,
            error_type: error_type(fault.kind),
            param: fault.param.as_deref(),
            code: code(fault),
        }
    }
}

/// The code that this dialect's callers know for a fault.
pub(super) fn code(fault: &UpstreamFault) -> &str {
    match fault.code.as_deref() {
        Some(own) if OWN_CODES.contains(&own) => own,
        _ => match fault.kind {
            FaultKind::RateLimited => "rate_limit_exceeded",
            FaultKind::Billing => "insufficient_quota",
            FaultKind::InvalidRequest | FaultKind::TooLarge => "invalid_prompt",
            _ => "server_error",
        },
    }
}

fn error_type(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::InvalidRequest | FaultKind::TooLarge => "invalid_request_error",
        FaultKind::Authentication => "authentication_error",
        FaultKind::Permission => "permission_error",
        FaultKind::NotFound => "not_found_error",
        FaultKind::RateLimited => "rate_limit_error",
        FaultKind::Billing => "insufficient_quota",
        FaultKind::Overloaded | FaultKind::Timeout | FaultKind::Upstream | FaultKind::Internal => {
            "server_error"
        }
    }
}
