//! How far an answer's body goes, and its pieces as slices of what was read (RFC 9112 section 6.3).

use bytes::{Bytes, BytesMut};

use super::chunked::Chunked;
use super::error::Error;

/// What the bytes read so far give of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Some of it, never empty.
    Data(Bytes),
    /// Nothing yet: more must be read.
    More,
    /// There is no more of it.
    End,
}

/// How far a body goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extent {
    /// That many bytes more.
    Length(u64),
    /// To the last chunk.
    Chunked(Chunked),
    /// To the end of the connection.
    UntilClose,
    /// There is no body: what follows is not HTTP any more.
    Tunnel,
}

impl Extent {
    /// The next piece, taken from the front of `buffer`.
    pub(crate) fn piece(&mut self, buffer: &mut BytesMut) -> Result<Piece, Error> {
        match self {
            Self::Length(0) | Self::Tunnel => Ok(Piece::End),
            Self::Chunked(chunked) => chunked.piece(buffer),
            _ if buffer.is_empty() => Ok(Piece::More),
            Self::Length(left) => {
                let piece = take(buffer, *left);
                *left -= piece.len() as u64;
                Ok(Piece::Data(piece))
            }
            Self::UntilClose => Ok(Piece::Data(buffer.split().freeze())),
        }
    }

    /// Whether there is no more of the body.
    pub(crate) fn is_at_end(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunked) => chunked.is_at_end(),
            Self::UntilClose => false,
            Self::Tunnel => true,
        }
    }
}

/// The front of `buffer`, at most `most` bytes of it, without copying.
pub(crate) fn take(buffer: &mut BytesMut, most: u64) -> Bytes {
    let count = usize::try_from(most).map_or(buffer.len(), |most| most.min(buffer.len()));
    buffer.split_to(count).freeze()
}
