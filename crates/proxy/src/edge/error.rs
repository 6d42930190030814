//! What can go wrong at the edge. Told as plain text or as the config's page, never in an AI dialect.

use std::time::Duration;

use http::{Method, StatusCode};
use tidegate_policy::edge::path::PathFault;
use tidegate_policy::edge::target::TargetFault;

/// Why a request of the edge was not answered as asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EdgeError {
    /// Whom it is addressed to is not clear.
    #[error("{0}")]
    Target(#[from] TargetFault),
    /// Two servers might read its path differently.
    #[error("{0}")]
    Path(#[from] PathFault),
    /// Two servers might see its end at different places: two lengths, or one that is no number.
    #[error("it is not certain how long the request is")]
    Framing,
    /// Nothing is there.
    #[error("there is nothing at this address")]
    NotFound,
    /// Something is there, but not for this method.
    #[error("this address takes {}", .0.iter().map(Method::as_str).collect::<Vec<_>>().join(", "))]
    Method(Vec<Method>),
    /// Not from this address.
    #[error("this address may not be used from where you are")]
    Forbidden,
    /// Not without a name and a password.
    #[error("sign in to see this")]
    SignIn {
        /// What browsers show.
        realm: String,
    },
    /// A limit has been reached.
    #[error("too many requests (limit `{rule}`)")]
    Limited {
        /// The limit's name.
        rule: String,
        /// Until there is room.
        wait: Option<Duration>,
    },
    /// The body is over the limit.
    #[error("the body is over the limit of {limit} bytes")]
    BodyTooLarge {
        /// In bytes.
        limit: u64,
    },
    /// The client stopped sending its body.
    #[error("the body did not come in time")]
    BodyTimeout,
    /// The client's body broke off.
    #[error("the body could not be read")]
    BodyBroken,
    /// A condition of the request does not hold.
    #[error("a condition of the request does not hold")]
    Precondition,
    /// The asked range lies outside.
    #[error("the range is not there")]
    Range {
        /// What is there, in bytes.
        length: u64,
    },
    /// All servers are out.
    #[error("no server is there to answer")]
    NoServer,
    /// All servers have as much as they may.
    #[error("all servers are busy")]
    Busy,
    /// The server cannot be reached.
    #[error("the server cannot be reached")]
    Unreachable,
    /// It broke off, or said what is no HTTP.
    #[error("the server gave no answer that can be passed on")]
    BadAnswer,
    /// It took too long.
    #[error("the server did not answer in time")]
    Timeout,
    /// The client wants a kept answer only (`Cache-Control: only-if-cached`).
    #[error("no answer is kept that may be used")]
    NotKept,
    /// A file could not be read.
    #[error("the answer could not be put together")]
    Internal,
}

impl EdgeError {
    /// The status that clients are told.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Target(fault) => fault.status(),
            Self::Path(_) | Self::Framing | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::SignIn { .. } => StatusCode::UNAUTHORIZED,
            Self::Limited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Precondition => StatusCode::PRECONDITION_FAILED,
            Self::Range { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::NoServer | Self::Unreachable | Self::BadAnswer => StatusCode::BAD_GATEWAY,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout | Self::NotKept => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable code for logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Target(_) => "target_malformed",
            Self::Path(_) => "path_malformed",
            Self::Framing => "framing_ambiguous",
            Self::NotFound => "path_not_found",
            Self::Method(_) => "method_not_allowed",
            Self::Forbidden => "address_refused",
            Self::SignIn { .. } => "sign_in",
            Self::Limited { .. } => "limited",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::BodyBroken => "body_unreadable",
            Self::Precondition => "precondition_failed",
            Self::Range { .. } => "range_not_satisfiable",
            Self::NoServer => "no_server",
            Self::Busy => "servers_busy",
            Self::Unreachable => "server_unreachable",
            Self::BadAnswer => "server_answer_invalid",
            Self::Timeout => "server_timeout",
            Self::NotKept => "not_kept",
            Self::Internal => "internal",
        }
    }
}
