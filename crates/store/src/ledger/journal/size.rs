//! How much of the journal waits for the database, and how much more it takes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::home::Home;

/// What is kept free for requests that are under way when the journal fills up, at most.
const RESERVE: u64 = 4 << 20;

/// Counters that requests and the folder share.
#[derive(Debug, Default)]
pub(super) struct Size {
    limit: u64,
    bytes: AtomicU64,
    rows: AtomicU64,
    leftover_bytes: AtomicU64,
    leftover_rows: AtomicU64,
    refused: AtomicU64,
    broken: AtomicBool,
}

impl Size {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Whether so many more bytes may be written. Several who ask at once may go over by a row each.
    pub(super) fn takes(&self, bytes: u64) -> bool {
        let takes = self.bytes().saturating_add(bytes) <= self.limit;
        if !takes {
            self.refused.fetch_add(1, Relaxed);
        }
        takes
    }

    /// Counts what was written; tells how many rows of this process wait now.
    pub(super) fn grow(&self, bytes: u64, rows: u64) -> u64 {
        self.bytes.fetch_add(bytes, Relaxed);
        self.rows.fetch_add(rows, Relaxed) + rows
    }

    /// Counts what was folded.
    pub(super) fn shrink(&self, bytes: u64, rows: u64) {
        self.bytes.fetch_sub(bytes.min(self.bytes.load(Relaxed)), Relaxed);
        self.rows.fetch_sub(rows.min(self.rows.load(Relaxed)), Relaxed);
    }

    pub(super) fn set_leftovers<'a>(&self, homes: impl IntoIterator<Item = &'a Home>) {
        let (bytes, rows) =
            homes.into_iter().map(Home::left).fold((0, 0), |sum, left| (sum.0 + left.0, sum.1 + left.1));
        self.leftover_bytes.store(bytes, Relaxed);
        self.leftover_rows.store(rows, Relaxed);
    }

    pub(super) fn set_broken(&self, is_broken: bool) {
        if self.broken.load(Relaxed) != is_broken {
            self.broken.store(is_broken, Relaxed);
        }
    }

    pub(super) fn is_full(&self) -> bool {
        let reserve = RESERVE.min(self.limit / 8);
        self.broken.load(Relaxed) || self.bytes() >= self.limit - reserve
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed) + self.leftover_bytes.load(Relaxed)
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows.load(Relaxed) + self.leftover_rows.load(Relaxed)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }
}
