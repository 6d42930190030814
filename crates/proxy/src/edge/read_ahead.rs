//! An answer that is read ahead of a slow client, so that its server is free sooner: into memory, then into a file that has no name, and not
//! further than that.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;
use http_body_util::BodyExt;
use tidegate_net::LaneBody;
use tidegate_policy::edge::headers::tidy_trailers;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::collected::{BufferRules, write};
use super::files::{FileBody, Part};

/// An answer's body on its way through memory and disk. Dropped, the server's answer is given up.
#[derive(Debug)]
pub struct ReadAhead {
    shared: Arc<Shared>,
    task: AbortHandle,
    /// What is being read of the file.
    reading: Option<FileBody>,
    /// Bytes to come, where that is known.
    left: Option<u64>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Something was taken.
    room: Notify,
}

/// Pieces in memory are older than those in the file.
#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Bytes>,
    bytes: u64,
    file: Option<Arc<File>>,
    written: u64,
    taken: u64,
    is_reading: bool,
    end: Option<Result<Option<HeaderMap>, io::Error>>,
    waker: Option<Waker>,
}

/// Where a piece goes.
enum Goes {
    Memory,
    File(Option<Arc<File>>, u64),
    Nowhere,
}

impl ReadAhead {
    /// Reads that body ahead by those rules; a silence of its server longer than `idle` is its end.
    pub fn start(body: LaneBody, rules: BufferRules, idle: Duration) -> Self {
        let (shared, left) = (Arc::<Shared>::default(), body.size_hint().exact());
        let filling = shared.clone();
        let task = tokio::spawn(async move {
            let end = fill(&filling, body, &rules, idle).await;
            filling.change(|state| state.end = Some(end));
        });
        Self { shared, task: task.abort_handle(), reading: None, left }
    }

    /// The next piece; behind the last one the trailers.
    pub fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        trailers: &mut Option<HeaderMap>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(reading) = &mut self.reading {
                match ready!(reading.poll_piece(context)) {
                    Some(piece) => return Poll::Ready(Some(piece.inspect(|piece| self.gave(piece)))),
                    None => {
                        self.reading = None;
                        self.shared.lock().is_reading = false;
                        self.shared.room.notify_one();
                    }
                }
            }
            let shared = self.shared.clone();
            let mut state = shared.lock();
            if let Some(piece) = state.pieces.pop_front() {
                state.bytes -= piece.len() as u64;
                shared.room.notify_one();
                self.gave(&piece);
                return Poll::Ready(Some(Ok(piece)));
            }
            if let Some(file) = state.file.clone().filter(|_| state.taken < state.written) {
                let range = state.taken..state.written;
                (state.taken, state.is_reading) = (state.written, true);
                self.reading = Some(FileBody::new(file, [Part::File(range)]));
                continue;
            }
            return match state.end.take() {
                Some(Ok(told)) => {
                    *trailers = told;
                    state.end = Some(Ok(None));
                    Poll::Ready(None)
                }
                Some(Err(error)) => Poll::Ready(Some(Err(error))),
                None => {
                    state.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            };
        }
    }

    fn gave(&mut self, piece: &Bytes) {
        self.left = self.left.map(|left| left.saturating_sub(piece.len() as u64));
    }

    /// Bytes to come, where that is known.
    pub fn left(&self) -> Option<u64> {
        self.left
    }

    /// Whether nothing follows.
    pub fn is_end_stream(&self) -> bool {
        let state = self.shared.lock();
        let is_empty = state.pieces.is_empty() && state.taken == state.written && !state.is_reading;
        is_empty && matches!(state.end, Some(Ok(None)))
    }
}

impl Drop for ReadAhead {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads to the end; gives the trailers.
async fn fill(
    shared: &Shared,
    mut body: LaneBody,
    rules: &BufferRules,
    idle: Duration,
) -> io::Result<Option<HeaderMap>> {
    let mut trailers = None;
    loop {
        let frame =
            timeout(idle, body.frame()).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        let Some(frame) = frame else { return Ok(trailers) };
        match frame.map_err(io::Error::other)?.into_data() {
            Ok(piece) => keep(shared, piece, rules).await?,
            Err(frame) => trailers = frame.into_trailers().ok().and_then(tidy_trailers),
        }
    }
}

/// Keeps a piece as soon as there is room for it.
async fn keep(shared: &Shared, piece: Bytes, rules: &BufferRules) -> io::Result<()> {
    loop {
        let room = shared.room.notified();
        let goes = shared.lock().place(piece.len() as u64, rules);
        match goes {
            Goes::Memory => {
                shared.change(|state| {
                    state.bytes += piece.len() as u64;
                    state.pieces.push_back(piece);
                });
                return Ok(());
            }
            Goes::File(file, at) => {
                let (folder, length) = (rules.folder.clone(), piece.len() as u64);
                let write = tokio::task::spawn_blocking(move || write(file, &folder, &[piece], at));
                let file = write.await.map_err(io::Error::other)??;
                shared.change(|state| {
                    state.file = Some(file);
                    state.written = at + length;
                });
                return Ok(());
            }
            Goes::Nowhere => room.await,
        }
    }
}

impl State {
    /// Where the next piece goes. The file is used from its begin again once all of it has been taken.
    fn place(&mut self, length: u64, rules: &BufferRules) -> Goes {
        let is_drained = self.taken == self.written;
        if is_drained && (self.pieces.is_empty() || self.bytes + length <= rules.memory) {
            return Goes::Memory;
        }
        if is_drained && !self.is_reading {
            (self.written, self.taken) = (0, 0);
        }
        if self.written + length <= rules.disk {
            Goes::File(self.file.clone(), self.written)
        } else {
            Goes::Nowhere
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        if let Some(waker) = state.waker.take() {
            drop(state);
            waker.wake();
        }
    }
}
