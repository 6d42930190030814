//! HTTP caching as RFC 9111 has it, for a shared cache. All times are seconds since 1970-01-01 UTC.
//!
//! Storing: [`may_store`], then [`strip`] the headers and keep them with [`Freshness::of`] and [`vary::names`]. Asking: [`decide`]. What is
//! stale is asked about with [`validate::make_conditional`], and renewed by a 304 with [`validate::renew`]. Writes drop what
//! [`invalidated`] names. [`status::cache_status`] says what was done.

pub mod control;
mod decision;
mod freshness;
mod invalidation;
pub mod status;
mod storing;
#[cfg(test)]
mod tests;
pub mod validate;
pub mod vary;

pub use decision::{Bypass, Decision, StaleUse, decide, may_serve_on_error};
pub use freshness::Freshness;
pub use invalidation::invalidated;
pub use storing::{NotStored, may_store, strip};

/// What a route's cache may do beyond, or short of, RFC 9111.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheRules {
    /// Whether clients' `Cache-Control` counts; off, nobody can make us ask the upstream.
    pub obeys_clients: bool,
    /// Whether answers with `Set-Cookie` are stored. RFC 9111 would allow it; a cookie given to everybody is an accident.
    pub stores_cookies: bool,
    /// Whether `CDN-Cache-Control` (RFC 9213) goes before `Cache-Control`.
    pub targeted: bool,
    /// Seconds for which successes and lasting redirects are fresh that say nothing of it (nginx's `proxy_cache_valid`); 0: see below.
    pub default_lifetime: i64,
    /// Freshness without anything said: so many hundredths of the time since the last change …
    pub heuristic_percent: u32,
    /// … but no more than these seconds.
    pub heuristic_most: i64,
    /// Seconds of `stale-while-revalidate` where the answer says nothing.
    pub stale_while_revalidate: i64,
    /// Seconds of `stale-if-error` where the answer says nothing.
    pub stale_if_error: i64,
}

impl Default for CacheRules {
    fn default() -> Self {
        Self {
            obeys_clients: true,
            stores_cookies: false,
            targeted: true,
            default_lifetime: 0,
            heuristic_percent: 10,
            heuristic_most: 86_400,
            stale_while_revalidate: 0,
            stale_if_error: 0,
        }
    }
}
