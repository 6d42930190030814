//! A kept answer as this client gets it: whole, a part, or only that it still holds.

use bytes::Bytes;
use http::header::{AGE, CONTENT_LENGTH, DATE, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use tidegate_policy::edge::caching::status::{Done, cache_status};
use tidegate_policy::edge::conditional::{Precondition, Validators, precondition};
use tidegate_policy::edge::http_date;

use super::stored::Stored;
use super::{RouteCache, Use};
use crate::body::ReplyBody;
use crate::edge::body::{EdgeBody, Source};
use crate::edge::files::{Part, parts};
use crate::edge::finish::finish;
use crate::edge::pass::Way;
use crate::edge::{EdgeError, own, pack};
use crate::exchange::Exchange;
use crate::{headers, reply};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// How a kept answer is given.
#[derive(Clone, Copy, Debug)]
pub struct Telling {
    /// Its age in seconds.
    pub age: i64,
    /// What was done, for `Cache-Status`.
    pub done: Done,
    /// The same, for logs and meters.
    pub used: Use,
}

/// What the cache did is counted, written down and, if that is wanted, told.
pub fn mark(cache: &RouteCache, done: Done, used: Use, map: &mut HeaderMap, exchange: &mut Exchange) {
    cache.meters.count(used);
    if let Some(passage) = &mut exchange.edge {
        passage.cache = Some(used);
    }
    if cache.tells_status {
        map.append(CACHE_STATUS, headers::value(&cache_status("tidegate", done)));
    }
}

/// Tells a kept answer.
pub fn tell(
    way: Way<'_>,
    cache: &RouteCache,
    stored: &Stored,
    telling: Telling,
    mut exchange: Box<Exchange>,
) -> Result<Response<ReplyBody>, (EdgeError, Box<Exchange>)> {
    let mut map = stored.headers.clone();
    map.insert(AGE, HeaderValue::from(telling.age.max(0)));
    mark(cache, telling.done, telling.used, &mut map, &mut exchange);
    let id = exchange.id.text();
    let limits = exchange.edge.as_ref().and_then(|passage| passage.limits.clone());
    let mut response = if holds(way, stored) {
        own::not_modified(map, &mut exchange)
    } else {
        body(way, cache, stored, map, exchange)?
    };
    finish(&mut response, Some(way.route), way.visit, limits.as_ref(), &id);
    Ok(response)
}

/// Whether the client has it already. Where nothing says when it changed, its date stands for that (RFC 9111, section 4.3.2).
fn holds(way: Way<'_>, stored: &Stored) -> bool {
    still_holds(way, stored.status, &stored.headers)
}

/// The same of an answer with these headers.
pub fn still_holds(way: Way<'_>, status: StatusCode, answer: &HeaderMap) -> bool {
    if status != StatusCode::OK {
        return false;
    }
    let text = |name| answer.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let etag = text(http::header::ETAG).and_then(|text| text.parse().ok());
    let changed = text(http::header::LAST_MODIFIED).or_else(|| text(DATE));
    let known = Validators { etag: etag.as_ref(), modified: changed.and_then(http_date::parse) };
    precondition(&way.visit.head.method, &way.visit.head.headers, known) == Precondition::NotModified
}

fn body(
    way: Way<'_>,
    cache: &RouteCache,
    stored: &Stored,
    mut map: HeaderMap,
    mut exchange: Box<Exchange>,
) -> Result<Response<ReplyBody>, (EdgeError, Box<Exchange>)> {
    let (status, body) = match part(way, stored, &mut map) {
        Ok(part) => part,
        Err(error) => return Err((error, exchange)),
    };
    if way.visit.head.method == Method::HEAD {
        return Ok(own::whole(status, map, Bytes::new(), &mut exchange));
    }
    let rules = way.route.compression.as_ref();
    let length = Some(body.len() as u64);
    let packer =
        rules.and_then(|rules| pack::packer(rules, &way.visit.head.headers, status, &mut map, length));
    cache.meters.count_bytes(body.len() as u64);
    if packer.is_none() {
        return Ok(own::whole(status, map, body, &mut exchange));
    }
    exchange.status = status.as_u16();
    let body = EdgeBody::new(Source::Whole(Some(body)), packer, exchange);
    Ok(reply::with_head(status.as_u16(), map, ReplyBody::Edge(Box::new(body))))
}

/// What of the body the client asks for.
fn part(way: Way<'_>, stored: &Stored, map: &mut HeaderMap) -> Result<(StatusCode, Bytes), EdgeError> {
    let whole = (stored.status, stored.body.clone());
    if stored.status != StatusCode::OK || way.visit.head.method != Method::GET {
        return Ok(whole);
    }
    let etag = stored.etag();
    let known = Validators { etag: etag.as_ref(), modified: stored.modified() };
    let length = stored.body.len() as u64;
    let (status, parts) = parts(length, &way.visit.head.headers, known, super::now(), map)?;
    if status != StatusCode::PARTIAL_CONTENT {
        return Ok(whole);
    }
    let body = match parts.as_slice() {
        [only] => bytes_of(only, stored),
        several => several.iter().flat_map(|part| bytes_of(part, stored)).collect(),
    };
    map.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Ok((status, body))
}

fn bytes_of(part: &Part, stored: &Stored) -> Bytes {
    match part {
        Part::Text(text) => text.clone(),
        Part::File(range) => stored.body.slice(range.start as usize..range.end as usize),
    }
}
