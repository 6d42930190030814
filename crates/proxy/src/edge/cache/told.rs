//! A kept answer as this client gets it: whole, a part, or only that it still holds.

use bytes::{Bytes, BytesMut};
use http::header::{
    AGE, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, HeaderName, RANGE,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use tidegate_policy::edge::caching::status::{Done, cache_status};
use tidegate_policy::edge::conditional::{Precondition, Validators, precondition, range_counts};
use tidegate_policy::edge::http_date;
use tidegate_policy::edge::range::{self, Ranges};

use super::stored::Stored;
use super::{RouteCache, Use};
use crate::body::ReplyBody;
use crate::edge::body::{EdgeBody, Source};
use crate::edge::finish::finish;
use crate::edge::pass::Way;
use crate::edge::{EdgeError, own, pack};
use crate::exchange::Exchange;
use crate::{headers, reply};

/// Most ranges of one request that are told one by one.
const RANGES: usize = 16;
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
    mut exchange: Exchange,
) -> Result<Response<ReplyBody>, (EdgeError, Box<Exchange>)> {
    let mut map = stored.headers.clone();
    map.insert(AGE, HeaderValue::from(telling.age.max(0)));
    mark(cache, telling.done, telling.used, &mut map, &mut exchange);
    let id = exchange.id.to_string();
    let limits = exchange.edge.as_ref().and_then(|passage| passage.limits.clone());
    let mut response = if holds(way, stored) {
        not_modified(map, &mut exchange)
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

/// That the client has it already.
pub fn not_modified(mut map: HeaderMap, exchange: &mut Exchange) -> Response<ReplyBody> {
    for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_RANGE] {
        map.remove(name);
    }
    own::whole(StatusCode::NOT_MODIFIED, map, Bytes::new(), exchange)
}

fn body(
    way: Way<'_>,
    cache: &RouteCache,
    stored: &Stored,
    mut map: HeaderMap,
    mut exchange: Exchange,
) -> Result<Response<ReplyBody>, (EdgeError, Box<Exchange>)> {
    let (status, body) = match part(way, stored, &mut map) {
        Ok(part) => part,
        Err(error) => return Err((error, Box::new(exchange))),
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
    let (asked, length) = (&way.visit.head.headers, stored.body.len() as u64);
    let whole = (stored.status, stored.body.clone());
    let range = asked.get(RANGE).and_then(|value| value.to_str().ok());
    let Some(value) = range.filter(|_| stored.status == StatusCode::OK) else { return Ok(whole) };
    let etag = stored.etag();
    let known = Validators { etag: etag.as_ref(), modified: stored.modified() };
    if way.visit.head.method != Method::GET || !range_counts(asked, known, super::now()) {
        return Ok(whole);
    }
    let body = match range::ranges(value, length, RANGES) {
        Ranges::Whole => return Ok(whole),
        Ranges::Unsatisfiable => return Err(EdgeError::Range { length }),
        Ranges::Parts(parts) => match parts.as_slice() {
            [only] => {
                map.insert(CONTENT_RANGE, headers::value(&range::content_range(only, length)));
                stored.body.slice(only.start as usize..only.end as usize)
            }
            several => multipart(stored, several, map),
        },
    };
    map.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Ok((StatusCode::PARTIAL_CONTENT, body))
}

fn multipart(stored: &Stored, parts: &[std::ops::Range<u64>], map: &mut HeaderMap) -> Bytes {
    let boundary = format!("{:016x}", crate::clock::micros());
    let kind = map.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    map.insert(CONTENT_TYPE, headers::value(&format!("multipart/byteranges; boundary={boundary}")));
    let length = stored.body.len() as u64;
    let mut body = BytesMut::new();
    for part in parts {
        body.extend_from_slice(range::part_head(&boundary, &kind, part, length).as_bytes());
        body.extend_from_slice(&stored.body[part.start as usize..part.end as usize]);
    }
    body.extend_from_slice(range::parts_end(&boundary).as_bytes());
    body.freeze()
}
