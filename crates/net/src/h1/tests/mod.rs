//! The client against bytes that were written by hand.

mod answers;
mod exchanges;
mod malformed;
mod property;
mod requests;
pub(super) mod scripted;

use bytes::Bytes;
use http::Response;

use super::{Asked, Error, Piece, Reader};

/// Bodies in chunks (RFC 9112 section 7.1) that must be refused, in requests and answers.
pub(super) const MALFORMED_CHUNKS: [&str; 28] = [
    "\r\n",
    "g\r\n",
    "+5\r\nhello",
    "-5\r\nhello",
    " 5\r\nhello",
    "5 \r\nhello",
    "5\nhello",
    "0x5\r\nhello",
    "1_0\r\nhello",
    "5\r\r\nhello",
    "00000000000000005\r\nhello",
    "10000000000000000\r\n",
    "fffffffffffffffff\r\n",
    ";x\r\n",
    "5;x\nhello",
    "5;\0\r\nhello",
    "5 x\r\nhello",
    "5;x\rhello",
    "5\r\nhello0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "5\r\nhello\rx",
    "5\r\nhelloo\r\n0\r\n\r\n",
    "0\n\n",
    "0\r\n\n",
    "0\r\nx: y\n\r\n",
    "0\r\nx: \0\r\n\r\n",
    "0\r\nx: y\rz\r\n\r\n",
    "0\r\n\rx",
];

/// An answer as it was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) head: Response<()>,
    pub(super) body: Vec<u8>,
    pub(super) can_go_on: bool,
}

/// Reads an answer that comes in those pieces, after which the connection ends.
pub(super) fn read<'a>(asked: Asked, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Read, Error> {
    let mut reader = Reader::new(asked);
    let mut pieces = pieces.into_iter();
    let mut feed = |reader: &mut Reader| match pieces.next() {
        Some(piece) => {
            reader.buffer().extend_from_slice(piece);
            Ok(())
        }
        None => reader.close(),
    };
    let head = loop {
        match reader.head()? {
            Some(head) => break head,
            None => feed(&mut reader)?,
        }
    };
    let mut body = Vec::new();
    loop {
        match reader.piece()? {
            Piece::Data(bytes) => body.extend_from_slice(&bytes),
            Piece::More => feed(&mut reader)?,
            Piece::End => break,
        }
    }
    // What else there is came behind the answer.
    pieces.for_each(|piece| reader.buffer().extend_from_slice(piece));
    Ok(Read { head, body, can_go_on: reader.can_go_on() })
}

/// Reads an answer that comes at once.
pub(super) fn whole(answer: &[u8]) -> Result<Read, Error> {
    read(Asked::Plain, [answer])
}

/// A whole answer with that body.
pub(super) fn counted(body: &str) -> Bytes {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into()
}
