//! Stop 3: who asks, and whether he may.

use std::time::SystemTime;

use http::Request;
use tidegate_net::Incoming;
use tidegate_policy::access::Refusal;
use tidegate_store::keys::{Directory, Found};

use crate::ask::Failure;
use crate::caller::presented;
use crate::error::{AccessError, GatewayError};
use crate::exchange::Exchange;

/// Looks the caller's key up and asks whether it may be used now, from there, for this endpoint. Where none is required, a key
/// that is not one of the gateway's is nobody's business: SDKs insist on sending one.
pub async fn admit(request: &Request<Incoming>, exchange: &mut Exchange) -> Result<(), Failure> {
    let desk = exchange.desk.clone();
    if desk.journal.as_ref().is_some_and(|journal| journal.is_full()) {
        return Err(GatewayError::StoreUnavailable("the ledger's journal is full").into());
    }
    let required = exchange.snapshot.access.require_key;
    let Some(directory) = &desk.directory else { return Ok(()) };
    match presented(request.headers(), request.uri().query()) {
        None if required => Err(AccessError::Missing.into()),
        None => Ok(()),
        Some(key) => match look_up(directory, key, exchange).await {
            Err(failure) if !required && is_foreign(key, &failure) => Ok(()),
            looked_up => looked_up,
        },
    }
}

/// A key that nobody here has and that does not claim to be one of the gateway's.
fn is_foreign(shown: &str, failure: &Failure) -> bool {
    matches!(failure.error, GatewayError::Access(AccessError::Unknown)) && !shown.starts_with("tg-")
}

async fn look_up(directory: &Directory, shown: &str, exchange: &mut Exchange) -> Result<(), Failure> {
    let key = match directory.find(shown, exchange.caller.address).await {
        Found::Key(key) => key,
        Found::Unknown => return Err(AccessError::Unknown.into()),
        Found::SlowDown { wait } => {
            return Err(Failure { error: AccessError::TooManyWrongKeys.into(), asked: Some(wait) });
        }
        Found::Unavailable => {
            return Err(GatewayError::StoreUnavailable("keys cannot be looked up at the moment").into());
        }
    };
    let now = exchange.arrived.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    key.admits(i64::try_from(now).unwrap_or(i64::MAX), exchange.caller.address, exchange.endpoint)
        .map_err(|refusal| AccessError::from_refusal(refusal, exchange.endpoint))?;
    exchange.caller.key = Some(key);
    Ok(())
}

/// Whether the caller may ask for the model; `label` is `provider/model` where the name leads to just one target.
pub fn admit_model(label: Option<&str>, exchange: &Exchange) -> Result<(), GatewayError> {
    let Some(key) = &exchange.caller.key else { return Ok(()) };
    let names = [exchange.model.as_str(), label.unwrap_or(&exchange.model)];
    if key.allows_model(&names) {
        Ok(())
    } else {
        Err(AccessError::from_refusal(Refusal::Model, &exchange.model).into())
    }
}
