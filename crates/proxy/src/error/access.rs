//! Why a caller's key does not open the door.

use tidegate_core::FaultKind;
use tidegate_policy::access::Refusal;

use super::GatewayError;
use crate::ask::Failure;

/// What is wrong with a caller's key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// None was shown.
    #[error("a key is required; send it as `Authorization: Bearer tg-…`, `x-api-key` or `x-goog-api-key`")]
    Missing,
    /// Nobody has this one.
    #[error("the key is not known")]
    Unknown,
    /// It, or its team, has been switched off.
    #[error("the key has been switched off")]
    Disabled,
    /// Its time is over.
    #[error("the key has expired")]
    Expired,
    /// It is not for use from there.
    #[error("the key may not be used from this address")]
    Network,
    /// It is not for this route.
    #[error("the key may not be used for `{0}`")]
    Route(String),
    /// It is not for this model.
    #[error("the key may not be used for the model `{0}`")]
    Model(String),
    /// It may not choose targets.
    #[error(
        "the key may not choose how its requests are balanced (`x-tidegate-target`, `x-tidegate-strategy`); that needs `overrides: true`"
    )]
    Overrides,
    /// Too many wrong keys have come from this network.
    #[error("too many wrong keys have come from this network; wait before you try another one")]
    TooManyWrongKeys,
}

impl AccessError {
    /// What a refusal means; `what` is the route or model that was asked for.
    pub fn from_refusal(refusal: Refusal, what: &str) -> Self {
        match refusal {
            Refusal::Disabled => Self::Disabled,
            Refusal::Expired => Self::Expired,
            Refusal::Network => Self::Network,
            Refusal::Route => Self::Route(what.to_owned()),
            Refusal::Model => Self::Model(what.to_owned()),
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "key_missing",
            Self::Unknown => "key_unknown",
            Self::Disabled => "key_disabled",
            Self::Expired => "key_expired",
            Self::Network => "key_network",
            Self::Route(_) => "key_route",
            Self::Model(_) => "key_model",
            Self::Overrides => "key_overrides",
            Self::TooManyWrongKeys => "too_many_wrong_keys",
        }
    }

    /// Not known to us at all (401), known but not for this (403), or too often wrong (429).
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Missing | Self::Unknown | Self::Disabled | Self::Expired => FaultKind::Authentication,
            Self::Network | Self::Route(_) | Self::Model(_) | Self::Overrides => FaultKind::Permission,
            Self::TooManyWrongKeys => FaultKind::RateLimited,
        }
    }
}

impl From<AccessError> for GatewayError {
    fn from(error: AccessError) -> Self {
        Self::Access(error)
    }
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        GatewayError::from(error).into()
    }
}
