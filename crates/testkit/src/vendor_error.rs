//! Errors as each vendor tells them: status, body, headers, and the event inside a stream.

use serde_json::{Value, json};

use crate::ask::Dialect;
use crate::render::{Event, Kind};
use crate::script::Faults;

/// Whose conventions an endpoint follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vendor {
    OpenAi,
    Anthropic,
    Gemini,
}

impl From<Dialect> for Vendor {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Chat | Dialect::Responses | Dialect::Completions => Self::OpenAi,
            Dialect::Anthropic => Self::Anthropic,
            Dialect::Gemini => Self::Gemini,
        }
    }
}

const OVERLOADED: &str = "The server had an error while processing your request. Sorry about that!";
const QUOTA: &str = "You exceeded your current quota, please check your plan and billing details.";

/// What is wrong with a request, before a vendor's words are put around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) status: u16,
    pub(crate) message: String,
    pub(crate) param: Option<&'static str>,
    pub(crate) code: Option<&'static str>,
}

impl Complaint {
    /// A complaint with nothing but a status and a sentence.
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), param: None, code: None }
    }

    /// A 400 about one field.
    pub(crate) fn field(param: &'static str, message: impl Into<String>) -> Self {
        Self { param: Some(param), ..Self::new(400, message) }
    }

    /// What the script's `status-N`, `quota` or `context` ask for.
    pub(crate) fn scripted(status: u16, faults: &Faults) -> Self {
        if faults.quota {
            return Self { code: Some("insufficient_quota"), ..Self::new(429, QUOTA) };
        }
        if faults.context {
            let message = "This model's maximum context length is 8192 tokens. Please reduce the length of the messages.";
            return Self { code: Some("context_length_exceeded"), ..Self::field("messages", message) };
        }
        let message = match status {
            401 => "Incorrect API key provided.",
            403 => "You are not allowed to use this model.",
            404 => "The model does not exist or you do not have access to it.",
            413 => "The request is too large.",
            429 => "Rate limit reached. Please try again later.",
            503 | 529 => "Overloaded",
            500.. => OVERLOADED,
            _ => "The request was refused by the script.",
        };
        Self::new(status, message)
    }

    /// The body in the vendor's shape.
    pub(crate) fn body(&self, vendor: Vendor, request_id: &str, faults: &Faults) -> Value {
        match vendor {
            Vendor::OpenAi => self.openai(),
            Vendor::Anthropic => json!({
                "type": "error",
                "error": {"type": anthropic_type(self.status), "message": self.message},
                "request_id": request_id,
            }),
            Vendor::Gemini if faults.array_error => json!([self.gemini(faults)]),
            Vendor::Gemini => self.gemini(faults),
        }
    }

    fn openai(&self) -> Value {
        let (kind, code) = match (self.status, self.code) {
            (429, Some("insufficient_quota")) => ("insufficient_quota", Some("insufficient_quota")),
            (401, _) => ("invalid_request_error", Some("invalid_api_key")),
            (403, _) => ("permission_error", None),
            (404, code) => ("invalid_request_error", code.or(Some("model_not_found"))),
            (429, _) => ("requests", Some("rate_limit_exceeded")),
            (500.., _) => ("server_error", None),
            (_, code) => ("invalid_request_error", code),
        };
        json!({"error": {"message": self.message, "type": kind, "param": self.param, "code": code}})
    }

    fn gemini(&self, faults: &Faults) -> Value {
        let mut error =
            json!({"code": self.status, "message": self.message, "status": gemini_status(self.status)});
        if let Some(seconds) = &faults.retry_after {
            error["details"] = json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")}]);
        }
        json!({"error": error})
    }
}

fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

fn gemini_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

/// OpenAI's code and sentence for an error inside a stream.
pub(crate) fn stream_code(faults: &Faults) -> (&'static str, &'static str) {
    if faults.quota { ("insufficient_quota", QUOTA) } else { ("server_error", OVERLOADED) }
}

/// The error event that a vendor sends inside a stream that began with 200. `sequence` is the event's place.
pub(crate) fn event(dialect: Dialect, faults: &Faults, sequence: usize) -> Event {
    let (code, message) = stream_code(faults);
    let (name, data) = match dialect {
        Dialect::Chat | Dialect::Completions => {
            (None, json!({"error": {"message": message, "type": code, "param": null, "code": code}}))
        }
        Dialect::Responses if faults.nested_error => {
            let error = json!({"type": code, "code": code, "message": message, "param": null});
            (Some("error"), json!({"type": "error", "sequence_number": sequence, "error": error}))
        }
        Dialect::Responses => (
            Some("error"),
            json!({"type": "error", "sequence_number": sequence, "code": code, "message": message, "param": null}),
        ),
        Dialect::Anthropic => {
            let kind = if faults.quota { "rate_limit_error" } else { "overloaded_error" };
            let text = if faults.quota { QUOTA } else { "Overloaded" };
            (Some("error"), json!({"type": "error", "error": {"type": kind, "message": text}}))
        }
        Dialect::Gemini => {
            let status = if faults.quota { 429 } else { 503 };
            (None, json!({"error": {"code": status, "message": message, "status": gemini_status(status)}}))
        }
    };
    Event { kind: Kind::Fault, name, data: data.to_string() }
}
