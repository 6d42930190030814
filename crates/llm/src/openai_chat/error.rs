//! Errors on the wire, for OpenAI chat and responses alike.

use serde::Serialize;
use serde_json::Value;
use tidegate_core::FaultKind;

use crate::fault::{Problem, UpstreamFault};

/// Reads a provider's error answer: OpenAI's own shape, the shapes of others (`{"detail": …}`, `{"message": …}`,
/// `{"error": "text"}`, `[{"error": …}]`), plain text and HTML.
pub fn decode(status: u16, body: &[u8]) -> UpstreamFault {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => from_value(&value, Some(status)),
        Err(_) => from_text(status, &String::from_utf8_lossy(body)),
    }
}

/// Reads an error object, with or without the `error` around it. Without a status (an error inside a stream or inside an
/// answer of status 200) the kind comes from the error's own code and type.
pub fn from_value(value: &Value, status: Option<u16>) -> UpstreamFault {
    let outer = value.get(0).filter(|_| value.is_array()).unwrap_or(value);
    let error = outer.get("error").filter(|error| !error.is_null()).unwrap_or(outer);
    let word = |name: &str| error.get(name).and_then(as_word);
    let code = code_of(error);
    let told = || [error, outer].into_iter().find_map(told_status);
    let by_words = kind_of_words(word("code").as_deref(), word("type").as_deref());
    let status = status.filter(|status| *status >= 400).or_else(told);
    let kind = match (status, by_words) {
        (Some(429 | 403), Some(FaultKind::Billing)) => FaultKind::Billing,
        (Some(400), Some(FaultKind::NotFound)) => FaultKind::NotFound,
        (Some(status), _) => FaultKind::from_status(status),
        (None, Some(kind)) => kind,
        (None, None) => FaultKind::Upstream,
    };
    let message = message_of(error, outer).unwrap_or_else(|| speechless(status));
    let mut fault = UpstreamFault::new(kind, message).with_code(code);
    fault.param = word("param");
    match status {
        Some(status) => fault.with_status(status),
        None => fault,
    }
}

/// The error inside an answer or chunk that came with status 200, if it is one: a field `error`, or a bare error
/// object (`object: "error"`, or a `message` or `detail` where `choices` should be).
pub(super) fn inside(value: &Value) -> Option<UpstreamFault> {
    let has = |name: &str| value.get(name).is_some_and(|value| !value.is_null());
    let is_bare = value["object"] == "error" || (has("message") || has("detail")) && !has("choices");
    let is_error = has("error") || is_bare || value.get(0).is_some_and(|first| first.get("error").is_some());
    is_error.then(|| from_value(value, None))
}

/// The most telling of the words. A number is what many put there that repeats the status; it stands only where there is
/// no word beside it.
fn code_of(error: &Value) -> Option<String> {
    let words = ["code", "type", "status"].map(|name| error.get(name).and_then(as_word));
    let is_number = |word: &String| word.bytes().all(|byte| byte.is_ascii_digit());
    let telling = words.iter().flatten().find(|word| !is_number(word));
    telling.or_else(|| words.iter().flatten().next()).cloned()
}

fn as_word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn told_status(error: &Value) -> Option<u16> {
    ["code", "status", "status_code"].into_iter().find_map(|name| {
        let value = error.get(name)?;
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
        u16::try_from(number).ok().filter(|status| (400..600).contains(status))
    })
}

/// The kind that a code or type stands for; the code is the more precise of the two.
fn kind_of_words(code: Option<&str>, kind: Option<&str>) -> Option<FaultKind> {
    [code, kind].into_iter().flatten().find_map(|word| {
        let word = word.to_ascii_lowercase();
        let has = |pieces: &[&str]| pieces.iter().any(|piece| word.contains(piece));
        match () {
            () if has(&["insufficient_quota", "billing", "insufficient_balance"]) => Some(FaultKind::Billing),
            () if has(&["rate_limit", "too_many_requests", "tokens_per_min"]) => Some(FaultKind::RateLimited),
            () if has(&["overloaded", "unavailable", "capacity"]) => Some(FaultKind::Overloaded),
            () if has(&["model_not_found", "not_found"]) => Some(FaultKind::NotFound),
            () if has(&["authentication", "invalid_api_key", "unauthorized"]) => {
                Some(FaultKind::Authentication)
            }
            () if has(&["permission", "forbidden"]) => Some(FaultKind::Permission),
            () if has(&["timeout", "timed_out"]) => Some(FaultKind::Timeout),
            () if has(&["server_error", "internal"]) => Some(FaultKind::Upstream),
            () if has(&["invalid", "context_length", "bad_request", "content_policy", "content_filter"]) => {
                Some(FaultKind::InvalidRequest)
            }
            () => None,
        }
    })
}

fn message_of(error: &Value, outer: &Value) -> Option<String> {
    if let Value::String(text) = error {
        return Some(text.clone()).filter(|text| !text.is_empty());
    }
    let fields = ["message", "detail", "error_msg", "msg", "error"];
    let value = [error, outer].into_iter().find_map(|value| {
        fields.iter().filter_map(|name| value.get(*name)).find(|value| !value.is_null() && *value != "")
    })?;
    match value {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn speechless(status: Option<u16>) -> String {
    match status {
        Some(status) => format!("the provider answered with status {status} and without a message"),
        None => "the provider reported an error without a message".to_owned(),
    }
}

/// A body that is no JSON. Of an HTML page only the title is passed on (fault 47).
fn from_text(status: u16, text: &str) -> UpstreamFault {
    let text = text.trim();
    let message = if text.starts_with('<') {
        let title = title(text).map(|title| format!(": {title}")).unwrap_or_default();
        format!("the provider answered with status {status} and an HTML page{title}")
    } else if text.is_empty() {
        speechless(Some(status))
    } else {
        text.to_owned()
    };
    UpstreamFault::new(FaultKind::from_status(status), message).with_status(status)
}

fn title(html: &str) -> Option<&str> {
    let from = html.find("<title>")? + "<title>".len();
    let length = html[from..].find("</title>")?;
    let title = html[from..from + length].trim();
    (!title.is_empty() && title.len() <= 200).then_some(title)
}

/// An error body: always these four fields.
#[derive(Debug, Serialize)]
pub(crate) struct WireError<'a> {
    error: WireErrorBody<'a>,
}

#[derive(Debug, Serialize)]
struct WireErrorBody<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

/// OpenAI's error type for a kind.
pub(crate) fn error_type(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::InvalidRequest | FaultKind::TooLarge => "invalid_request_error",
        FaultKind::Authentication => "authentication_error",
        FaultKind::Permission => "permission_error",
        FaultKind::NotFound => "not_found_error",
        FaultKind::RateLimited | FaultKind::Billing => "rate_limit_error",
        FaultKind::Overloaded | FaultKind::Timeout | FaultKind::Upstream | FaultKind::Internal => {
            "server_error"
        }
    }
}

impl<'a> From<&'a UpstreamFault> for WireError<'a> {
    fn from(fault: &'a UpstreamFault) -> Self {
        let code = fault.code.as_deref().or(Some(fault.kind.word()));
        let kind = error_type(fault.kind);
        Self { error: WireErrorBody { message: &fault.message, kind, param: fault.param.as_deref(), code } }
    }
}

/// Writes an error answer's body.
pub fn encode(problem: &Problem<'_>) -> Vec<u8> {
    let kind = error_type(problem.kind);
    let error =
        WireErrorBody { message: problem.message, kind, param: problem.param, code: Some(problem.code) };
    serde_json::to_vec(&WireError { error }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> (FaultKind, Option<String>, String) {
        let fault = decode(status, body.as_bytes());
        assert_eq!(fault.status, status);
        (fault.kind, fault.code, fault.message)
    }

    #[test]
    fn openais_own_shape_is_read_in_full() {
        let body = r#"{"error":{"message":"No.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#;
        let fault = decode(400, body.as_bytes());
        assert_eq!((fault.kind, fault.status), (FaultKind::InvalidRequest, 400));
        assert_eq!(fault.param.as_deref(), Some("messages"));
        assert_eq!(fault.code.as_deref(), Some("context_length_exceeded"));
    }

    #[test]
    fn an_empty_purse_is_no_rate_limit() {
        let body = r#"{"error":{"message":"Pay.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
        assert_eq!(read(429, body).0, FaultKind::Billing);
    }

    #[test]
    fn other_shapes_give_their_message() {
        for (body, message) in [
            (r#"{"detail":"gone"}"#, "gone"),
            (r#"{"message":"gone","request_id":"1"}"#, "gone"),
            (r#"{"error":"gone"}"#, "gone"),
            (r#"{"error":{"message":{"a":1}}}"#, r#"{"a":1}"#),
            (r#"{"detail":[{"loc":["body"],"msg":"x"}]}"#, r#"[{"loc":["body"],"msg":"x"}]"#),
            ("  gone \n", "gone"),
            ("", "the provider answered with status 404 and without a message"),
            ("{}", "the provider answered with status 404 and without a message"),
        ] {
            assert_eq!(read(404, body).2, message, "{body}");
        }
    }

    #[test]
    fn case_29_an_error_in_an_array_is_unwrapped() {
        let body = r#"[{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT"}}]"#;
        assert_eq!(
            read(400, body),
            (FaultKind::InvalidRequest, Some("INVALID_ARGUMENT".into()), "API key not valid".into())
        );
    }

    #[test]
    fn a_word_tells_more_than_a_number() {
        let body =
            |code: &str, kind: &str| format!(r#"{{"error":{{"code":{code},"message":"m","type":{kind}}}}}"#);
        for (body, code) in [
            (body("400", r#""exceed_context_size_error""#), "context_length_exceeded"),
            (body("400", r#""BadRequestError""#), "BadRequestError"),
            (body(r#""400""#, r#""BadRequestError""#), "BadRequestError"),
            (body(r#""no_such_thing""#, r#""invalid_request_error""#), "no_such_thing"),
            (body("429", "null"), "429"),
        ] {
            assert_eq!(read(400, &body).1.as_deref(), Some(code), "{body}");
        }
    }

    #[test]
    fn fault_47_a_page_is_not_passed_on() {
        let page = format!("<html><title>502 Bad Gateway</title>{}</html>", "x".repeat(10_000));
        let (kind, _, message) = read(502, &page);
        assert_eq!(kind, FaultKind::Upstream);
        assert_eq!(message, "the provider answered with status 502 and an HTML page: 502 Bad Gateway");
        assert!(read(500, &"y".repeat(10_000)).2.len() <= UpstreamFault::MESSAGE_LIMIT);
    }

    #[test]
    fn an_error_inside_a_200_gets_its_status_from_its_words() {
        let read =
            |body: &str| inside(&serde_json::from_str(body).unwrap()).map(|fault| (fault.kind, fault.status));
        assert_eq!(read(r#"{"error":{"code":429,"message":"slow"}}"#), Some((FaultKind::RateLimited, 429)));
        assert_eq!(
            read(r#"{"error":{"type":"overloaded_error","message":"x"}}"#),
            Some((FaultKind::Overloaded, 503))
        );
        assert_eq!(
            read(r#"{"object":"error","message":"x","code":400}"#),
            Some((FaultKind::InvalidRequest, 400))
        );
        assert_eq!(read(r#"{"error":"oh"}"#), Some((FaultKind::Upstream, 502)));
        assert_eq!(read(r#"{"choices":[],"error":null}"#), None);
        assert_eq!(read(r#"{"id":"x"}"#), None);
    }

    #[test]
    fn every_error_has_exactly_four_fields() {
        let problem = Problem {
            kind: FaultKind::NotFound,
            status: 404,
            code: "unknown_model",
            message: "no such model",
            param: None,
            request_id: "r1",
            retry_after_secs: None,
        };
        let expected = r#"{"error":{"message":"no such model","type":"not_found_error","param":null,"code":"unknown_model"}}"#;
        assert_eq!(String::from_utf8(encode(&problem)).unwrap(), expected);
    }
}
