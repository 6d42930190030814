//! Errors on the wire: `google.rpc.Status`, alone or wrapped in an array (case 29).

use serde_json::{Value, json};
use tidegate_core::FaultKind;

use crate::fault::{Problem, UpstreamFault};

/// Reads a provider's error answer.
pub fn decode(status: u16, body: &[u8]) -> UpstreamFault {
    let value: Option<Value> = serde_json::from_slice(body).ok();
    match value.as_ref().and_then(error_of) {
        Some(error) => from_status(error, Some(status)),
        None => UpstreamFault::new(FaultKind::from_status(status), plain(status, body)).with_status(status),
    }
}

/// What can be said about a body that is no JSON error. A page for browsers is not passed on.
fn plain(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.is_empty() || text.starts_with('<') {
        format!("the provider answered with status {status}")
    } else {
        text.to_owned()
    }
}

/// The error object of a body: `{"error": {…}}`, `[{"error": {…}}]`.
pub(crate) fn error_of(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(items) => items.iter().find_map(|item| item.get("error")),
        other => other.get("error"),
    }
    .filter(|error| !error.is_null())
}

/// Reads a `google.rpc.Status`. Without an HTTP status (inside a stream) its own `code` is taken.
pub(crate) fn from_status(error: &Value, http: Option<u16>) -> UpstreamFault {
    let code = error.get("status").and_then(Value::as_str);
    let own = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let http = http.or(own).filter(|status| (400..600).contains(status));
    let kind = kind_of(error, code, http);
    let message = match error {
        Value::String(text) => text.as_str(),
        _ => error.get("message").and_then(Value::as_str).unwrap_or("the provider reported an error"),
    };
    let mut fault = UpstreamFault::new(kind, message).with_code(code.map(str::to_owned));
    fault.status = http.unwrap_or(kind.status());
    fault.retry_after_ms = details(error).find_map(|detail| delay(detail.get("retryDelay")?));
    fault.param = details(error).find_map(|detail| {
        let field = detail.get("fieldViolations")?.get(0)?.get("field")?;
        field.as_str().map(str::to_owned)
    });
    fault
}

fn kind_of(error: &Value, code: Option<&str>, http: Option<u16>) -> FaultKind {
    // Gemini says 400 INVALID_ARGUMENT to a wrong key.
    let has_bad_key =
        details(error).any(|detail| detail.get("reason").and_then(Value::as_str) == Some("API_KEY_INVALID"));
    match http {
        _ if has_bad_key => FaultKind::Authentication,
        // More precise than the status names that Google has.
        Some(precise @ (402 | 413)) => FaultKind::from_status(precise),
        _ => code.and_then(kind_of_code).or(http.map(FaultKind::from_status)).unwrap_or(FaultKind::Upstream),
    }
}

fn details(error: &Value) -> impl Iterator<Item = &Value> {
    error.get("details").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().iter()
}

/// `"1.5s"` in milliseconds: the JSON form of `google.protobuf.Duration`.
fn delay(value: &Value) -> Option<u64> {
    let seconds: f64 = value.as_str()?.strip_suffix('s')?.parse().ok()?;
    (0.0..1e9).contains(&seconds).then(|| (seconds * 1000.0).ceil() as u64)
}

/// The kind that a `google.rpc.Code` stands for; `None` where the HTTP status tells more.
fn kind_of_code(code: &str) -> Option<FaultKind> {
    Some(match code {
        "INVALID_ARGUMENT" | "OUT_OF_RANGE" | "FAILED_PRECONDITION" => FaultKind::InvalidRequest,
        "UNAUTHENTICATED" => FaultKind::Authentication,
        "PERMISSION_DENIED" => FaultKind::Permission,
        "NOT_FOUND" => FaultKind::NotFound,
        "RESOURCE_EXHAUSTED" => FaultKind::RateLimited,
        "UNAVAILABLE" => FaultKind::Overloaded,
        "DEADLINE_EXCEEDED" => FaultKind::Timeout,
        "INTERNAL" | "UNKNOWN" | "DATA_LOSS" => FaultKind::Upstream,
        _ => return None,
    })
}

/// The `google.rpc.Code` for a kind.
fn code_of(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::InvalidRequest | FaultKind::TooLarge => "INVALID_ARGUMENT",
        FaultKind::Authentication => "UNAUTHENTICATED",
        // What Gemini says where billing has to be set up first.
        FaultKind::Billing => "FAILED_PRECONDITION",
        FaultKind::Permission => "PERMISSION_DENIED",
        FaultKind::NotFound => "NOT_FOUND",
        FaultKind::RateLimited => "RESOURCE_EXHAUSTED",
        // gRPC's own table maps 502 and 503 to UNAVAILABLE.
        FaultKind::Overloaded | FaultKind::Upstream => "UNAVAILABLE",
        FaultKind::Timeout => "DEADLINE_EXCEEDED",
        FaultKind::Internal => "INTERNAL",
    }
}

/// Writes an error answer's body.
pub fn encode(problem: &Problem<'_>) -> Vec<u8> {
    let mut details = vec![json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": problem.code.to_ascii_uppercase(),
        "domain": "tidegate",
        "metadata": { "requestId": problem.request_id },
    })];
    if let Some(field) = problem.param {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{ "field": field, "description": problem.message }],
        }));
    }
    if let Some(seconds) = problem.retry_after_secs {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{seconds}s"),
        }));
    }
    json!({ "error": {
        "code": problem.status,
        "message": problem.message,
        "status": code_of(problem.kind),
        "details": details,
    }})
    .to_string()
    .into_bytes()
}

/// The error object for the inside of a stream.
pub(crate) fn in_stream(fault: &UpstreamFault) -> Value {
    json!({ "error": { "code": fault.status, "message": fault.message, "status": code_of(fault.kind) } })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXHAUSTED: &str = r#"{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[
        {"@type":"type.googleapis.com/google.rpc.QuotaFailure"},
        {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"13.25s"}]}}"#;

    #[test]
    fn retry_info_is_read() {
        let fault = decode(429, EXHAUSTED.as_bytes());
        assert_eq!(fault.kind, FaultKind::RateLimited);
        assert_eq!(fault.retry_after_ms, Some(13_250));
        assert_eq!(fault.code.as_deref(), Some("RESOURCE_EXHAUSTED"));
    }

    #[test]
    fn case_29_an_error_wrapped_in_an_array_is_read() {
        let fault = decode(429, format!("[{EXHAUSTED}]").as_bytes());
        assert_eq!(
            (fault.kind, fault.status, fault.message.as_str()),
            (FaultKind::RateLimited, 429, "quota")
        );
    }

    #[test]
    fn a_wrong_key_is_an_authentication_error() {
        let body = br#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT",
            "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}"#;
        assert_eq!(decode(400, body).kind, FaultKind::Authentication);
    }

    #[test]
    fn fault_47_a_page_for_browsers_is_not_passed_on() {
        let fault = decode(502, b"<html><body>secret</body></html>");
        assert_eq!(fault.message, "the provider answered with status 502");
        assert_eq!(fault.kind, FaultKind::Upstream);
    }

    #[test]
    fn every_kind_comes_back_from_what_we_write() {
        for kind in [
            FaultKind::InvalidRequest,
            FaultKind::Authentication,
            FaultKind::Billing,
            FaultKind::Permission,
            FaultKind::NotFound,
            FaultKind::TooLarge,
            FaultKind::RateLimited,
            FaultKind::Overloaded,
            FaultKind::Timeout,
        ] {
            let problem = Problem {
                kind,
                status: kind.status(),
                code: "some_code",
                message: "words",
                param: Some("contents"),
                request_id: "r1",
                retry_after_secs: Some(2),
            };
            let fault = decode(kind.status(), &encode(&problem));
            assert_eq!(fault.kind, kind);
            assert_eq!(fault.retry_after_ms, Some(2_000));
            assert_eq!(fault.param.as_deref(), Some("contents"));
        }
    }
}
