//! The body of a request that has not come whole with its head: the connection reads it, piece by piece, when it is asked to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

/// Why a request's body ends before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not framed as RFC 9112 has it.
    #[error("the request's body is malformed: {0}")]
    Malformed(&'static str),
    /// The connection has ended.
    #[error("the connection was closed in the middle of the request's body")]
    Cut,
    /// Its sender takes too long; worth a 408.
    #[error("the request's body comes too slowly")]
    TooSlow,
}

/// Where the connection hands over what it reads.
#[derive(Debug, Default)]
struct Hatch {
    /// Came, and was not taken yet.
    piece: Option<Bytes>,
    /// Set when no more pieces come.
    end: Option<Result<(), Fault>>,
    /// Bytes that were not taken yet, when the head told it.
    left: Option<u64>,
    is_wanted: bool,
    /// Whether the rest is wanted in one piece, where its length was told.
    is_wanted_whole: bool,
    is_dropped: bool,
    /// Who waits for a piece.
    taker: Option<Waker>,
    /// The connection.
    feeder: Option<Waker>,
}

type Shared = Arc<Mutex<Hatch>>;

fn open(shared: &Shared) -> MutexGuard<'_, Hatch> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body as the handler sees it.
#[derive(Debug)]
pub(crate) struct Fed(Shared);

/// The body as the connection sees it. Dropped, it ends the body as cut.
#[derive(Debug)]
pub(super) struct Feed(Shared);

/// A body of that length, where the head told it.
pub(super) fn feed(left: Option<u64>) -> (Feed, Fed) {
    let shared = Arc::new(Mutex::new(Hatch { left, ..Hatch::default() }));
    (Feed(shared.clone()), Fed(shared))
}

impl Fed {
    /// The next piece; `None` at the end.
    pub(crate) fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        let mut hatch = open(&self.0);
        if let Some(piece) = hatch.piece.take() {
            hatch.left = hatch.left.map(|left| left.saturating_sub(piece.len() as u64));
            return Poll::Ready(Some(Ok(piece)));
        }
        match hatch.end {
            Some(Ok(())) => return Poll::Ready(None),
            Some(Err(fault)) => return Poll::Ready(Some(Err(fault))),
            None => {}
        }
        hatch.is_wanted = true;
        set(&mut hatch.taker, context);
        // On the same task, the connection looks for it by itself.
        if !hatch.feeder.as_ref().is_some_and(|feeder| feeder.will_wake(context.waker()))
            && let Some(feeder) = hatch.feeder.take()
        {
            drop(hatch);
            feeder.wake();
        }
        Poll::Pending
    }

    /// The rest comes in one piece, where its length was told.
    pub(crate) fn gather(&mut self) {
        open(&self.0).is_wanted_whole = true;
    }

    /// Whether all of it was taken.
    pub(crate) fn is_at_end(&self) -> bool {
        let hatch = open(&self.0);
        hatch.piece.is_none() && hatch.end == Some(Ok(()))
    }

    /// How many bytes were not taken yet, when that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        open(&self.0).left
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        let mut hatch = open(&self.0);
        (hatch.is_dropped, hatch.piece) = (true, None);
    }
}

impl Feed {
    /// Whether a piece is waited for. If not, whoever asks for one wakes this task.
    pub(super) fn is_wanted(&self, context: &mut Context<'_>) -> bool {
        let mut hatch = open(&self.0);
        set(&mut hatch.feeder, context);
        hatch.is_wanted && hatch.piece.is_none() && !hatch.is_dropped
    }

    /// Whether the rest is wanted in one piece.
    pub(super) fn is_wanted_whole(&self) -> bool {
        open(&self.0).is_wanted_whole
    }

    /// Whether nobody can ask any more.
    pub(super) fn is_dropped(&self) -> bool {
        open(&self.0).is_dropped
    }

    /// Hands over a piece.
    pub(super) fn give(&self, piece: Bytes, context: &Context<'_>) {
        let mut hatch = open(&self.0);
        if !hatch.is_dropped {
            hatch.piece = Some(piece);
        }
        hatch.is_wanted = false;
        wake(hatch, Some(context));
    }

    /// No more pieces come.
    pub(super) fn end(&self, end: Result<(), Fault>, context: Option<&Context<'_>>) {
        let mut hatch = open(&self.0);
        hatch.end.get_or_insert(end);
        hatch.feeder = None;
        wake(hatch, context);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.end(Err(Fault::Cut), None);
    }
}

/// Remembers whom to wake.
fn set(waker: &mut Option<Waker>, context: &Context<'_>) {
    if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
        *waker = Some(context.waker().clone());
    }
}

/// Wakes who waits for a piece, unless it is the task that gives it.
fn wake(mut hatch: MutexGuard<'_, Hatch>, context: Option<&Context<'_>>) {
    let Some(taker) = hatch.taker.take() else { return };
    drop(hatch);
    if !context.is_some_and(|context| taker.will_wake(context.waker())) {
        taker.wake();
    }
}
