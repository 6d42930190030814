//! Answers out of bytes, in whatever pieces these come. No I/O.

use bytes::{Bytes, BytesMut};
use http::Response;

use super::body::{Extent, Piece};
use super::error::Error;
use super::head::{Asked, Head};
use super::room::Room;

/// Most bytes of an answer's head.
const HEAD_BYTES: usize = 256 * 1024;
/// Most answers before the one that counts (RFC 9110 section 15.2).
const HINTS: u16 = 1000;
/// What every answer begins with.
const BEGIN: &[u8; 7] = b"HTTP/1.";

/// Reads answers, one after the other. Put bytes into [`Reader::buffer`] while [`Reader::head`] gives none or
/// [`Reader::piece`] asks for more. After an error there is no sense in going on.
#[derive(Debug)]
pub struct Reader {
    buffer: BytesMut,
    asked: Asked,
    /// That much of the buffer was looked through for the end of the head.
    searched: usize,
    hints: u16,
    /// `None` until the head was read.
    extent: Option<Extent>,
    persists: bool,
    room: Room,
}

impl Reader {
    /// Reads the answer to that.
    pub fn new(asked: Asked) -> Self {
        Self {
            buffer: BytesMut::new(),
            asked,
            searched: 0,
            hints: 0,
            extent: None,
            persists: true,
            room: Room::new(),
        }
    }

    /// Reads the next answer.
    pub(crate) fn begin(&mut self, asked: Asked) {
        let buffer = std::mem::take(&mut self.buffer);
        *self = Self { buffer, ..Self::new(asked) };
    }

    /// What was read and is not told yet. New bytes go behind it.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// How much to read at once.
    pub(crate) fn room(&self) -> usize {
        self.lacking().map_or(self.room.bytes(), |lacking| self.room.up_to(lacking))
    }

    /// So much was read.
    pub(crate) fn filled(&mut self, count: usize) {
        self.room.filled(count, self.buffer.len() == self.buffer.capacity());
    }

    /// Lets an empty buffer go.
    pub(crate) fn release(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// The head of the answer once it is whole; those of interim answers are skipped.
    pub fn head(&mut self) -> Result<Option<Response<()>>, Error> {
        loop {
            let Some(bytes) = self.take_head()? else { return Ok(None) };
            let head = Head::parse(&bytes, self.asked)?;
            if head.told.status().is_informational() && !matches!(head.extent, Extent::Tunnel) {
                self.hints += 1;
                if self.hints > HINTS {
                    return Err(Error::TooLarge("more than 1000 interim answers"));
                }
                continue;
            }
            self.extent = Some(head.extent);
            if let Some(lacking) = self.lacking() {
                self.room.set(lacking);
            }
            self.persists = head.persists;
            return Ok(Some(head.told));
        }
    }

    /// How much of the body is not here yet, when the head says it.
    fn lacking(&self) -> Option<usize> {
        let Some(Extent::Length(left)) = &self.extent else { return None };
        Some(usize::try_from(*left).unwrap_or(usize::MAX).saturating_sub(self.buffer.len()))
    }

    /// Cuts a whole head off the buffer.
    fn take_head(&mut self) -> Result<Option<Bytes>, Error> {
        let begins = self.buffer.len().min(BEGIN.len());
        if self.buffer[..begins] != BEGIN[..begins] {
            return Err(Error::Malformed("it is not HTTP/1"));
        }
        match end_of_head(&self.buffer, self.searched) {
            Some(end) if end <= HEAD_BYTES => {
                self.searched = 0;
                Ok(Some(self.buffer.split_to(end).freeze()))
            }
            None if self.buffer.len() < HEAD_BYTES => {
                self.searched = self.buffer.len().saturating_sub(2);
                Ok(None)
            }
            _ => Err(Error::TooLarge("a head of more than 256 KiB")),
        }
    }

    /// The next piece of the body. Before the head was told there is none.
    pub fn piece(&mut self) -> Result<Piece, Error> {
        match &mut self.extent {
            Some(extent) => extent.piece(&mut self.buffer),
            None => Ok(Piece::More),
        }
    }

    /// The connection has ended.
    pub fn close(&mut self) -> Result<(), Error> {
        let has_heard = self.has_heard();
        match &mut self.extent {
            Some(extent @ Extent::UntilClose) => *extent = Extent::Length(self.buffer.len() as u64),
            Some(extent) if extent.is_at_end() => {}
            None if !has_heard => return Err(Error::Closed),
            _ => return Err(Error::Cut),
        }
        Ok(())
    }

    /// Whether a byte of the answer has come.
    pub(crate) fn has_heard(&self) -> bool {
        self.extent.is_some() || self.hints > 0 || !self.buffer.is_empty()
    }

    /// Whether the answer has been told to its end.
    pub fn is_at_end(&self) -> bool {
        self.extent.as_ref().is_some_and(Extent::is_at_end)
    }

    /// How many bytes of the body are still to come, when the head says it.
    pub fn left(&self) -> Option<u64> {
        match &self.extent {
            Some(Extent::Length(left)) => Some(*left),
            Some(Extent::Tunnel) => Some(0),
            _ => None,
        }
    }

    /// Whether what follows the head is not HTTP.
    pub(crate) fn is_tunnel(&self) -> bool {
        matches!(self.extent, Some(Extent::Tunnel))
    }

    /// Whether another answer can come on the connection: this one was told to its end and nothing came behind it.
    pub fn can_go_on(&self) -> bool {
        self.persists && self.is_at_end() && !self.is_tunnel() && self.buffer.is_empty()
    }
}

/// Where the empty line behind a head ends. A line may end with a lone line feed (RFC 9112 section 2.2).
fn end_of_head(bytes: &[u8], searched: usize) -> Option<usize> {
    for at in memchr::memchr_iter(b'\n', &bytes[searched..]) {
        match &bytes[searched + at + 1..] {
            [b'\n', ..] => return Some(searched + at + 2),
            [b'\r', b'\n', ..] => return Some(searched + at + 3),
            _ => {}
        }
    }
    None
}
