//! Upstreams' answers in HTTP/1.1: read in one piece and cut by the first byte, they must be the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_net::h1::{Asked, Error, Piece, Reader};

fuzz_target!(|bytes: &[u8]| {
    let Some((cut, bytes)) = bytes.split_first() else { return };
    for asked in [Asked::Plain, Asked::Head, Asked::Connect, Asked::Upgrade] {
        match (read(asked, bytes, bytes.len().max(1)), read(asked, bytes, usize::from(*cut).max(1))) {
            (Ok(once), Ok(cut)) => assert_eq!(once, cut),
            (Err(_), Err(_)) => {}
            (once, cut) => panic!("{once:?} in one piece, {cut:?} in many"),
        }
    }
});

/// The answer's head and body, and whether another could follow.
type Told = (u16, http::HeaderMap, Vec<u8>, bool);

fn read(asked: Asked, bytes: &[u8], size: usize) -> Result<Told, Error> {
    let mut reader = Reader::new(asked);
    let mut pieces = bytes.chunks(size);
    let head = loop {
        match reader.head()? {
            Some(head) => break head,
            None => feed(&mut reader, &mut pieces)?,
        }
    };
    let mut body = Vec::new();
    loop {
        match reader.piece()? {
            Piece::Data(data) => body.extend_from_slice(&data),
            Piece::More => feed(&mut reader, &mut pieces)?,
            Piece::End => break,
        }
    }
    pieces.for_each(|piece| reader.buffer().extend_from_slice(piece));
    Ok((head.status().as_u16(), head.headers().clone(), body, reader.can_go_on()))
}

fn feed<'a>(reader: &mut Reader, pieces: &mut impl Iterator<Item = &'a [u8]>) -> Result<(), Error> {
    match pieces.next() {
        Some(piece) => reader.buffer().extend_from_slice(piece),
        None => reader.close()?,
    }
    Ok(())
}
