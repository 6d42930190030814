//! The time by which counters are kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime};

/// Microseconds since 1970 (UTC). Cheap to clone; clones tell the same time.
///
/// The wall clock is read once and moved on by the monotonic clock, so that a step of the wall clock (NTP, an operator) neither ends a
/// window early nor opens it twice. Counters in Redis go by the time of Redis; this clock is for what is counted here.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    Anchored { wall: i64, since: Instant },
    ByHand(AtomicI64),
}

impl Clock {
    /// The system's clock, anchored now.
    pub fn system() -> Self {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let wall = i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX / 4);
        Self(Arc::new(Source::Anchored { wall, since: Instant::now() }))
    }

    /// A clock that stands at that time until it is [set](Self::set); for tests.
    pub fn by_hand(now: i64) -> Self {
        Self(Arc::new(Source::ByHand(AtomicI64::new(now))))
    }

    /// Puts a clock [by hand](Self::by_hand) to that time; the system's clock stays as it is.
    pub fn set(&self, now: i64) {
        if let Source::ByHand(time) = &*self.0 {
            time.store(now, Ordering::Relaxed);
        }
    }

    /// The time now, in microseconds since 1970.
    pub fn now(&self) -> i64 {
        match &*self.0 {
            Source::Anchored { wall, since } => {
                wall.saturating_add(i64::try_from(since.elapsed().as_micros()).unwrap_or(i64::MAX / 4))
            }
            Source::ByHand(time) => time.load(Ordering::Relaxed),
        }
    }
}
