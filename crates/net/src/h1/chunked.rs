//! Chunks (RFC 9112 section 7.1): sizes strictly as the grammar has them; extensions and trailers are bounded and dropped.

use bytes::{Buf, BytesMut};

use super::body::{Piece, take};
use super::error::Error;

/// Most digits of a chunk's size: as many as fit 64 bits.
const DIGITS: u8 = 16;
/// Most bytes of one chunk's extensions.
const EXTENSION: u16 = 4 * 1024;
/// Most bytes of all trailers.
const TRAILERS: u16 = 16 * 1024;

/// Where in a chunked body the reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunked {
    /// In a chunk's size; so many digits of it were read.
    Size { digits: u8, size: u64 },
    /// Between the size and the extensions, where white space may stand (RFC 9112 section 7.1.1).
    Space { size: u64, seen: u16 },
    /// In the extensions.
    Extension { size: u64, seen: u16 },
    /// Before the line feed that ends the line of the size.
    SizeEnd { size: u64 },
    /// In the chunk; so many bytes of it are left.
    Data { left: u64 },
    /// Before the carriage return behind the chunk.
    DataEnd,
    /// Before the line feed behind the chunk.
    DataEndLine,
    /// At the start of a line of trailers.
    Trailers { seen: u16 },
    /// In a line of trailers.
    Trailer { seen: u16 },
    /// Before the line feed that ends a line of trailers.
    TrailerEnd { seen: u16 },
    /// Before the last line feed.
    LastLine,
    /// Behind it.
    End,
}

impl Chunked {
    /// Before the first chunk.
    pub(crate) const fn start() -> Self {
        Self::Size { digits: 0, size: 0 }
    }

    /// Whether the last chunk was read, trailers included.
    pub(crate) fn is_at_end(self) -> bool {
        self == Self::End
    }

    /// The next piece, taken from the front of `buffer`.
    pub(crate) fn piece(&mut self, buffer: &mut BytesMut) -> Result<Piece, Error> {
        let mut read = 0;
        for &byte in buffer.iter() {
            if matches!(self, Self::Data { .. } | Self::End) {
                break;
            }
            *self = self.step(byte)?;
            read += 1;
        }
        buffer.advance(read);
        match self {
            Self::End => Ok(Piece::End),
            Self::Data { left } if !buffer.is_empty() => {
                let piece = take(buffer, *left);
                *left -= piece.len() as u64;
                if *left == 0 {
                    *self = Self::DataEnd;
                }
                Ok(Piece::Data(piece))
            }
            _ => Ok(Piece::More),
        }
    }

    /// Where the reader stands behind one more byte that is not data.
    fn step(self, byte: u8) -> Result<Self, Error> {
        match self {
            Self::Size { digits, size } => after_size(digits, size, byte),
            Self::Space { size, seen } | Self::Extension { size, seen } => {
                self.after_extension(size, seen, byte)
            }
            Self::SizeEnd { size: 0 } => expect(byte, b'\n', Self::Trailers { seen: 0 }),
            Self::SizeEnd { size } => expect(byte, b'\n', Self::Data { left: size }),
            Self::DataEnd => expect(byte, b'\r', Self::DataEndLine),
            Self::DataEndLine => expect(byte, b'\n', Self::start()),
            Self::Trailers { seen } | Self::Trailer { seen } => self.after_trailer(seen, byte),
            Self::TrailerEnd { seen } => expect(byte, b'\n', Self::Trailers { seen }),
            Self::LastLine => expect(byte, b'\n', Self::End),
            Self::Data { .. } | Self::End => Ok(self),
        }
    }

    fn after_extension(self, size: u64, seen: u16, byte: u8) -> Result<Self, Error> {
        if seen >= EXTENSION {
            return Err(Error::TooLarge("a chunk's extensions"));
        }
        let seen = seen + 1;
        match (byte, self) {
            (b' ' | b'\t', Self::Space { .. }) => Ok(Self::Space { size, seen }),
            (b';', Self::Space { .. }) => Ok(Self::Extension { size, seen }),
            (_, Self::Space { .. }) => Err(Error::Malformed("a chunk's size")),
            (b'\r', _) => Ok(Self::SizeEnd { size }),
            (b'\n' | 0, _) => Err(Error::Malformed("a chunk's extensions")),
            _ => Ok(Self::Extension { size, seen }),
        }
    }

    fn after_trailer(self, seen: u16, byte: u8) -> Result<Self, Error> {
        if seen >= TRAILERS {
            return Err(Error::TooLarge("trailers"));
        }
        match (byte, self) {
            (b'\r', Self::Trailers { .. }) => Ok(Self::LastLine),
            (b'\r', _) => Ok(Self::TrailerEnd { seen }),
            (b'\n' | 0, _) => Err(Error::Malformed("a trailer")),
            _ => Ok(Self::Trailer { seen: seen + 1 }),
        }
    }
}

fn after_size(digits: u8, size: u64, byte: u8) -> Result<Chunked, Error> {
    let value = match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        b'\r' if digits > 0 => return Ok(Chunked::SizeEnd { size }),
        b';' if digits > 0 => return Ok(Chunked::Extension { size, seen: 0 }),
        b' ' | b'\t' if digits > 0 => return Ok(Chunked::Space { size, seen: 0 }),
        _ => return Err(Error::Malformed("a chunk's size")),
    };
    if digits == DIGITS {
        return Err(Error::Malformed("a chunk's size has more than 16 digits"));
    }
    Ok(Chunked::Size { digits: digits + 1, size: size << 4 | u64::from(value) })
}

fn expect(byte: u8, expected: u8, then: Chunked) -> Result<Chunked, Error> {
    if byte == expected {
        Ok(then)
    } else {
        Err(Error::Malformed("a line of a chunk does not end as it must"))
    }
}
