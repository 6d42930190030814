//! What a cache did with a request, counted.

use prometheus_client::metrics::counter::Counter;

use crate::meters::Meters;

/// What was done, in nginx' terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A kept answer was given.
    Hit,
    /// None was there.
    Miss,
    /// The request went by the cache.
    Bypass,
    /// What was there was too old, and is replaced.
    Expired,
    /// What was there was too old, and was given because the upstream failed or the client takes it.
    Stale,
    /// What was there was too old, and was given while it is renewed.
    Updating,
    /// What was there was too old, and the upstream said that it still holds.
    Revalidated,
}

impl Use {
    const ALL: [Self; 7] =
        [Self::Hit, Self::Miss, Self::Bypass, Self::Expired, Self::Stale, Self::Updating, Self::Revalidated];

    /// nginx's `$upstream_cache_status`.
    pub fn nginx_word(self) -> &'static str {
        match self {
            Self::Hit => "HIT",
            Self::Miss => "MISS",
            Self::Bypass => "BYPASS",
            Self::Expired => "EXPIRED",
            Self::Stale => "STALE",
            Self::Updating => "UPDATING",
            Self::Revalidated => "REVALIDATED",
        }
    }

    /// The word for meters and the JSON log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
            Self::Expired => "expired",
            Self::Stale => "stale",
            Self::Updating => "updating",
            Self::Revalidated => "revalidated",
        }
    }
}

/// The counters of one route's cache, looked up once.
#[derive(Clone, Debug, Default)]
pub struct CacheMeters {
    uses: [Counter; Use::ALL.len()],
    bytes: Counter,
}

impl CacheMeters {
    /// The counters of that route.
    pub fn new(meters: &Meters, route: &str) -> Self {
        Self {
            uses: Use::ALL.map(|one| meters.cache_use(route, one.word())),
            bytes: meters.cache_bytes(route),
        }
    }

    /// Counts what was done with a request.
    pub(super) fn count(&self, done: Use) {
        self.uses[done as usize].inc();
    }

    /// Counts bytes that were given from the cache.
    pub(super) fn count_bytes(&self, bytes: u64) {
        self.bytes.inc_by(bytes);
    }
}
