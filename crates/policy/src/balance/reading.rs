//! The latest report and the latest headroom, in atomics.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering::Relaxed};

use super::report::Report;

/// For how long a report is believed, in microseconds.
const FRESH: i64 = 30_000_000;

/// What a back end said of its load.
#[derive(Debug, Default)]
pub(crate) struct LoadReading {
    at: AtomicI64,
    requests: AtomicU32,
    strain: AtomicU32,
    /// Our own open requests at that time: what has come since is not in the report yet.
    in_flight: AtomicU32,
}

impl LoadReading {
    pub(crate) fn take(&self, report: &Report, in_flight: u32, now: i64) {
        self.requests.store(report.requests().to_bits(), Relaxed);
        self.strain.store(report.strain().to_bits(), Relaxed);
        self.in_flight.store(in_flight, Relaxed);
        self.at.store(now.max(1), Relaxed);
    }

    /// The load now, in requests; without a fresh report our own open requests.
    pub(crate) fn load(&self, in_flight: u32, now: i64) -> f32 {
        let at = self.at.load(Relaxed);
        if at == 0 || now.saturating_sub(at) > FRESH {
            return in_flight as f32;
        }
        let read = |bits: &AtomicU32| f32::from_bits(bits.load(Relaxed));
        let since = in_flight as f32 - self.in_flight.load(Relaxed) as f32;
        (read(&self.requests) + since).max(0.0) * read(&self.strain) + read(&self.strain) - 1.0
    }
}

/// What is left of a provider's rate limit.
#[derive(Debug, Default)]
pub(crate) struct HeadroomReading {
    /// The share left, as the bits of an `f32`.
    share: AtomicU32,
    /// Until when that holds; 0: never told.
    until: AtomicI64,
}

impl HeadroomReading {
    pub(crate) fn take(&self, share: f32, until: i64) {
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 };
        self.share.store(share.to_bits(), Relaxed);
        self.until.store(until.max(1), Relaxed);
    }

    /// The share left; all of it where nobody said otherwise.
    pub(crate) fn share(&self, now: i64) -> f32 {
        if now < self.until.load(Relaxed) { f32::from_bits(self.share.load(Relaxed)) } else { 1.0 }
    }
}
