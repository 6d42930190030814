//! A file's body: pieces of it, one in memory at a time, with text between them where several ranges are told. What the system has in memory is
//! taken at once; a disk is waited for by another thread.

use std::collections::VecDeque;
use std::fs::File;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
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
    /// The piece before, whose memory is used again once it has left: fresh memory must be written over first.
    before: Bytes,
}

impl FileBody {
    /// The parts of that file, in their order.
    pub fn new(file: Arc<File>, parts: impl IntoIterator<Item = Part>) -> Self {
        let parts: VecDeque<Part> = parts.into_iter().collect();
        let left = parts.iter().map(Part::length).sum();
        Self { file, parts, left, reading: None, before: Bytes::new() }
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
                return Poll::Ready(Some(read.inspect(|piece| self.give(piece))));
            }
            match self.parts.pop_front() {
                None => return Poll::Ready(None),
                Some(Part::Text(text)) => {
                    self.left -= text.len() as u64;
                    return Poll::Ready(Some(Ok(text)));
                }
                Some(Part::File(range)) if range.is_empty() => {}
                Some(Part::File(range)) => {
                    if let Some(bytes) = self.read(range) {
                        self.give(&bytes);
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
            }
        }
    }

    /// The first piece of that range, if it is at hand; otherwise begins to read it.
    fn read(&mut self, range: Range<u64>) -> Option<Bytes> {
        let end = range.end.min(range.start + PIECE);
        let now = range.start..end;
        if end < range.end {
            self.parts.push_front(Part::File(end..range.end));
        }
        let mut bytes = self.room((now.end - now.start) as usize);
        if is_at_hand(&self.file, now.start, &mut bytes) {
            return Some(bytes.freeze());
        }
        let file = self.file.clone();
        self.reading = Some(tokio::task::spawn_blocking(move || {
            // A file that has been cut since cannot be told as announced.
            file.read_exact_at(&mut bytes, now.start).map(|()| bytes.freeze())
        }));
        None
    }

    /// Room for so many bytes.
    fn room(&mut self, length: usize) -> BytesMut {
        match std::mem::take(&mut self.before).try_into_mut() {
            Ok(mut room) if room.len() >= length => {
                room.truncate(length);
                room
            }
            _ => BytesMut::zeroed(length),
        }
    }

    fn give(&mut self, piece: &Bytes) {
        self.left -= piece.len() as u64;
        if self.left > 0 {
            self.before = piece.clone();
        }
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

/// Reads what is there without waiting, and says whether that was all. Where it was not, the rest is on a disk, or there is none; some file systems
/// never tell.
#[cfg(target_os = "linux")]
fn is_at_hand(file: &File, at: u64, bytes: &mut [u8]) -> bool {
    use rustix::io::{ReadWriteFlags, preadv2};

    let length = bytes.len();
    preadv2(file, &mut [io::IoSliceMut::new(bytes)], at, ReadWriteFlags::NOWAIT) == Ok(length)
}

/// Elsewhere it cannot be known.
#[cfg(not(target_os = "linux"))]
fn is_at_hand(_: &File, _: u64, _: &mut [u8]) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;

    use super::*;

    fn written(length: usize) -> (Vec<u8>, Arc<File>) {
        let bytes: Vec<u8> = (0..length).map(|at| (at / 7 % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        (bytes, Arc::new(file))
    }

    async fn read(body: &mut FileBody) -> (Vec<u8>, Option<io::ErrorKind>) {
        let mut all = Vec::new();
        while let Some(piece) = poll_fn(|context| body.poll_piece(context)).await {
            match piece {
                Ok(piece) => all.extend_from_slice(&piece),
                Err(error) => return (all, Some(error.kind())),
            }
        }
        (all, None)
    }

    #[tokio::test]
    async fn ranges_of_any_length_are_told_in_their_order() {
        let (bytes, file) = written(3 * PIECE as usize + 5);
        let all = bytes.len() as u64;
        let pairs: [&[(u64, u64)]; 3] =
            [&[(0, all)], &[(0, 0), (5, 6), (all - 5, all), (1, PIECE + 1)], &[(PIECE, 2 * PIECE)]];
        for pairs in pairs {
            let ranges = pairs.iter().map(|(start, end)| *start..*end);
            let expected: Vec<u8> = ranges
                .clone()
                .flat_map(|range| &bytes[range.start as usize..range.end as usize])
                .copied()
                .collect();
            let mut body = FileBody::new(file.clone(), ranges.map(Part::File));
            assert_eq!(body.left(), expected.len() as u64);
            assert!(read(&mut body).await == (expected, None));
            assert!(body.is_end_stream());
        }
    }

    #[tokio::test]
    async fn memory_is_used_again_only_when_the_piece_before_has_left() {
        let (bytes, file) = written(4 * PIECE as usize);
        let mut body = FileBody::new(file, [Part::File(0..4 * PIECE)]);
        let mut next = async || poll_fn(|context| body.poll_piece(context)).await.unwrap().unwrap();
        let first = next().await;
        let second = next().await;
        assert!(first == bytes[..PIECE as usize], "it is told still");
        let place = second.as_ptr();
        drop(second);
        assert_eq!(next().await.as_ptr(), place);
        assert!(next().await == bytes[3 * PIECE as usize..]);
    }

    #[tokio::test]
    async fn a_file_that_was_cut_since_is_an_error_and_never_filled_up() {
        let (bytes, file) = written(2 * PIECE as usize);
        let mut body = FileBody::new(file.clone(), [Part::File(0..2 * PIECE)]);
        file.set_len(PIECE + 10).unwrap();
        let (told, failed) = read(&mut body).await;
        assert!(told == bytes[..PIECE as usize] && failed == Some(io::ErrorKind::UnexpectedEof));
        assert!(!body.is_end_stream());
    }

    #[tokio::test]
    async fn only_what_is_there_is_at_hand() {
        let (_, file) = written(100);
        let mut room = [0; 101];
        assert!(!is_at_hand(&file, 0, &mut room) && !is_at_hand(&file, 100, &mut room[..1]));
    }
}
