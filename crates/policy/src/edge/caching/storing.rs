//! Which answers may be stored (RFC 9111, section 3), and what of them.

use http::header::{AUTHORIZATION, DATE, ETAG, LAST_MODIFIED, SET_COOKIE};
use http::{HeaderMap, Method, StatusCode};

use super::control::Control;
use super::freshness::{Freshness, date, explicit_lifetime};
use super::{CacheRules, vary};
use crate::edge::headers::remove_hop_by_hop;

/// Why an answer is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotStored {
    /// Only answers to GET are.
    Method,
    /// The request or the answer says `no-store`.
    NoStore,
    /// The answer says `private`.
    Private,
    /// The request has credentials and the answer does not say that it is for others, too.
    Authorization,
    /// The answer sets a cookie.
    Cookie,
    /// A status that says nothing of its own, or that is not understood although it must be.
    Status,
    /// `Vary: *`.
    Vary,
    /// It would never be used: not fresh, and nothing to ask about it with.
    Useless,
}

/// Whether an answer may be stored.
pub fn may_store(
    rules: &CacheRules,
    request: (&Method, &HeaderMap),
    status: StatusCode,
    answer: &HeaderMap,
    now: i64,
) -> Result<(), NotStored> {
    let (method, request) = request;
    if *method != Method::GET {
        return Err(NotStored::Method);
    }
    let (control, is_targeted) = Control::of_answer(answer, rules);
    may_by_status(status, &control)?;
    // What must be understood, and is, may be stored in spite of `no-store` (section 5.2.2.3).
    if control.no_store && !control.must_understand
        || rules.obeys_clients && Control::of_request(request).no_store
    {
        return Err(NotStored::NoStore);
    }
    if control.private {
        return Err(NotStored::Private);
    }
    let is_for_all = control.public || control.must_revalidate || control.s_maxage.is_some();
    if request.contains_key(AUTHORIZATION) && !is_for_all {
        return Err(NotStored::Authorization);
    }
    if answer.contains_key(SET_COOKIE) && !rules.stores_cookies && !control.withheld.contains(&SET_COOKIE) {
        return Err(NotStored::Cookie);
    }
    vary::names(answer).ok_or(NotStored::Vary)?;
    let said = explicit_lifetime(&control, answer, is_targeted, date(answer, DATE).unwrap_or(now));
    if said.is_none() && !is_heuristic(status) && !control.public {
        return Err(NotStored::Status);
    }
    let freshness = Freshness::of(rules, status, answer, now, now);
    let can_be_asked_about = answer.contains_key(ETAG) || answer.contains_key(LAST_MODIFIED);
    let is_used_stale = freshness.while_revalidating > 0 || freshness.if_error > 0;
    let is_used = freshness.left(now) > 0 && !freshness.asks_always;
    if is_used || can_be_asked_about || is_used_stale { Ok(()) } else { Err(NotStored::Useless) }
}

fn may_by_status(status: StatusCode, control: &Control) -> Result<(), NotStored> {
    // Parts and 304 are never stored as they are: they say something about another answer.
    let is_partial = matches!(status, StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED);
    let is_unknown = control.must_understand && !is_understood(status);
    if status.is_informational() || is_partial || is_unknown { Err(NotStored::Status) } else { Ok(()) }
}

/// Statuses that are fresh for a while although nothing says so (RFC 9110, section 15.1), without 206.
pub(super) fn is_heuristic(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

fn is_understood(status: StatusCode) -> bool {
    is_heuristic(status)
        || matches!(status.as_u16(), 201 | 202 | 302 | 303 | 307 | 400..=403 | 406..=409 | 411..=413 | 415..=429 | 500 | 502..=505)
}

/// Takes from an answer's headers what is not stored: what concerns one connection, and what `no-cache` and `private` name.
pub fn strip(headers: &mut HeaderMap, rules: &CacheRules) {
    let withheld = Control::of_answer(headers, rules).0.withheld;
    remove_hop_by_hop(headers);
    headers.remove(http::header::TE);
    for name in withheld {
        headers.remove(name);
    }
}
