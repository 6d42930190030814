//! What kind of thing went wrong, in the words that every vendor's error taxonomy shares.

use serde::{Deserialize, Serialize};

/// The closed list of kinds that a caller can be told. Each dialect renders a kind as its own type,
/// so that the vendor's SDK raises its own right exception class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The request is malformed or asks for something impossible (400, 422).
    InvalidRequest,
    /// No key, or a wrong one (401).
    Authentication,
    /// The account cannot pay (402).
    Billing,
    /// The key is good but may not do this (403).
    Permission,
    /// Unknown path, model or object (404).
    NotFound,
    /// The body is over a limit (413).
    TooLarge,
    /// Too many requests or tokens for now (429).
    RateLimited,
    /// Nobody had room to answer (503, Anthropic 529).
    Overloaded,
    /// Nobody answered in time (504).
    Timeout,
    /// The provider failed or answered nonsense (502).
    Upstream,
    /// The gateway itself failed (500).
    Internal,
}

impl FaultKind {
    /// The HTTP status that stands for this kind when nothing more precise is known.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::Authentication => 401,
            Self::Billing => 402,
            Self::Permission => 403,
            Self::NotFound => 404,
            Self::TooLarge => 413,
            Self::RateLimited => 429,
            Self::Overloaded => 503,
            Self::Timeout => 504,
            Self::Upstream => 502,
            Self::Internal => 500,
        }
    }

    /// The kind that an upstream's HTTP status stands for.
    pub const fn from_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            402 => Self::Billing,
            403 => Self::Permission,
            404 | 410 => Self::NotFound,
            408 | 504 => Self::Timeout,
            413 => Self::TooLarge,
            429 => Self::RateLimited,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::InvalidRequest,
            _ => Self::Upstream,
        }
    }

    /// The stable word for logs, metrics and documents.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Authentication => "authentication",
            Self::Billing => "billing",
            Self::Permission => "permission",
            Self::NotFound => "not_found",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Upstream => "upstream",
            Self::Internal => "internal",
        }
    }
}
