//! Errors on the wire: `{"type":"error","error":{"type","message"},"request_id"}`.

use serde::Serialize;
use serde_json::Value;
use tidegate_core::FaultKind;

use crate::fault::{Problem, UpstreamFault};

/// Reads a provider's error answer. Takes OpenAI-shaped and plain-text bodies too: who copies the dialect seldom copies
/// its errors.
pub fn decode(status: u16, body: &[u8]) -> UpstreamFault {
    let (code, message) = match serde_json::from_slice::<Value>(body) {
        Ok(body) => words(&body),
        Err(_) => (None, plain(body)),
    };
    let message = if message.is_empty() { format!("the provider answered {status}") } else { message };
    fault(status, code, message)
}

/// A body that is no JSON. A page for browsers is not passed on (fault 47).
fn plain(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.starts_with('<') { String::new() } else { text.to_owned() }
}

/// Reads the error event of a stream (or an error inside a 200), whose status the type stands for.
pub(crate) fn decode_inside(body: &Value) -> UpstreamFault {
    let (code, message) = words(body);
    let status = code.as_deref().and_then(status_of_type).unwrap_or(500);
    let message = if message.is_empty() { "the provider reported an error".to_owned() } else { message };
    fault(status, code, message)
}

fn words(body: &Value) -> (Option<String>, String) {
    let error = body.get("error").unwrap_or(body);
    let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
    let message = error.as_str().map(str::to_owned).or_else(|| text("message")).unwrap_or_default();
    (text("type").filter(|word| word != "error"), message)
}

fn fault(status: u16, code: Option<String>, message: String) -> UpstreamFault {
    let by_type = code.as_deref().and_then(kind_of_type);
    // An empty purse is told as an ordinary 400; without this rule nobody would try the next provider.
    let kind = if message.starts_with("Your credit balance is too low") {
        FaultKind::Billing
    } else {
        by_type.unwrap_or_else(|| FaultKind::from_status(status))
    };
    UpstreamFault::new(kind, message).with_status(status).with_code(code)
}

fn kind_of_type(word: &str) -> Option<FaultKind> {
    Some(match word {
        "invalid_request_error" => FaultKind::InvalidRequest,
        "authentication_error" => FaultKind::Authentication,
        "billing_error" => FaultKind::Billing,
        "permission_error" => FaultKind::Permission,
        "not_found_error" => FaultKind::NotFound,
        "request_too_large" => FaultKind::TooLarge,
        "rate_limit_error" => FaultKind::RateLimited,
        "overloaded_error" => FaultKind::Overloaded,
        "timeout_error" => FaultKind::Timeout,
        "api_error" => FaultKind::Upstream,
        _ => return None,
    })
}

fn status_of_type(word: &str) -> Option<u16> {
    kind_of_type(word).map(|kind| match kind {
        FaultKind::Upstream => 500,
        kind => status_of(kind),
    })
}

/// The HTTP status that callers of this dialect expect for a kind: overload is 529, the rest as everywhere.
pub const fn status_of(kind: FaultKind) -> u16 {
    match kind {
        FaultKind::Overloaded => 529,
        kind => kind.status(),
    }
}

const fn type_of(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::InvalidRequest => "invalid_request_error",
        FaultKind::Authentication => "authentication_error",
        FaultKind::Billing => "billing_error",
        FaultKind::Permission => "permission_error",
        FaultKind::NotFound => "not_found_error",
        FaultKind::TooLarge => "request_too_large",
        FaultKind::RateLimited => "rate_limit_error",
        FaultKind::Overloaded => "overloaded_error",
        FaultKind::Timeout => "timeout_error",
        FaultKind::Upstream | FaultKind::Internal => "api_error",
    }
}

/// The error as it stands in a body and in a stream.
#[derive(Serialize)]
pub(super) struct WireError<'a> {
    r#type: &'static str,
    error: WireDetail<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    request_id: &'a str,
}

#[derive(Serialize)]
struct WireDetail<'a> {
    r#type: &'static str,
    message: &'a str,
}

impl<'a> WireError<'a> {
    pub(super) fn new(kind: FaultKind, message: &'a str, request_id: &'a str) -> Self {
        Self { r#type: "error", error: WireDetail { r#type: type_of(kind), message }, request_id }
    }
}

/// Writes an error answer's body.
pub fn encode(problem: &Problem<'_>) -> Vec<u8> {
    let error = WireError::new(problem.kind, problem.message, problem.request_id);
    serde_json::to_vec(&error).unwrap_or_default()
}
