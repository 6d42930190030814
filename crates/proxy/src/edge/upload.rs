//! A request's body on its way up: read as the upstream takes it, bounded, and kept as long as it is short enough to be sent again.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tidegate_net::{Incoming, Outgoing};
use tidegate_policy::edge::headers::tidy_trailers;
use tokio::time::Instant;

use super::collected::Collected;

/// Bodies up to this are kept until the answer has begun, so that another server can be asked.
const KEPT: usize = 64 * 1024;

/// A request's body. Each attempt takes a sender of its own.
#[derive(Debug)]
pub struct Upload {
    source: Source,
    /// Its length, if it is known.
    exact: Option<u64>,
}

/// Where a body comes from.
#[derive(Debug)]
enum Source {
    /// There is none.
    Nothing,
    /// The client, as a server takes it.
    Client(Arc<Mutex<State>>),
    /// All of it is here.
    Collected(Arc<Collected>),
}

#[derive(Debug)]
struct State {
    incoming: Incoming,
    limit: u64,
    read: u64,
    /// All that was read, unless it was too much.
    kept: Option<Vec<Bytes>>,
    /// What came behind it.
    trailers: Option<HeaderMap>,
    has_ended: bool,
    fault: Option<Fault>,
    /// Whether the client was waited for when it was last asked for more.
    is_waiting: bool,
    last: Instant,
}

/// What went wrong on the client's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// More than the limit.
    #[error("the body is too large")]
    TooLarge,
    /// It broke off.
    #[error("the body broke off")]
    Broken,
}

impl Upload {
    /// The body of a request, of at most so many bytes.
    pub fn new(incoming: Incoming, limit: u64) -> Result<Self, Fault> {
        let hint = incoming.size_hint();
        if hint.lower() > limit {
            return Err(Fault::TooLarge);
        }
        if incoming.is_end_stream() {
            return Ok(Self::none());
        }
        let state = State {
            incoming,
            limit,
            read: 0,
            kept: Some(Vec::new()),
            trailers: None,
            has_ended: false,
            fault: None,
            is_waiting: false,
            last: Instant::now(),
        };
        Ok(Self { source: Source::Client(Arc::new(Mutex::new(state))), exact: hint.exact() })
    }

    /// A body that has been read.
    pub fn collected(body: Arc<Collected>) -> Self {
        let exact = Some(body.length());
        Self { source: Source::Collected(body), exact }
    }

    /// No body.
    pub fn none() -> Self {
        Self { source: Source::Nothing, exact: Some(0) }
    }

    /// The body from its begin. Only once while [`Upload::is_repeatable`] is false.
    pub fn outgoing(&self) -> Outgoing {
        match &self.source {
            Source::Nothing => Outgoing::full(Bytes::new()),
            Source::Collected(body) => Outgoing::stream(body.body()),
            Source::Client(shared) => Outgoing::stream(Sender {
                shared: shared.clone(),
                at: 0,
                exact: self.exact,
                has_ended: false,
            }),
        }
    }

    /// Whether it can be sent once more: all that was read is kept.
    pub fn is_repeatable(&self) -> bool {
        self.state().is_none_or(|state| state.kept.is_some() && state.fault.is_none())
    }

    /// Whether there is one.
    pub fn is_empty(&self) -> bool {
        matches!(self.source, Source::Nothing)
    }

    /// What went wrong with it.
    pub fn fault(&self) -> Option<Fault> {
        self.state()?.fault
    }

    /// Bytes read so far.
    pub fn read(&self) -> u64 {
        match &self.source {
            Source::Collected(body) => body.length(),
            _ => self.state().map_or(0, |state| state.read),
        }
    }

    /// Whether the client, not the server, is waited for.
    pub fn is_waiting(&self) -> bool {
        self.state().is_some_and(|state| state.is_waiting)
    }

    /// When `limit` will have passed since something moved.
    pub fn deadline(&self, limit: Duration, begin: Instant) -> Instant {
        let moved = match &self.source {
            Source::Nothing => begin,
            Source::Client(shared) => lock(shared).last,
            Source::Collected(body) => body.moved(),
        };
        moved.max(begin) + limit
    }

    fn state(&self) -> Option<MutexGuard<'_, State>> {
        match &self.source {
            Source::Client(shared) => Some(lock(shared)),
            Source::Nothing | Source::Collected(_) => None,
        }
    }
}

fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One attempt's view of the body.
#[derive(Debug)]
struct Sender {
    shared: Arc<Mutex<State>>,
    /// Kept pieces that it has given.
    at: usize,
    exact: Option<u64>,
    has_ended: bool,
}

impl Body for Sender {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let this = &mut *self;
        let mut state = lock(&this.shared);
        if let Some(piece) = state.kept.as_ref().and_then(|kept| kept.get(this.at)) {
            this.at += 1;
            return Poll::Ready(Some(Ok(Frame::data(piece.clone()))));
        }
        if this.has_ended {
            return Poll::Ready(None);
        }
        if let Some(piece) = ready!(state.poll_next(context)) {
            this.at += 1;
            return Poll::Ready(Some(piece.map(Frame::data)));
        }
        this.has_ended = true;
        Poll::Ready(state.trailers.clone().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn size_hint(&self) -> SizeHint {
        self.exact.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl State {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        loop {
            if self.has_ended {
                return Poll::Ready(None);
            }
            let frame = Pin::new(&mut self.incoming).poll_frame(context);
            self.is_waiting = frame.is_pending();
            let piece = match ready!(frame) {
                None => {
                    self.has_ended = true;
                    self.last = Instant::now();
                    return Poll::Ready(None);
                }
                Some(Err(_)) => return self.fail(Fault::Broken),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => piece,
                    Err(frame) => {
                        self.trailers = frame.into_trailers().ok().and_then(tidy_trailers);
                        continue;
                    }
                },
            };
            self.last = Instant::now();
            self.read += piece.len() as u64;
            if self.read > self.limit {
                return self.fail(Fault::TooLarge);
            }
            if self.read > KEPT as u64 {
                self.kept = None;
            }
            if let Some(kept) = &mut self.kept {
                kept.push(piece.clone());
            }
            return Poll::Ready(Some(Ok(piece)));
        }
    }

    fn fail(&mut self, fault: Fault) -> Poll<Option<Result<Bytes, Fault>>> {
        self.fault = Some(fault);
        Poll::Ready(Some(Err(fault)))
    }
}
