//! A request's body that is read to its end before a server is asked: a slow client keeps no server busy, and any server can be asked again.
//! In memory while it is short, beyond that in a file that has no name.

use std::collections::VecDeque;
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tidegate_net::Incoming;
use tidegate_policy::edge::headers::tidy_trailers;
use tokio::time::{Instant, timeout};

use super::EdgeError;
use super::files::{FileBody, Part};

/// Where bodies wait, and how much of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferRules {
    /// Bytes in memory.
    pub memory: u64,
    /// Bytes of an answer on disk; a request's are bounded by the largest body that is taken.
    pub disk: u64,
    /// The folder of the files.
    pub folder: PathBuf,
}

impl Default for BufferRules {
    fn default() -> Self {
        Self { memory: 256 * 1024, disk: 1 << 30, folder: std::env::temp_dir() }
    }
}

/// A body that is here.
#[derive(Debug)]
pub struct Collected {
    pieces: Vec<Bytes>,
    file: Option<Arc<File>>,
    length: u64,
    trailers: Option<HeaderMap>,
    /// When a server last took a piece.
    moved: Mutex<Instant>,
}

impl Collected {
    /// Reads a body of at most `limit` bytes, each piece of which comes within `patience`.
    pub async fn read(
        mut incoming: Incoming,
        limit: u64,
        rules: &BufferRules,
        patience: Duration,
    ) -> Result<Arc<Self>, EdgeError> {
        let mut collected = Self {
            pieces: Vec::new(),
            file: None,
            length: 0,
            trailers: None,
            moved: Mutex::new(Instant::now()),
        };
        let mut waiting = 0;
        loop {
            let frame = poll_fn(|context| Pin::new(&mut incoming).poll_frame(context));
            let frame = match timeout(patience, frame).await {
                Err(_) => return Err(EdgeError::BodyTimeout),
                Ok(None) => break,
                Ok(Some(frame)) => frame.map_err(|_| EdgeError::BodyBroken)?,
            };
            match frame.into_data() {
                Ok(piece) => {
                    collected.length += piece.len() as u64;
                    waiting += piece.len() as u64;
                    collected.pieces.push(piece);
                }
                Err(frame) => collected.trailers = frame.into_trailers().ok().and_then(tidy_trailers),
            }
            if collected.length > limit {
                return Err(EdgeError::BodyTooLarge { limit });
            }
            if waiting > rules.memory {
                collected.spill(waiting, rules).await?;
                waiting = 0;
            }
        }
        if collected.file.is_some() && waiting > 0 {
            collected.spill(waiting, rules).await?;
        }
        Ok(Arc::new(collected))
    }

    /// Puts what waits in memory, so many bytes, into the file.
    async fn spill(&mut self, waiting: u64, rules: &BufferRules) -> Result<(), EdgeError> {
        let (pieces, file) = (std::mem::take(&mut self.pieces), self.file.take());
        let (folder, begin) = (rules.folder.clone(), self.length - waiting);
        let written = tokio::task::spawn_blocking(move || write(file, &folder, &pieces, begin)).await;
        let written = written.map_err(io::Error::other).and_then(|written| written);
        self.file = Some(written.map_err(|error| {
            tracing::error!(%error, folder = %rules.folder.display(), "a body cannot be buffered");
            EdgeError::Internal
        })?);
        Ok(())
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// When a server last took a piece.
    pub fn moved(&self) -> Instant {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The body from its begin.
    pub fn body(self: &Arc<Self>) -> CollectedBody {
        let part = Part::File(0..self.length);
        CollectedBody {
            pieces: self.pieces.iter().cloned().collect(),
            file: self.file.clone().map(|file| FileBody::new(file, [part])),
            trailers: self.trailers.clone(),
            collected: self.clone(),
        }
    }
}

/// Writes pieces from that place on into the file, which is made, without a name, if there is none yet. Blocking.
pub(super) fn write(
    file: Option<Arc<File>>,
    folder: &std::path::Path,
    pieces: &[Bytes],
    begin: u64,
) -> io::Result<Arc<File>> {
    let file = match file {
        Some(file) => file,
        None => Arc::new(tempfile::tempfile_in(folder)?),
    };
    let mut at = begin;
    for piece in pieces {
        file.write_all_at(piece, at)?;
        at += piece.len() as u64;
    }
    Ok(file)
}

/// One attempt's view of a body that is here.
#[derive(Debug)]
pub struct CollectedBody {
    pieces: VecDeque<Bytes>,
    file: Option<FileBody>,
    trailers: Option<HeaderMap>,
    collected: Arc<Collected>,
}

impl Body for CollectedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        let piece = match &mut this.file {
            Some(file) => ready!(file.poll_piece(context)),
            None => this.pieces.pop_front().map(Ok),
        };
        *this.collected.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Poll::Ready(match piece {
            Some(piece) => Some(piece.map(Frame::data)),
            None => this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))),
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.collected.length)
    }
}
