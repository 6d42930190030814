//! What the fake provider has seen: requests, open answers, and clients that left early.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::sync::Notify;

/// One request as it arrived. Requests for `bench` models are counted and not kept.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The request's method.
    pub method: Method,
    /// The target as written on the request line.
    pub path_and_query: String,
    /// All headers, names in lower case.
    pub headers: HeaderMap,
    /// The whole body, without chunk framing, still compressed if it came so.
    pub body: Bytes,
    /// When its body was complete.
    pub at: Instant,
}

impl Seen {
    /// The body as JSON; `Null` if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// One header as text; `None` if absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A client that closed before the answer had ended.
#[derive(Clone, Debug)]
pub struct Cancelled {
    /// The request's target.
    pub path_and_query: String,
    /// When the closing was noticed.
    pub at: Instant,
}

/// Requests kept at most; the oldest go first.
const KEPT_REQUESTS: usize = 4096;
/// Bytes of bodies kept at most.
const KEPT_BYTES: usize = 256 * 1024 * 1024;

/// Everything that tests may ask about.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    kept: Mutex<Kept>,
    cancellations: Mutex<VecDeque<Cancelled>>,
    attempts: Mutex<HashMap<String, usize>>,
    changed: Notify,
    pub(crate) accepts: AtomicUsize,
    pub(crate) requests: AtomicUsize,
    pub(crate) open: AtomicUsize,
    pub(crate) cancelled: AtomicUsize,
}

#[derive(Debug, Default)]
struct Kept {
    seen: VecDeque<Seen>,
    bytes: usize,
}

/// A poisoned lock only means that another test thread panicked; the data are whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Journal {
    pub(crate) fn record(&self, seen: Seen) {
        let mut kept = lock(&self.kept);
        kept.bytes += seen.body.len();
        kept.seen.push_back(seen);
        while kept.seen.len() > KEPT_REQUESTS || kept.bytes > KEPT_BYTES {
            let Some(oldest) = kept.seen.pop_front() else { break };
            kept.bytes -= oldest.body.len();
        }
        drop(kept);
        self.changed.notify_waiters();
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        lock(&self.kept).seen.iter().cloned().collect()
    }

    /// Forgets requests, cancellations and what `failfirst` has counted.
    pub(crate) fn clear(&self) {
        *lock(&self.kept) = Kept::default();
        lock(&self.cancellations).clear();
        lock(&self.attempts).clear();
    }

    /// Counts one more request for this exact model name; returns how many came before it.
    pub(crate) fn count_attempt(&self, model: &str) -> usize {
        let mut attempts = lock(&self.attempts);
        let count = attempts.entry(model.to_owned()).or_default();
        *count += 1;
        *count - 1
    }

    pub(crate) fn take_cancellation(&self) -> Option<Cancelled> {
        lock(&self.cancellations).pop_front()
    }

    /// Waits until `ready` gives something, looking again after each change.
    pub(crate) async fn wait_until<T>(
        &self,
        limit: Duration,
        mut ready: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(found) = ready() {
                return Some(found);
            }
            tokio::time::timeout_at(deadline, changed).await.ok()?;
        }
    }
}

/// Counts one answer as open until it has ended or its client has left.
pub(crate) struct OpenAnswer {
    journal: Arc<Journal>,
    path_and_query: String,
    ended: bool,
}

impl OpenAnswer {
    pub(crate) fn new(journal: Arc<Journal>, path_and_query: String) -> Self {
        journal.open.fetch_add(1, Ordering::AcqRel);
        Self { journal, path_and_query, ended: false }
    }

    /// The answer has ended as the script wanted.
    pub(crate) fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.journal.open.fetch_sub(1, Ordering::AcqRel);
            self.journal.changed.notify_waiters();
        }
    }
}

impl Drop for OpenAnswer {
    fn drop(&mut self) {
        if !self.ended {
            let path_and_query = std::mem::take(&mut self.path_and_query);
            let mut cancellations = lock(&self.journal.cancellations);
            cancellations.push_back(Cancelled { path_and_query, at: Instant::now() });
            if cancellations.len() > KEPT_REQUESTS {
                cancellations.pop_front();
            }
            drop(cancellations);
            self.journal.cancelled.fetch_add(1, Ordering::AcqRel);
            self.end();
        }
    }
}
