//! What became of one kind of traffic.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Error, Result};

/// What became of one kind of traffic.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// What it is.
    pub(super) name: &'static str,
    good: AtomicU64,
    failed: AtomicU64,
    noticed: AtomicU64,
    why: Mutex<Option<String>>,
    /// Nothing more is begun.
    over: AtomicBool,
}

impl Tally {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    /// One request, message or stream went well.
    pub(super) fn good(&self) {
        self.good.fetch_add(1, Ordering::Relaxed);
    }

    /// One did not.
    pub(super) fn failed(&self, error: &Error) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        why.get_or_insert_with(|| format!("{error:#}"));
    }

    /// A connection was ended between two requests, with notice.
    pub(super) fn noticed(&self) {
        self.noticed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts what became of one; true if it went well.
    pub(super) fn count(&self, result: &Result<()>) -> bool {
        match result {
            Ok(()) => self.good(),
            Err(error) => self.failed(error),
        }
        result.is_ok()
    }

    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// How many went well, how many did not, how many connections were ended with notice.
    pub(super) fn counted(&self) -> [u64; 3] {
        [&self.good, &self.failed, &self.noticed].map(|count| count.load(Ordering::Relaxed))
    }

    /// Some words of the first failure.
    pub(super) fn why(&self) -> Option<String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Fails when it takes longer than that.
pub(super) async fn within<T>(limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(limit, work).await.with_context(|| format!("not within {limit:?}"))?
}
