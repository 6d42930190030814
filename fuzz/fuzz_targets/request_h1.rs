//! Callers' requests in HTTP/1.1: read in one piece and cut by the first byte, they must be the same, and none that is handed on
//! may have a body that could end in two places.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate_net::h1::Piece;
use tidegate_net::h1::server::{Reader, Refusal};

fuzz_target!(|bytes: &[u8]| {
    let Some((cut, bytes)) = bytes.split_first() else { return };
    let once = read(bytes, bytes.len().max(1));
    assert_eq!(once, read(bytes, usize::from(*cut).max(1)));
    for (head, _) in &once.0 {
        let count = |name| head.headers().get_all(name).iter().count();
        assert!(count("content-length") + count("transfer-encoding") <= 1, "{head:?}");
        assert!(count("host") <= 1, "{head:?}");
    }
});

/// A request's head, and its body as far as it came.
#[derive(Debug)]
struct Asked(http::Request<()>);

type Told = (Asked, Vec<u8>);

impl Asked {
    fn headers(&self) -> &http::HeaderMap {
        self.0.headers()
    }
}

impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (&self.0, &other.0);
        (one.method(), one.uri(), one.version(), one.headers())
            == (other.method(), other.uri(), other.version(), other.headers())
    }
}

/// All requests up to the first that is refused.
fn read(bytes: &[u8], size: usize) -> (Vec<Told>, Option<Refusal>) {
    let mut requests = Vec::new();
    let refusal = read_into(&mut requests, &mut bytes.chunks(size)).err();
    (requests, refusal)
}

fn read_into<'a>(
    requests: &mut Vec<Told>,
    pieces: &mut impl Iterator<Item = &'a [u8]>,
) -> Result<(), Refusal> {
    let mut reader = Reader::new(64 * 1024);
    loop {
        while let Some(head) = reader.head()? {
            requests.push((Asked(head.request), Vec::new()));
            loop {
                match reader.piece()? {
                    Piece::End => break,
                    Piece::Data(data) => {
                        requests.last_mut().into_iter().for_each(|told| told.1.extend(&data))
                    }
                    Piece::More => match pieces.next() {
                        Some(piece) => reader.buffer().extend_from_slice(piece),
                        None => return Ok(()),
                    },
                }
            }
        }
        match pieces.next() {
            Some(piece) => reader.buffer().extend_from_slice(piece),
            None => return Ok(()),
        }
    }
}
