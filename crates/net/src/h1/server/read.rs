//! Requests out of bytes, in whatever pieces these come. No I/O.

use bytes::{Bytes, BytesMut};

use super::head::Head;
use super::refusal::Refusal;
use crate::h1::Piece;
use crate::h1::body::{Extent, take};
use crate::h1::room::Room;

/// Most bytes of a request's first line.
const FIRST_LINE: usize = 16 * 1024;
/// Most bytes of chunks that are not data: so many, and so many more for every byte of data. One byte in a chunk needs 5.
const FRAMING: u64 = 32 * 1024;
const FRAMING_OF_BYTE: u64 = 8;
/// Most room that is made at once for a body in one piece. What is not written to takes no memory yet.
const RESERVED: usize = 1 << 20;

/// Reads requests, one after the other. Put bytes into [`Reader::buffer`] while [`Reader::head`] gives none or
/// [`Reader::piece`] asks for more. After a refusal there is no sense in going on.
#[derive(Debug)]
pub struct Reader {
    buffer: BytesMut,
    /// Most bytes of a head.
    most: usize,
    /// That much of the buffer was looked through for the end of the head.
    searched: usize,
    /// Where the line begins that was not whole then.
    line: usize,
    /// Whether an empty line was skipped before this request.
    has_skipped: bool,
    /// The body of the request under way.
    extent: Extent,
    /// Bytes of its chunks that were not data, beyond what was allowed for its data.
    framing: u64,
    room: Room,
}

impl Reader {
    /// Reads requests whose heads have at most that many bytes.
    pub fn new(most: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            most,
            searched: 0,
            line: 0,
            has_skipped: false,
            extent: Extent::Length(0),
            framing: 0,
            room: Room::new(),
        }
    }

    /// What was read and is not told yet. New bytes go behind it.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// How many bytes were read and are not told yet.
    pub(super) fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// How much to read at once.
    pub(super) fn room(&self) -> usize {
        self.room.bytes()
    }

    /// So much was read.
    pub(super) fn filled(&mut self, count: usize) {
        self.room.filled(count, count >= self.room.bytes());
    }

    /// Lets an empty buffer go.
    pub(super) fn release(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// The head of the next request once it is whole. The body of the one before must have been read.
    pub fn head(&mut self) -> Result<Option<Head>, Refusal> {
        if !self.begins()? {
            return Ok(None);
        }
        let end = self.search()?;
        if self.line == 0 && self.buffer.len() > FIRST_LINE.min(self.most) {
            return Err(Refusal::LONG_TARGET);
        }
        if end.unwrap_or(self.buffer.len()) > self.most {
            return Err(Refusal::LARGE_HEAD);
        }
        let Some(end) = end else { return Ok(None) };
        let bytes = self.take_head(end);
        let head = Head::parse(&bytes)?;
        (self.searched, self.line, self.has_skipped) = (0, 0, false);
        (self.extent, self.framing) = (head.extent, 0);
        self.room = Room::new();
        Ok(Some(head))
    }

    /// Whether the first byte of a request is there. One empty line may stand before it (RFC 9112 section 2.2).
    fn begins(&mut self) -> Result<bool, Refusal> {
        match &self.buffer[..] {
            [] => Ok(false),
            [b'\r'] if !self.has_skipped => Ok(false),
            [b'\r', b'\n', ..] if !self.has_skipped => {
                let _ = self.buffer.split_to(2);
                self.has_skipped = true;
                self.begins()
            }
            [first, ..] if first.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(first) => Ok(true),
            _ => Err(Refusal::malformed("it is not HTTP/1")),
        }
    }

    /// Where the empty line behind the head ends.
    fn search(&mut self) -> Result<Option<usize>, Refusal> {
        for at in memchr::memchr_iter(b'\n', &self.buffer[self.searched..]) {
            let at = self.searched + at;
            if at == 0 || self.buffer[at - 1] != b'\r' {
                return Err(Refusal::malformed("a line of its head ends without a carriage return"));
            }
            if self.line + 1 == at {
                return Ok(Some(at + 1));
            }
            if self.line == 0 && at > FIRST_LINE {
                return Err(Refusal::LONG_TARGET);
            }
            self.line = at + 1;
        }
        self.searched = self.buffer.len();
        Ok(None)
    }

    fn take_head(&mut self, end: usize) -> Bytes {
        if end == self.buffer.len() {
            return std::mem::take(&mut self.buffer).freeze();
        }
        self.buffer.split_to(end).freeze()
    }

    /// The next piece of the body.
    pub fn piece(&mut self) -> Result<Piece, Refusal> {
        let Extent::Chunked(chunked) = &mut self.extent else {
            return Ok(self.extent.piece(&mut self.buffer)?);
        };
        let before = self.buffer.len();
        let piece = chunked.piece(&mut self.buffer)?;
        let told = if let Piece::Data(data) = &piece { data.len() } else { 0 };
        self.framing += (before - self.buffer.len() - told) as u64;
        self.framing = self.framing.saturating_sub(told as u64 * FRAMING_OF_BYTE);
        if self.framing > FRAMING {
            return Err(Refusal::malformed("its chunks are more framing than data"));
        }
        Ok(piece)
    }

    /// What is left of the body in one piece, if its length was told; the next piece otherwise.
    pub(super) fn rest(&mut self) -> Result<Piece, Refusal> {
        let Some(left) = self.left().filter(|left| *left > 0) else { return self.piece() };
        let lacking = usize::try_from(left).unwrap_or(usize::MAX).saturating_sub(self.buffer.len());
        if lacking == 0 {
            return self.piece();
        }
        self.buffer.reserve(lacking.min(RESERVED));
        self.room.set(lacking);
        Ok(Piece::More)
    }

    /// The whole body, if all of it is there and its length was told.
    pub(super) fn whole(&mut self) -> Option<Bytes> {
        let Extent::Length(left) = &mut self.extent else { return None };
        if *left > self.buffer.len() as u64 {
            return None;
        }
        Some(take(&mut self.buffer, std::mem::take(left)))
    }

    /// Whether the request has been told to its end.
    pub fn is_at_end(&self) -> bool {
        self.extent.is_at_end()
    }

    /// How many bytes of the body are still to come, when the head says it.
    pub fn left(&self) -> Option<u64> {
        if let Extent::Length(left) = &self.extent { Some(*left) } else { None }
    }
}
