//! Everything that can go wrong with a request: one closed list, and the one place that knows what each cause means.

use std::time::Duration;

use tidegate_core::FaultKind;
use tidegate_llm::{BadRequest, UpstreamFault};
use tidegate_policy::limit::Unit;

use crate::snapshot::UnknownModel;

mod access;
mod limited;
mod shed;

pub use access::AccessError;
pub use limited::Limited;
pub use shed::Shed;

/// Why a request was not answered as asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GatewayError {
    /// The request is malformed, or cannot be carried over in strict mode.
    #[error("{0}")]
    BadRequest(BadRequest),
    /// The model's name leads nowhere.
    #[error("{0}")]
    UnknownModel(UnknownModel),
    /// No such path.
    #[error("there is nothing at {method} {path}; see docs/api.md for the paths")]
    UnknownPath {
        /// The method asked.
        method: String,
        /// The path asked, cut.
        path: String,
    },
    /// The path exists, the method does not.
    #[error("{path} takes {allowed}")]
    MethodNotAllowed {
        /// The path asked.
        path: &'static str,
        /// What it takes.
        allowed: &'static str,
    },
    /// The body is over the limit.
    #[error("the body is over the limit of {limit} bytes (`sizes.request_body`)")]
    BodyTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A `Content-Encoding` that is not understood.
    #[error("content-encoding `{0}` is not understood; send identity, gzip, deflate or br")]
    UnknownEncoding(String),
    /// A `Content-Type` that is no JSON, on a path that takes JSON.
    #[error("the body must be JSON; send `content-type: application/json`, not `{0}`")]
    NotJson(String),
    /// The body could not be read or decompressed.
    #[error("the body could not be read: {0}")]
    BodyUnreadable(String),
    /// The request names no model, and no provider is there to take it.
    #[error("no provider is configured that could take this request")]
    NoProvider,
    /// The provider answered with an error.
    #[error("{}", .0.message)]
    Provider(UpstreamFault),
    /// The provider refused the gateway's own key, or the account behind it.
    #[error("the provider refused the gateway's credentials (status {status})")]
    ProviderCredentials {
        /// The provider's status: 401, 402 or 403.
        status: u16,
    },
    /// Nobody could be reached there.
    #[error("the provider cannot be reached: {0}")]
    Unreachable(String),
    /// The connection broke before the answer was good.
    #[error("the provider's connection broke before it answered")]
    Broken,
    /// The answer was not what the dialect promises.
    #[error("the provider's answer could not be understood: {0}")]
    Nonsense(String),
    /// A stage took too long.
    #[error("the provider did not answer in time: no {stage} within {} ms", limit.as_millis())]
    Timeout {
        /// `connection`, `first byte`, `first token`, `next byte`, `end`.
        stage: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The caller's key is missing, wrong, or not good for this.
    #[error("{0}")]
    Access(AccessError),
    /// A limit has been reached.
    #[error("{0}")]
    Limited(Limited),
    /// There is more than can be carried.
    #[error("{0}")]
    Shed(Shed),
    /// Keys or ledger are out of reach.
    #[error("the gateway cannot answer now: {0}")]
    StoreUnavailable(&'static str),
    /// The gateway itself failed.
    #[error("the gateway failed: {0}")]
    Internal(String),
}

impl GatewayError {
    /// The stable code that documents, logs and clients can rely on.
    pub fn code(&self) -> &str {
        match self {
            Self::BadRequest(_) => "invalid_request",
            Self::UnknownModel(UnknownModel::Nowhere { .. }) => "model_not_found",
            Self::UnknownModel(UnknownModel::Ambiguous { .. }) => "model_ambiguous",
            Self::UnknownPath { .. } => "path_not_found",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::UnknownEncoding(_) => "unknown_content_encoding",
            Self::NotJson(_) => "unknown_content_type",
            Self::BodyUnreadable(_) => "body_unreadable",
            Self::NoProvider => "no_provider",
            Self::Provider(fault) => fault.code.as_deref().unwrap_or("provider_error"),
            Self::ProviderCredentials { .. } => "provider_credentials",
            Self::Unreachable(_) => "provider_unreachable",
            Self::Broken => "provider_connection_broken",
            Self::Nonsense(_) => "provider_answer_invalid",
            Self::Timeout { .. } => "provider_timeout",
            Self::Access(error) => error.code(),
            Self::Limited(limited) => limited.code(),
            Self::Shed(shed) => shed.code(),
            Self::StoreUnavailable(_) => "store_unavailable",
            Self::Internal(_) => "internal",
        }
    }

    /// The kind, which decides the exception class in the caller's SDK.
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::BadRequest(_) | Self::MethodNotAllowed { .. } | Self::UnknownEncoding(_) => {
                FaultKind::InvalidRequest
            }
            Self::BodyUnreadable(_) | Self::NotJson(_) => FaultKind::InvalidRequest,
            Self::UnknownModel(UnknownModel::Ambiguous { .. }) => FaultKind::InvalidRequest,
            Self::UnknownModel(_) | Self::UnknownPath { .. } => FaultKind::NotFound,
            Self::BodyTooLarge { .. } => FaultKind::TooLarge,
            Self::Provider(fault) => fault.kind,
            Self::ProviderCredentials { .. } | Self::Unreachable(_) | Self::Broken | Self::Nonsense(_) => {
                FaultKind::Upstream
            }
            Self::NoProvider | Self::Shed(_) | Self::StoreUnavailable(_) => FaultKind::Overloaded,
            Self::Access(error) => error.kind(),
            Self::Limited(_) => FaultKind::RateLimited,
            Self::Timeout { .. } => FaultKind::Timeout,
            Self::Internal(_) => FaultKind::Internal,
        }
    }

    /// The HTTP status for the caller.
    pub fn status(&self) -> u16 {
        match self {
            Self::MethodNotAllowed { .. } => 405,
            Self::UnknownEncoding(_) | Self::NotJson(_) => 415,
            Self::Provider(fault)
                if fault.kind.status() / 100 == fault.status / 100 && fault.status < 500 =>
            {
                fault.status
            }
            Self::Provider(UpstreamFault { status: 500, kind: FaultKind::Upstream, .. }) => 500,
            _ => self.kind().status(),
        }
    }

    /// The field to blame.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::BadRequest(bad) => bad.param.as_deref(),
            Self::UnknownModel(_) | Self::Access(AccessError::Model(_)) => Some("model"),
            Self::Provider(fault) => fault.param.as_deref(),
            _ => None,
        }
    }

    /// Whether another try, at this or another target, may end better (faults 51, 52, 56).
    pub fn another_try_may_help(&self) -> bool {
        match self {
            Self::Provider(fault) => matches!(
                fault.kind,
                FaultKind::RateLimited
                    | FaultKind::Overloaded
                    | FaultKind::Timeout
                    | FaultKind::Upstream
                    | FaultKind::Internal
            ),
            Self::ProviderCredentials { .. }
            | Self::Unreachable(_)
            | Self::Broken
            | Self::Nonsense(_)
            | Self::Shed(Shed::KeysLimited)
            | Self::Timeout { .. } => true,
            _ => false,
        }
    }

    /// Whether another try at the *same* target may help: not when its key is refused, and not when it stalled for a
    /// whole time limit.
    pub fn same_target_may_help(&self) -> bool {
        self.another_try_may_help()
            && !matches!(self, Self::ProviderCredentials { .. } | Self::Timeout { .. })
    }

    /// One example of every variant, for the table test and `docs/errors.md`.
    pub fn examples() -> Vec<Self> {
        let text = || "…".to_owned();
        vec![
            Self::BadRequest(BadRequest::field(
                "temperature",
                "`temperature` must be a number, not a string",
            )),
            Self::UnknownModel(UnknownModel::Nowhere {
                name: "gtp-4.1".into(),
                nearest: Some("gpt-4.1".into()),
            }),
            Self::UnknownModel(UnknownModel::Ambiguous {
                name: "llama-3.3-70b".into(),
                choices: vec!["groq/llama-3.3-70b".into(), "together/llama-3.3-70b".into()],
            }),
            Self::UnknownPath { method: "GET".into(), path: "/v2/chat".into() },
            Self::MethodNotAllowed { path: "/v1/chat/completions", allowed: "POST" },
            Self::BodyTooLarge { limit: 32 << 20 },
            Self::UnknownEncoding("zstd".into()),
            Self::NotJson("text/plain".into()),
            Self::BodyUnreadable(text()),
            Self::NoProvider,
            Self::Provider(UpstreamFault::new(FaultKind::RateLimited, "Rate limit reached")),
            Self::Provider(UpstreamFault::new(FaultKind::Overloaded, "Overloaded")),
            Self::ProviderCredentials { status: 401 },
            Self::Unreachable(text()),
            Self::Broken,
            Self::Nonsense(text()),
            Self::Timeout { stage: "first token", limit: Duration::from_secs(300) },
            Self::Access(AccessError::Missing),
            Self::Access(AccessError::Unknown),
            Self::Access(AccessError::Disabled),
            Self::Access(AccessError::Expired),
            Self::Access(AccessError::Network),
            Self::Access(AccessError::Route("embeddings".into())),
            Self::Access(AccessError::Model("openai/o3".into())),
            Self::Access(AccessError::Overrides),
            Self::Access(AccessError::TooManyWrongKeys),
            Self::Limited(Limited::example(Unit::Requests)),
            Self::Limited(Limited::example(Unit::Money)),
            Self::Shed(Shed::TooLong),
            Self::Shed(Shed::TargetsOut),
            Self::Shed(Shed::KeysLimited),
            Self::StoreUnavailable("the ledger's journal is full"),
            Self::Internal(text()),
        ]
    }
}

impl From<BadRequest> for GatewayError {
    fn from(bad: BadRequest) -> Self {
        Self::BadRequest(bad)
    }
}

impl From<UnknownModel> for GatewayError {
    fn from(unknown: UnknownModel) -> Self {
        Self::UnknownModel(unknown)
    }
}

impl From<UpstreamFault> for GatewayError {
    /// A provider that refuses *our* key must not look to the caller as if *his* key were bad (fault 56).
    fn from(fault: UpstreamFault) -> Self {
        match fault.kind {
            FaultKind::Authentication | FaultKind::Permission | FaultKind::Billing => {
                Self::ProviderCredentials { status: fault.status }
            }
            _ => Self::Provider(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_56_a_refused_provider_key_is_not_the_callers_fault() {
        let error =
            GatewayError::from(UpstreamFault::new(FaultKind::Authentication, "bad key").with_status(401));
        assert_eq!((error.status(), error.code()), (502, "provider_credentials"));
    }

    #[test]
    fn fault_56_the_callers_own_errors_are_never_retried() {
        for status in [400, 404, 413, 422] {
            let fault = UpstreamFault::new(FaultKind::from_status(status), "no").with_status(status);
            let error = GatewayError::from(fault);
            assert!(!error.another_try_may_help(), "{status}");
            assert_eq!(error.status(), status);
        }
    }

    #[test]
    fn codes_are_words() {
        for error in GatewayError::examples() {
            assert!(error.code().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", error.code());
            assert!((400..600).contains(&error.status()));
        }
    }
}
