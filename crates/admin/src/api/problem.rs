//! What went wrong, as RFC 9457 problem details.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::http::{Response, StatusCode};
use serde::Serialize;
use tidegate_store::StoreError;
use tidegate_store::keys::{FieldError, KeysError};

/// The media type of problems.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";
/// When to ask again while the database is away, in seconds.
const DATABASE_WAIT: u64 = 5;

/// A problem. Never holds a secret, a hash or a word of the database's.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    /// `urn:tidegate:problem:…`, stable.
    #[serde(rename = "type")]
    kind: String,
    /// What the kind means, the same for all problems of a kind.
    title: &'static str,
    status: u16,
    /// What is wrong this time.
    detail: String,
    /// Fields of the body and query parameters that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(skip)]
    retry_after: Option<u64>,
}

/// The closed list of kinds: word, status, title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Invalid,
    NoKey,
    WrongKey,
    CallersKey,
    NotFound,
    Method,
    Slow,
    Conflict,
    TooLarge,
    MediaType,
    TooManyWrongKeys,
    Internal,
    Unavailable,
}

impl Kind {
    /// Every kind, for the document.
    pub(crate) const ALL: [Self; 13] = [
        Self::Invalid,
        Self::NoKey,
        Self::WrongKey,
        Self::CallersKey,
        Self::NotFound,
        Self::Method,
        Self::Slow,
        Self::Conflict,
        Self::TooLarge,
        Self::MediaType,
        Self::TooManyWrongKeys,
        Self::Internal,
        Self::Unavailable,
    ];

    fn parts(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::Invalid => ("invalid", 400, "The request is not as it must be"),
            Self::NoKey => ("no-key", 401, "The admin API needs the admin key"),
            Self::WrongKey => ("wrong-key", 401, "This is not the admin key"),
            Self::CallersKey => ("callers-key", 403, "A caller's key opens nothing here"),
            Self::NotFound => ("not-found", 404, "There is no such thing"),
            Self::Method => ("method", 405, "This path takes other methods"),
            Self::Slow => ("slow", 408, "The body took too long"),
            Self::Conflict => ("conflict", 409, "The change does not fit what is there"),
            Self::TooLarge => ("too-large", 413, "The body is too large"),
            Self::MediaType => ("media-type", 415, "The body must be JSON"),
            Self::TooManyWrongKeys => ("too-many-wrong-keys", 429, "Too many wrong keys from this network"),
            Self::Internal => ("internal", 500, "The gateway failed"),
            Self::Unavailable => ("unavailable", 503, "The database cannot be reached"),
        }
    }

    /// The stable name.
    pub(crate) fn urn(self) -> String {
        format!("urn:tidegate:problem:{}", self.parts().0)
    }

    /// The status.
    pub(crate) fn status(self) -> u16 {
        self.parts().1
    }

    /// What it means.
    pub(crate) fn title(self) -> &'static str {
        self.parts().2
    }
}

impl Problem {
    /// A problem; `detail` is a sentence about this one.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (title, status, kind) = (kind.title(), kind.status(), kind.urn());
        Self { kind, title, status, detail: detail.into(), errors: Vec::new(), retry_after: None }
    }

    /// Fields or parameters are wrong.
    pub(crate) fn fields(errors: Vec<FieldError>) -> Self {
        let parts: Vec<String> =
            errors.iter().map(|error| format!("`{}` {}", error.field, error.message)).collect();
        Self { errors, ..Self::new(Kind::Invalid, parts.join("; ")) }
    }

    /// With the time after which to ask again, in seconds.
    pub(crate) fn after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// As an answer.
    pub(crate) fn answer(&self) -> Response<Body> {
        let body = serde_json::to_vec(self).unwrap_or_default();
        let mut answer = Response::new(Body::from(body));
        *answer.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == 401 {
            // RFC 9110 wants it with every 401.
            let realm = HeaderValue::from_static("Bearer realm=\"tidegate admin\"");
            headers.insert(axum::http::header::WWW_AUTHENTICATE, realm);
        }
        answer
    }
}

impl From<KeysError> for Problem {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Wrong(errors) => Self::fields(errors),
            KeysError::Missing { kind, .. } => Self::new(Kind::NotFound, format!("there is no such {kind}")),
            KeysError::TeamInUse(_) => Self::new(Kind::Conflict, error.to_string()),
            KeysError::BadCursor => Self::fields(vec![FieldError {
                field: "cursor".to_owned(),
                message: "is none that a listing gave".to_owned(),
            }]),
            KeysError::Store(error) => error.into(),
            KeysError::NoChance
            | KeysError::ShortSecret(_)
            | KeysError::SecretFile(..)
            | KeysError::WrongSecret(_) => internal(&error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(_) => Self::new(Kind::Conflict, error.to_string()),
            StoreError::Query(_) | StoreError::Open(_) => {
                tracing::warn!(%error, "the admin API could not use the database");
                Self::new(Kind::Unavailable, "the database failed or is away; try again").after(DATABASE_WAIT)
            }
            StoreError::Unreadable(_) | StoreError::Migrate(_) => internal(&error),
        }
    }
}

/// What it was is for the log, not for the answer.
fn internal(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "the admin API failed");
    Problem::new(Kind::Internal, "see the gateway's log")
}

/// A field error.
pub(crate) fn wrong(field: impl Into<String>, message: impl Into<String>) -> FieldError {
    FieldError { field: field.into(), message: message.into() }
}
