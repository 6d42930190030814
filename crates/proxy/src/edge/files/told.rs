//! How a file is told: type, validators, conditions, ranges, how long it may be kept.

use std::time::Instant;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    LAST_MODIFIED, RANGE, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use tidegate_policy::edge::compression::CompressionRules;
use tidegate_policy::edge::conditional::{EntityTag, Precondition, Validators, precondition};
use tidegate_policy::edge::negotiate::{Coding, coding};
use tidegate_policy::edge::route::PathMatch;
use tidegate_policy::edge::{http_date, media_type};

use super::find::{File, Found, find};
use super::read::{FileBody, Part};
use super::{Files, Wanted, expect_reading, names, parts};
use crate::body::ReplyBody;
use crate::edge::body::{EdgeBody, Source};
use crate::edge::pack::{self, Packer};
use crate::edge::visit::{Visit, with_query};
use crate::edge::{EdgeError, own};
use crate::exchange::Exchange;
use crate::{headers, reply};

/// Twins that stand for a file, best first.
const TWINS: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

/// Answers with the file that the path stands for.
pub async fn answer(
    files: &Files,
    visit: &Visit,
    fitted: PathMatch,
    compression: Option<&CompressionRules>,
    mut exchange: Box<Exchange>,
) -> Result<Response<ReplyBody>, (EdgeError, Box<Exchange>)> {
    let found = match looked_up(files, visit, fitted).await {
        Ok(found) => found,
        Err(error) => return Err((error, exchange)),
    };
    match found {
        Found::Nothing => Err((EdgeError::NotFound, exchange)),
        Found::Folder => {
            let to = headers::value(&with_query(&format!("{}/", visit.path), visit.head.uri.query()));
            Ok(own::redirect(StatusCode::MOVED_PERMANENTLY, to, &mut exchange))
        }
        Found::File(file) => told(files, file, visit, compression, exchange),
    }
}

async fn looked_up(files: &Files, visit: &Visit, fitted: PathMatch) -> Result<Found, EdgeError> {
    expect_reading(&visit.head.method)?;
    let names = names(&visit.path, fitted)?;
    let has_slash = visit.path.ends_with('/');
    let asked = &visit.head.headers;
    // A range is of the file itself.
    let has_twins = files.precompressed && !asked.contains_key(RANGE);
    let codings = if has_twins { welcome(asked) } else { Vec::new() };
    let wanted = Wanted { path: visit.path.clone(), codings, wants_page: wants_page(asked, &names) };
    if let Some(file) = files.recent.get(&wanted, Instant::now()) {
        return Ok(Found::File(file));
    }
    let files = files.clone();
    let looking = tokio::task::spawn_blocking(move || {
        let found = find(&files, &names, has_slash, &wanted.codings, wanted.wants_page);
        if let Found::File(file) = &found {
            files.recent.keep(wanted, file, Instant::now());
        }
        found
    });
    looking.await.map_err(|_| EdgeError::Internal)
}

/// Codings in the order in which the client wants them.
fn welcome(asked: &HeaderMap) -> Vec<Coding> {
    let mut left = TWINS.to_vec();
    let mut order = Vec::new();
    loop {
        let best = coding(asked, &left);
        if best == Coding::Identity {
            return order;
        }
        order.push(best);
        left.retain(|coding| *coding != best);
    }
}

/// Whether what is not there may be answered with an application's page: not a script or an image that has gone.
fn wants_page(asked: &HeaderMap, names: &[String]) -> bool {
    let is_page = names.last().is_none_or(|name| !name.contains('.'));
    let accepts = asked.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    is_page || accepts.contains("text/html")
}

fn told(
    files: &Files,
    file: File,
    visit: &Visit,
    compression: Option<&CompressionRules>,
    mut exchange: Box<Exchange>,
) -> Result<Response<ReplyBody>, (EdgeError, Box<Exchange>)> {
    let asked = &visit.head.headers;
    let etag = file.modified.map(|modified| EntityTag::of_file(modified, file.length));
    let known = Validators { etag: etag.as_ref(), modified: file.modified };
    let mut map = head(files, &file, etag.as_ref());
    let mut packer = None;
    if file.coding == Coding::Identity
        && !asked.contains_key(RANGE)
        && let Some(rules) = compression
    {
        packer = pack::packer(rules, asked, StatusCode::OK, &mut map, Some(file.length));
    }
    match precondition(&visit.head.method, asked, known) {
        Precondition::Holds => {}
        Precondition::Failed => return Err((EdgeError::Precondition, exchange)),
        Precondition::NotModified => {
            return Ok(own::not_modified(map, &mut exchange));
        }
    }
    let (status, parts) =
        match parts(file.length, asked, known, exchange.arrived_micros() / 1_000_000, &mut map) {
            Ok(parts) => parts,
            Err(error) => return Err((error, exchange)),
        };
    if packer.is_none() {
        let length: u64 = parts.iter().map(length).sum();
        map.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if visit.head.method == Method::HEAD {
        return Ok(own::whole(status, map, Bytes::new(), &mut exchange));
    }
    Ok(spoken(status, map, file, parts, packer, exchange))
}

fn length(part: &Part) -> u64 {
    match part {
        Part::Text(text) => text.len() as u64,
        Part::File(range) => range.end - range.start,
    }
}

/// The answer: small ones in one piece.
fn spoken(
    status: StatusCode,
    map: HeaderMap,
    file: File,
    parts: Vec<Part>,
    packer: Option<Packer>,
    mut exchange: Box<Exchange>,
) -> Response<ReplyBody> {
    let source = match (&file.bytes, parts.as_slice()) {
        (Some(bytes), [Part::File(range)]) => {
            let bytes = bytes.slice(range.start as usize..range.end as usize);
            if packer.is_none() {
                return own::whole(status, map, bytes, &mut exchange);
            }
            Source::Whole(Some(bytes))
        }
        _ => Source::File(Box::new(FileBody::new(file.handle.clone(), parts))),
    };
    exchange.status = status.as_u16();
    let body = EdgeBody::new(source, packer, exchange);
    reply::with_head(status.as_u16(), map, ReplyBody::Edge(Box::new(body)))
}

fn head(files: &Files, file: &File, etag: Option<&EntityTag>) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(12);
    let kind = media_type::of_name(&file.name).unwrap_or("application/octet-stream");
    map.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    map.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(etag) = etag {
        map.insert(ETAG, headers::value(&etag.to_string()));
    }
    if let Some(modified) = file.modified {
        map.insert(LAST_MODIFIED, headers::value(&http_date::format(modified)));
    }
    if files.precompressed {
        map.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    if file.coding != Coding::Identity {
        map.insert(CONTENT_ENCODING, HeaderValue::from_static(file.coding.name()));
        map.remove(ACCEPT_RANGES);
    }
    if file.is_fallback {
        // The page of an application must be asked for anew, or it would name scripts that have gone.
        map.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    } else if let Some(expires) = files.expires {
        let immutable = if files.is_immutable { ", immutable" } else { "" };
        map.insert(
            CACHE_CONTROL,
            headers::value(&format!("public, max-age={}{immutable}", expires.as_secs())),
        );
    }
    map
}
