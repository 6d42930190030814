//! The reader of requests against bytes that were written by hand.

mod accepted;
mod answers;
mod property;
mod refused;

use http::{HeaderMap, Method, Version};

use super::{Reader, Refusal};
use crate::h1::Piece;

/// A request as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) persists: bool,
}

/// Most bytes of a head.
pub(super) const MOST: usize = 64 * 1024;

/// Reads all requests that come in those pieces, up to the first that is refused. One that does not end is not told.
pub(super) fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Read>, Option<Refusal>) {
    let mut requests = Vec::new();
    let refusal = read_into(&mut requests, &mut pieces.into_iter()).err();
    (requests, refusal)
}

fn read_into<'a>(
    requests: &mut Vec<Read>,
    pieces: &mut impl Iterator<Item = &'a [u8]>,
) -> Result<(), Refusal> {
    let mut reader = Reader::new(MOST);
    let mut under_way: Option<Read> = None;
    loop {
        let needs_more = match &mut under_way {
            None => match reader.head()? {
                Some(head) => {
                    let request = head.request;
                    under_way = Some(Read {
                        method: request.method().clone(),
                        target: request.uri().to_string(),
                        version: request.version(),
                        headers: request.headers().clone(),
                        body: Vec::new(),
                        persists: head.persists,
                    });
                    false
                }
                None => true,
            },
            Some(request) => match reader.piece()? {
                Piece::Data(bytes) => {
                    request.body.extend_from_slice(&bytes);
                    false
                }
                Piece::More => true,
                Piece::End => {
                    requests.extend(under_way.take());
                    false
                }
            },
        };
        if needs_more {
            match pieces.next() {
                Some(piece) => reader.buffer().extend_from_slice(piece),
                None => return Ok(()),
            }
        }
    }
}

/// Reads what comes at once.
pub(super) fn whole(bytes: &[u8]) -> (Vec<Read>, Option<Refusal>) {
    read([bytes])
}
