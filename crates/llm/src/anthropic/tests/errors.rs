//! Errors, both ways.

use serde_json::{Value, json};
use tidegate_core::FaultKind;

use crate::anthropic::error::{decode, encode, status_of};
use crate::fault::Problem;

#[test]
fn every_type_has_its_kind_and_its_status() {
    let cases = [
        (400, "invalid_request_error", FaultKind::InvalidRequest),
        (401, "authentication_error", FaultKind::Authentication),
        (402, "billing_error", FaultKind::Billing),
        (403, "permission_error", FaultKind::Permission),
        (404, "not_found_error", FaultKind::NotFound),
        (413, "request_too_large", FaultKind::TooLarge),
        (429, "rate_limit_error", FaultKind::RateLimited),
        (500, "api_error", FaultKind::Upstream),
        (504, "timeout_error", FaultKind::Timeout),
        (529, "overloaded_error", FaultKind::Overloaded),
    ];
    for (status, word, kind) in cases {
        let body = json!({"type": "error", "error": {"type": word, "message": "m"}, "request_id": "req_1"});
        let fault = decode(status, body.to_string().as_bytes());
        assert_eq!((fault.kind, fault.status, fault.code.as_deref()), (kind, status, Some(word)));
        let problem = Problem {
            kind,
            status,
            code: "c",
            message: "m",
            param: None,
            request_id: "r",
            retry_after_secs: None,
        };
        let told: Value = serde_json::from_slice(&encode(&problem)).unwrap();
        assert_eq!(
            told,
            json!({"type": "error", "error": {"type": word, "message": "m"}, "request_id": "r"})
        );
        if kind != FaultKind::Upstream {
            assert_eq!(status_of(kind), status);
        }
    }
}

#[test]
fn errors_of_other_shapes_are_understood() {
    let poor = json!({"type": "error", "error": {"type": "invalid_request_error",
        "message": "Your credit balance is too low to access the Anthropic API."}});
    assert_eq!(decode(400, poor.to_string().as_bytes()).kind, FaultKind::Billing);
    let openai =
        decode(429, br#"{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}"#);
    assert_eq!((openai.kind, openai.message.as_str()), (FaultKind::RateLimited, "slow down"));
    assert_eq!(decode(502, b"<html>bad gateway</html>").message, "the provider answered 502");
    assert_eq!(decode(503, b"").message, "the provider answered 503");
    assert_eq!(decode(500, br#"{"error":"boom"}"#).message, "boom");
    assert_eq!(decode(401, br#"{"message":"no key"}"#).message, "no key");
}
