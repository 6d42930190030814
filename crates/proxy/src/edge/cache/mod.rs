//! Stop 3½ of the edge: answers of upstreams that are kept and given again (RFC 9111). The decisions are `policy::edge::caching`'s; here they get a
//! memory, a clock and upstreams.
//!
//! [`answer`] looks into the [`CacheStore`] by a [`key`]; what is there and fits is told by [`told`], anything else is fetched by [`fetch`], once for
//! all who ask at the same time ([`flight`]), and written down by a [`record`] as it is relayed. [`refresh`] renews behind the client's back,
//! [`void`] forgets what a write has changed.

pub mod answer;
pub mod disk;
pub mod fetch;
pub mod flight;
pub mod key;
pub mod meters;
pub mod record;
pub mod refresh;
pub mod store;
pub mod stored;
#[cfg(test)]
mod tests;
pub mod told;
pub mod void;

use std::sync::Arc;
use std::time::Duration;

use tidegate_policy::edge::caching::CacheRules;
use tidegate_policy::edge::variables::Template;

pub use key::{Key, KeyParts};
pub use meters::{CacheMeters, Use};
pub use record::Recorder;
pub use store::{CacheBounds, CacheStore};
pub use void::forget_written;

/// What a route keeps of its upstream's answers, and how.
#[derive(Debug)]
pub struct RouteCache {
    /// Where; routes share it.
    pub store: Arc<CacheStore>,
    /// What may be kept and used.
    pub rules: CacheRules,
    /// What stands before the keys of this route, so that routes which lead elsewhere do not share answers.
    pub scope: Box<str>,
    /// What of a request tells answers apart, beside its path.
    pub key: KeyParts,
    /// Longer bodies are not kept, in bytes.
    pub max_object: u64,
    /// How long a request waits for another one that fetches the same; zero: not at all.
    pub wait: Duration,
    /// A request for which any of these is neither empty nor `0` goes by the cache (nginx's `proxy_cache_bypass` and `proxy_no_cache`).
    pub bypass: Vec<Template>,
    /// Whether answers say what the cache did (`Cache-Status`, RFC 9211).
    pub tells_status: bool,
    /// What is counted.
    pub meters: CacheMeters,
}

/// Seconds since 1970-01-01 UTC.
fn now() -> i64 {
    crate::clock::micros().div_euclid(1_000_000)
}
