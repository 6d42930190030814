//! Errors at the two edges of translation: what a caller did wrong, what a provider reported.

use tidegate_core::FaultKind;

/// A request that cannot be served, in words for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadRequest {
    /// What is wrong and what was expected.
    pub message: String,
    /// The field, as a path: `messages[2].content[0].image_url`.
    pub param: Option<String>,
}

impl BadRequest {
    /// A complaint about one field.
    pub fn field(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { message: message.into(), param: Some(param.into()) }
    }

    /// A complaint about the body as a whole.
    pub fn body(message: impl Into<String>) -> Self {
        Self { message: message.into(), param: None }
    }
}

/// An error that a provider reported, as a response or inside a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UpstreamFault {
    /// What kind of thing it is.
    pub kind: FaultKind,
    /// The provider's HTTP status; for an error inside a stream the status it stands for.
    pub status: u16,
    /// The provider's own code (`rate_limit_exceeded`, `overloaded_error`, `RESOURCE_EXHAUSTED`).
    pub code: Option<String>,
    /// The provider's message, cut to [`UpstreamFault::MESSAGE_LIMIT`] bytes.
    pub message: String,
    /// The field that the provider complains about.
    pub param: Option<String>,
    /// How long the provider asks to wait, in milliseconds, where its *body* says so (Gemini `RetryInfo`).
    pub retry_after_ms: Option<u64>,
}

impl UpstreamFault {
    /// Longest message that is passed on.
    pub const MESSAGE_LIMIT: usize = 2_000;

    /// A fault of this kind, with the kind's own status.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > Self::MESSAGE_LIMIT {
            let cut = message.floor_char_boundary(Self::MESSAGE_LIMIT);
            message.truncate(cut);
        }
        Self { kind, status: kind.status(), code: None, message, param: None, retry_after_ms: None }
    }

    /// The same with the provider's status; the kind stays.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with the provider's own code. llama.cpp's word for a prompt that is too long becomes the one by which
    /// clients of OpenAI know it.
    #[must_use]
    pub fn with_code(mut self, code: Option<String>) -> Self {
        let known = |code: String| match code.as_str() {
            "exceed_context_size_error" => "context_length_exceeded".to_owned(),
            _ => code,
        };
        self.code = code.map(known);
        self
    }
}

/// An error to be told to a caller, ready to be rendered in the caller's dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem<'a> {
    /// What kind of thing it is; decides the dialect's error type.
    pub kind: FaultKind,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The gateway's stable code: `unknown_model`, `upstream_timeout`.
    pub code: &'a str,
    /// For people.
    pub message: &'a str,
    /// The field, if one is to blame.
    pub param: Option<&'a str>,
    /// The exchange's id.
    pub request_id: &'a str,
    /// Seconds to wait, if known.
    pub retry_after_secs: Option<u64>,
}
