//! Stop 3 of the edge: may this client use this route, and is there room for it?

use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use tidegate_policy::limit::{Amounts, Facts, claims};

use super::visit::Visit;
use super::{EdgeError, Passage, Route};
use crate::desk::Desk;

/// How long something stays held when nobody settles it: only a process that was killed does not.
const LEASE: Duration = Duration::from_secs(60);

/// Addresses, then sign-in, then limits: who may not come does not use a limit up.
pub async fn check(
    route: &Arc<Route>,
    visit: &Visit,
    desk: &Desk,
    passage: &mut Passage,
) -> Result<(), EdgeError> {
    if !route.addresses.admit(visit.address()) {
        return Err(EdgeError::Forbidden);
    }
    if let Some(door) = &route.basic {
        // Several: whoever stands behind might read another one than we do.
        let mut shown = visit.head.headers.get_all(AUTHORIZATION).iter();
        let only = shown.next().filter(|_| shown.next().is_none());
        match door.users.user(only) {
            Some(user) => passage.user = Some(user.to_owned()),
            None => return Err(EdgeError::SignIn { realm: door.realm.clone() }),
        }
    }
    limit(route, visit, desk, passage).await
}

async fn limit(
    route: &Arc<Route>,
    visit: &Visit,
    desk: &Desk,
    passage: &mut Passage,
) -> Result<(), EdgeError> {
    if route.limits.is_empty() {
        return Ok(());
    }
    let user = passage.user.clone();
    let facts = Facts {
        route: &route.name,
        team: None,
        key: None,
        user: user.as_deref(),
        ip: visit.address(),
        model: "",
        provider: None,
        most: Amounts::default(),
    };
    let claims = claims(route.limits.iter(), &facts);
    if claims.is_empty() {
        return Ok(());
    }
    let (decision, held) = desk.limiter.reserve(claims.clone(), LEASE).await;
    let refused = decision.denial.map(|denial| EdgeError::Limited {
        rule: claims[denial.claim].rule.name.to_string(),
        wait: denial.wait,
    });
    passage.held = held;
    passage.limits = Some((claims, decision));
    refused.map_or(Ok(()), Err)
}
