//! Requests that are not handed on, and what their senders are told.

use http::StatusCode;

use super::date::write_date;
use crate::h1::Error;

/// Why a request is not handed on. The connection ends with that answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// What the caller is told.
    pub status: StatusCode,
    /// Why, in words for a person.
    pub reason: &'static str,
}

impl Refusal {
    /// Not a request as RFC 9112 has it, or one that could be read in two ways.
    pub(crate) const fn malformed(reason: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, reason }
    }

    /// The request's target is longer than anybody needs.
    pub(crate) const LONG_TARGET: Self =
        Self { status: StatusCode::URI_TOO_LONG, reason: "the request's target is too long" };
    /// Its headers are.
    pub(crate) const LARGE_HEAD: Self = Self {
        status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        reason: "the request's headers are too large, or too many",
    };
    /// It is in a version that is not spoken here.
    pub(crate) const OTHER_VERSION: Self =
        Self { status: StatusCode::HTTP_VERSION_NOT_SUPPORTED, reason: "HTTP/1.1 is spoken here" };
    /// Its body is in a coding that is not known here.
    pub(crate) const OTHER_CODING: Self = Self {
        status: StatusCode::NOT_IMPLEMENTED,
        reason: "no Transfer-Encoding but chunked is known here",
    };
    /// Its head did not come in time.
    pub(crate) const LATE: Self =
        Self { status: StatusCode::REQUEST_TIMEOUT, reason: "the request's head did not come in time" };

    /// The whole answer, in text, as it is a person who sees it.
    pub(crate) fn answer(&self) -> Vec<u8> {
        let reason = self.status.canonical_reason().unwrap_or_default();
        let (code, length) = (self.status.as_str(), self.reason.len() + 2);
        let mut answer = format!(
            "HTTP/1.1 {code} {reason}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\n\
            connection: close\r\n"
        )
        .into_bytes();
        write_date(&mut answer);
        answer.extend_from_slice(b"\r\n");
        answer.extend_from_slice(self.reason.as_bytes());
        answer.extend_from_slice(b".\n");
        answer
    }
}

/// What is wrong with a body's framing.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Malformed(reason) | Error::TooLarge(reason) => Self::malformed(reason),
            _ => Self::malformed("the request's body"),
        }
    }
}
