//! One answer as it is kept.

use bytes::Bytes;
use http::header::{AGE, CONTENT_LENGTH, ETAG, LAST_MODIFIED, VIA};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tidegate_policy::edge::caching::{CacheRules, Freshness, strip, vary};
use tidegate_policy::edge::conditional::EntityTag;
use tidegate_policy::edge::http_date;

/// What the bookkeeping of one answer takes, in bytes, beside its headers and body.
const OVERHEAD: u64 = 512;

/// A kept answer.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, without those of one connection and without `Age`.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Bytes,
    /// How long it may be used.
    pub freshness: Freshness,
    /// Headers of the request on which it depends.
    pub names: Vec<HeaderName>,
    /// What the request said in them.
    pub variant: Vec<u8>,
}

/// An answer's head, ready to be kept with a body.
#[derive(Clone, Debug)]
pub struct Head {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// When the request was sent, and when the answer came; in seconds.
    pub times: (i64, i64),
}

impl Head {
    /// Makes it an answer to a request that was sent with these headers.
    pub fn with_body(self, body: Bytes, outward: &HeaderMap, rules: &CacheRules) -> Stored {
        let Self { status, mut headers, times: (asked, answered) } = self;
        let freshness = Freshness::of(rules, status, &headers, asked, answered);
        strip(&mut headers, rules);
        for name in [AGE, VIA] {
            headers.remove(name);
        }
        if !matches!(status, StatusCode::NO_CONTENT) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        let names = vary::names(&headers).unwrap_or_default();
        let variant = vary::key(&names, outward);
        Stored { status, headers, body, freshness, names, variant }
    }
}

impl Stored {
    /// What it takes in memory, in bytes.
    pub fn size(&self) -> u64 {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
        (self.body.len() + headers + self.variant.len()) as u64 + OVERHEAD
    }

    /// Whether it answers a request with that head.
    pub fn fits(&self, outward: &HeaderMap) -> bool {
        vary::key(&self.names, outward) == self.variant
    }

    /// Its tag.
    pub fn etag(&self) -> Option<EntityTag> {
        self.headers.get(ETAG)?.to_str().ok()?.parse().ok()
    }

    /// When it last changed.
    pub fn modified(&self) -> Option<i64> {
        http_date::parse(self.headers.get(LAST_MODIFIED)?.to_str().ok()?)
    }
}
