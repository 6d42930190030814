//! What a caller says about the choice of its target itself, if it may.

use http::{HeaderMap, HeaderName};
use tidegate_llm::BadRequest;
use tidegate_policy::balance::Strategy;

use crate::caller::Caller;
use crate::error::{AccessError, GatewayError};
use crate::headers;

/// A caller's own choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steer<'r> {
    /// The target (`provider/model`) that is asked before the others.
    pub target: Option<&'r str>,
    /// The strategy in place of the pool's.
    pub strategy: Option<Strategy>,
}

impl<'r> Steer<'r> {
    /// Reads `x-tidegate-target` and `x-tidegate-strategy`. Where keys are needed, the key must allow it.
    pub fn of(map: &'r HeaderMap, caller: &Caller) -> Result<Self, GatewayError> {
        let (target, strategy) = (said(map, &headers::TARGET)?, said(map, &headers::STRATEGY)?);
        if target.is_none() && strategy.is_none() {
            return Ok(Self::default());
        }
        if caller.key.as_ref().is_some_and(|key| !key.overrides) {
            return Err(AccessError::Overrides.into());
        }
        let strategy = strategy.map(|word| word.parse().map_err(|_| no_strategy(word))).transpose()?;
        Ok(Self { target, strategy })
    }
}

fn said<'r>(map: &'r HeaderMap, name: &HeaderName) -> Result<Option<&'r str>, GatewayError> {
    let read = |value: &'r http::HeaderValue| {
        value.to_str().map_err(|_| BadRequest::field(name.as_str(), format!("`{name}` is no text")).into())
    };
    map.get(name).map(read).transpose()
}

fn no_strategy(word: &str) -> GatewayError {
    let all = Strategy::ALL.map(Strategy::word).join(", ");
    let words = format!("`{}` is none of the strategies: {all}", word.escape_debug());
    BadRequest::field(headers::STRATEGY.as_str(), words).into()
}
