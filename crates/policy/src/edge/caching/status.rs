//! `Cache-Status` (RFC 9211): what a cache did with a request.

use http::StatusCode;

/// Why a request went to the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarded {
    /// The cache was not asked.
    Bypass,
    /// Its method.
    Method,
    /// Nothing is stored under its key.
    UriMiss,
    /// No variant fits.
    VaryMiss,
    /// The client wanted it.
    Request,
    /// What is stored is stale.
    Stale,
}

impl Forwarded {
    fn word(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Request => "request",
            Self::Stale => "stale",
        }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Why the upstream was asked; `None`: it was not, a hit.
    pub forwarded: Option<Forwarded>,
    /// The upstream's status, where it is not the answer's.
    pub forwarded_status: Option<StatusCode>,
    /// Seconds for which the answer is fresh; below zero: since when it is not.
    pub ttl: Option<i64>,
    /// Whether the answer was stored.
    pub is_stored: bool,
    /// Whether the request waited for another one's answer.
    pub is_collapsed: bool,
}

/// The member that is appended to the header. `name` must be a token.
pub fn cache_status(name: &str, done: Done) -> String {
    let mut out = name.to_owned();
    match done.forwarded {
        None => out.push_str("; hit"),
        Some(why) => {
            out.push_str("; fwd=");
            out.push_str(why.word());
        }
    }
    if let Some(status) = done.forwarded_status {
        out.push_str("; fwd-status=");
        out.push_str(status.as_str());
    }
    if let Some(ttl) = done.ttl {
        out.push_str(&format!("; ttl={ttl}"));
    }
    if done.is_stored {
        out.push_str("; stored");
    }
    if done.is_collapsed {
        out.push_str("; collapsed");
    }
    out
}
