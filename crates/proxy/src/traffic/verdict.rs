//! What a failure says of its target.

use std::time::Duration;

use tidegate_core::FaultKind;
use tidegate_policy::balance::Outcome;

use crate::ask::Failure;
use crate::clock::micros;
use crate::error::{GatewayError, Shed};

/// What a failure says of its target, and whether that has more than it can carry. `is_alone`: there is no other target; then a
/// rate limit is not heeded beyond this request: the next one may be smaller, and the provider's own words help the caller more than ours.
pub fn verdict(failure: &Failure, is_alone: bool) -> (Outcome, bool) {
    let until = failure.asked.map(|wait| micros().saturating_add(long(wait)));
    match &failure.error {
        GatewayError::Provider(fault) => match fault.kind {
            FaultKind::RateLimited if is_alone => (Outcome::Void, true),
            FaultKind::RateLimited => (Outcome::Limited(until), true),
            FaultKind::Overloaded if until.is_some() && !is_alone => (Outcome::Limited(until), true),
            FaultKind::Overloaded | FaultKind::Timeout => (Outcome::Failure, true),
            FaultKind::Upstream | FaultKind::Internal => (Outcome::Failure, false),
            _ => (Outcome::Void, false),
        },
        GatewayError::Timeout { .. } => (Outcome::Failure, true),
        // The keys rest by themselves; alone, the next request may find one awake.
        GatewayError::Shed(Shed::KeysLimited) if !is_alone => (Outcome::Limited(until), false),
        GatewayError::ProviderCredentials { .. }
        | GatewayError::Unreachable(_)
        | GatewayError::Broken
        | GatewayError::Nonsense(_) => (Outcome::Failure, false),
        _ => (Outcome::Void, false),
    }
}

fn long(wait: Duration) -> i64 {
    i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)
}
