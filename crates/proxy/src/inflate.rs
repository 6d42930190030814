//! Decompression of requests and of providers' answers, always within a bound.

use std::io::Write;

use bytes::Bytes;

use crate::body::ReadFailure;

/// A `Content-Encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// None.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950.
    Deflate,
    /// RFC 7932.
    Brotli,
}

impl Encoding {
    /// The encoding of that name; `None` when it is not understood.
    pub fn named(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Brotli),
            _ => None,
        }
    }
}

/// Decompresses piece by piece: what goes in comes out as far as it can be known, so that a compressed stream is not
/// held up (cases 24, fault 46).
pub struct Inflater {
    state: State,
}

enum State {
    Gzip(Box<flate2::write::MultiGzDecoder<Sink>>),
    Deflate(Box<flate2::write::ZlibDecoder<Sink>>),
    Brotli(Box<brotli::DecompressorWriter<Sink>>),
}

/// Takes plain bytes up to a bound, so that not even one compressed piece can unfold beyond it.
struct Sink {
    plain: Vec<u8>,
    left: usize,
}

/// What a full [`Sink`] says; told apart from broken input by it.
const FULL: &str = "over the bound";

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if bytes.len() > self.left {
            return Err(std::io::Error::other(FULL));
        }
        self.left -= bytes.len();
        self.plain.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inflater")
    }
}

impl Inflater {
    /// For that encoding, giving at most `limit` plain bytes; `None` for identity.
    pub fn new(encoding: Encoding, limit: usize) -> Option<Self> {
        let sink = Sink { plain: Vec::new(), left: limit };
        let state = match encoding {
            Encoding::Identity => return None,
            Encoding::Gzip => State::Gzip(Box::new(flate2::write::MultiGzDecoder::new(sink))),
            Encoding::Deflate => State::Deflate(Box::new(flate2::write::ZlibDecoder::new(sink))),
            Encoding::Brotli => State::Brotli(Box::new(brotli::DecompressorWriter::new(sink, 4096))),
        };
        Some(Self { state })
    }

    /// Takes a piece and gives what it unfolds to.
    pub fn push(&mut self, piece: &[u8]) -> Result<Bytes, ReadFailure> {
        let written = match &mut self.state {
            State::Gzip(inflater) => inflater.write_all(piece).and_then(|()| inflater.flush()),
            State::Deflate(inflater) => inflater.write_all(piece).and_then(|()| inflater.flush()),
            State::Brotli(inflater) => inflater.write_all(piece).and_then(|()| inflater.flush()),
        };
        written.map_err(|error| match error.to_string() {
            cause if cause.contains(FULL) => ReadFailure::TooLarge,
            cause => ReadFailure::Broken(cause),
        })?;
        let sink = match &mut self.state {
            State::Gzip(inflater) => inflater.get_mut(),
            State::Deflate(inflater) => inflater.get_mut(),
            State::Brotli(inflater) => inflater.get_mut(),
        };
        Ok(Bytes::from(std::mem::take(&mut sink.plain)))
    }
}

/// Decompresses a whole body within `limit` bytes.
pub fn inflate_whole(encoding: Encoding, compressed: &[u8], limit: usize) -> Result<Bytes, ReadFailure> {
    match Inflater::new(encoding, limit) {
        None => Ok(Bytes::copy_from_slice(compressed)),
        Some(mut inflater) => inflater.push(compressed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(plain).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn fault_28_a_bomb_is_refused_at_the_bound() {
        let bomb = gzip(&vec![0; 50 << 20]);
        assert!(bomb.len() < 100_000);
        assert_eq!(inflate_whole(Encoding::Gzip, &bomb, 1 << 20), Err(ReadFailure::TooLarge));
        let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
        writer.write_all(&vec![0; 50 << 20]).unwrap();
        let bomb = writer.into_inner();
        assert_eq!(inflate_whole(Encoding::Brotli, &bomb, 1 << 20), Err(ReadFailure::TooLarge));
    }

    #[test]
    fn case_24_a_compressed_stream_comes_out_piece_by_piece() {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(b"data: 1\n\n").unwrap();
        writer.flush().unwrap();
        let first = std::mem::take(writer.get_mut());
        let mut inflater = Inflater::new(Encoding::Gzip, 1000).unwrap();
        assert_eq!(inflater.push(&first).unwrap(), "data: 1\n\n");
    }
}
