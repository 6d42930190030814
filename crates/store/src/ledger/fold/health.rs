//! How the ledger fares, for metrics and for the log.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::StoreError;

/// How the ledger fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerHealth {
    /// Bytes in the journal that the database does not have yet.
    pub behind_bytes: u64,
    /// Rows, likewise; of what ended processes left an estimate.
    pub behind_rows: u64,
    /// When rows were last brought to the database, or looked for and not found, in Unix microseconds.
    pub last_fold: Option<i64>,
    /// Tries that failed since the start.
    pub failures: u64,
    /// Whether the last try failed.
    pub is_away: bool,
    /// Lines of journals that were no rows: writes that a crash or a full disk cut short.
    pub torn: u64,
    /// Rows that the database refused for what they are; they stand in `refused.jsonl` in the journal's root.
    pub set_aside: u64,
    /// Rows that the full journal refused.
    pub lost: u64,
}

/// Keeps it, and logs a line when the database goes away and one when it is back.
#[derive(Debug, Default)]
pub(super) struct Watch(Mutex<LedgerHealth>);

impl Watch {
    pub(super) fn read(&self) -> LedgerHealth {
        *self.lock()
    }

    pub(super) fn succeeded(&self, now: i64) {
        let mut health = self.lock();
        health.last_fold = Some(now);
        if std::mem::take(&mut health.is_away) {
            tracing::info!("the ledger's database is back; the journal is being folded");
        }
    }

    pub(super) fn failed(&self, error: &StoreError) {
        let mut health = self.lock();
        health.failures += 1;
        if !std::mem::replace(&mut health.is_away, true) {
            tracing::warn!(%error, "the ledger's database is away; rows wait in the journal");
        }
    }

    pub(super) fn count(&self, torn: u64, set_aside: u64) {
        let mut health = self.lock();
        health.torn += torn;
        health.set_aside += set_aside;
    }

    fn lock(&self) -> MutexGuard<'_, LedgerHealth> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
