//! Answers of the edge's own: errors as plain text or as the config's page, redirects, fixed answers.

use bytes::Bytes;
use http::header::{
    ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use tidegate_policy::edge::basic_auth::challenge;
use tidegate_policy::edge::range;

use super::{EdgeError, Site};
use crate::body::ReplyBody;
use crate::exchange::{Exchange, Outcome};
use crate::{headers, reply};

/// Answers with an error.
pub fn failed(error: &EdgeError, site: &Site, exchange: &mut Exchange) -> Response<ReplyBody> {
    let status = error.status();
    let mut map = HeaderMap::with_capacity(8);
    match error {
        EdgeError::Method(methods) => {
            let list = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
            map.insert(ALLOW, headers::value(&list));
        }
        EdgeError::SignIn { realm } => {
            map.insert(WWW_AUTHENTICATE, headers::value(&challenge(realm)));
        }
        EdgeError::Limited { wait, .. } => {
            let seconds = wait.map_or(1, |wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
            map.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        EdgeError::Range { length } => {
            map.insert(CONTENT_RANGE, headers::value(&range::unsatisfied(*length)));
        }
        _ => {}
    }
    let body = match site.error_pages.get(&status.as_u16()) {
        Some(page) => {
            map.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            page.clone()
        }
        None => {
            map.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            plain(error, status, exchange)
        }
    };
    if let Some(passage) = &mut exchange.edge {
        passage.sent = body.len() as u64;
    }
    exchange.error = Some(error.code().to_owned());
    exchange.outcome = Outcome::Failed;
    exchange.status = status.as_u16();
    reply::with_head(status.as_u16(), map, ReplyBody::full(body))
}

fn plain(error: &EdgeError, status: StatusCode, exchange: &Exchange) -> Bytes {
    let words = status.canonical_reason().unwrap_or_default();
    format!("{} {words}: {error}\nrequest id: {}\n", status.as_u16(), exchange.id).into()
}

/// That the client has it already, without what would only describe the body.
pub fn not_modified(mut map: HeaderMap, exchange: &mut Exchange) -> Response<ReplyBody> {
    for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_RANGE] {
        map.remove(name);
    }
    whole(StatusCode::NOT_MODIFIED, map, Bytes::new(), exchange)
}

/// Answers with a head and a body that are there.
pub fn whole(
    status: StatusCode,
    map: HeaderMap,
    body: Bytes,
    exchange: &mut Exchange,
) -> Response<ReplyBody> {
    exchange.status = status.as_u16();
    exchange.outcome = Outcome::Complete;
    if let Some(passage) = &mut exchange.edge {
        passage.sent = body.len() as u64;
    }
    reply::with_head(status.as_u16(), map, ReplyBody::full(body))
}

/// Sends the client elsewhere.
pub fn redirect(status: StatusCode, to: HeaderValue, exchange: &mut Exchange) -> Response<ReplyBody> {
    let mut map = HeaderMap::with_capacity(4);
    map.insert(LOCATION, to);
    whole(status, map, Bytes::new(), exchange)
}
