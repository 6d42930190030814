//! Where the counters' Redis is, and what happens when it is slow or away.

use std::time::Duration;

use tidegate_core::Secret;

/// Where the counters' Redis is.
#[derive(Clone, Debug)]
pub struct RedisPlace {
    /// `redis://`, `rediss://` (TLS) or `redis+unix://` for one server; `redis+cluster://a:7000,b:7000` or `rediss+cluster://…` for a
    /// cluster, of which one node that answers is enough.
    pub url: Secret,
    /// What tells these counters from others on the same Redis; letters, digits, `-`, `_`, `.`, others become `_`.
    pub prefix: String,
}

/// What happens when Redis is slow or away.
#[derive(Clone, Copy, Debug)]
pub struct RedisRules {
    /// Longest wait for Redis in one request. Above 0.
    pub time_limit: Duration,
    /// How requests are decided on without Redis.
    pub on_failure: OnFailure,
    /// How many instances share the limits; `None`: as many as told Redis that they live, in the last ten seconds in which it could be
    /// asked. An instance that has never reached Redis thinks that it is alone.
    pub instances: Option<u32>,
}

impl Default for RedisRules {
    fn default() -> Self {
        Self { time_limit: Duration::from_millis(50), on_failure: OnFailure::Share, instances: None }
    }
}

/// How requests are decided on without Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Each instance goes on with its share of every limit.
    Share,
    /// What has a claim on any counter is denied.
    Deny,
}

/// How the counters are doing, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterHealth {
    /// Redis, as it is used at the moment.
    pub redis: RedisState,
    /// Since when it is so, in microseconds since 1970.
    pub since: i64,
    /// Calls of Redis that failed or took too long.
    pub failures: u64,
    /// Requests that were decided on without Redis.
    pub fallback_decisions: u64,
    /// How many instances share the limits, as far as this one knows.
    pub instances: u32,
    /// Settlements that Redis has not been told yet.
    pub waiting: usize,
}

/// Redis, as it is used at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisState {
    /// There is none: the counters are in memory.
    Off,
    /// It decides.
    Up,
    /// It is slow or away; each instance decides by itself.
    Down,
}

/// A place that makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("the address of Redis cannot be used: {0}")]
pub struct PlaceError(pub(super) String);
