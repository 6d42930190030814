//! A file's body: pieces of it, one in memory at a time, with text between them where several ranges are told.

use std::collections::VecDeque;
use std::fs::File;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::task::JoinHandle;

/// Bytes that are read at once.
const PIECE: u64 = 128 * 1024;

/// A part of a body.
#[derive(Debug)]
pub enum Part {
    /// Text.
    Text(Bytes),
    /// A range of the file.
    File(Range<u64>),
}

/// A body made of parts of a file.
#[derive(Debug)]
pub struct FileBody {
    file: Arc<File>,
    parts: VecDeque<Part>,
    left: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    /// The parts of that file, in their order.
    pub fn new(file: Arc<File>, parts: impl IntoIterator<Item = Part>) -> Self {
        let parts: VecDeque<Part> = parts.into_iter().collect();
        let left = parts.iter().map(Part::length).sum();
        Self { file, parts, left, reading: None }
    }

    /// Bytes that are still to come.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Whether there are none.
    pub fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    /// The next piece.
    pub fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(reading) = &mut self.reading {
                let read = ready!(Pin::new(reading).poll(context));
                self.reading = None;
                let read = read.map_err(io::Error::other).and_then(|read| read);
                return Poll::Ready(Some(read.inspect(|piece| self.left -= piece.len() as u64)));
            }
            match self.parts.pop_front() {
                None => return Poll::Ready(None),
                Some(Part::Text(text)) => {
                    self.left -= text.len() as u64;
                    return Poll::Ready(Some(Ok(text)));
                }
                Some(Part::File(range)) if range.is_empty() => {}
                Some(Part::File(range)) => self.read(range),
            }
        }
    }

    fn read(&mut self, range: Range<u64>) {
        let end = range.end.min(range.start + PIECE);
        let now = range.start..end;
        if end < range.end {
            self.parts.push_front(Part::File(end..range.end));
        }
        let file = self.file.clone();
        self.reading = Some(tokio::task::spawn_blocking(move || piece(&file, now)));
    }
}

impl Part {
    fn length(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::File(range) => range.end - range.start,
        }
    }
}

/// Exactly that range: a file that has been cut since cannot be told as announced.
fn piece(file: &File, range: Range<u64>) -> io::Result<Bytes> {
    let mut bytes = vec![0; (range.end - range.start) as usize];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes.into())
}
