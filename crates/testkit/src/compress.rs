//! Compressed answers, flushed after every event so that each can be read as it comes.

use std::io::{self, Write};

use flate2::write::GzEncoder;

use crate::script::Compression;

/// A compressor, or nothing where the answer goes out as it is.
pub(crate) enum Encoder {
    Identity,
    Gzip(GzEncoder<Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
}

impl Encoder {
    pub(crate) fn new(kind: Option<Compression>) -> Self {
        match kind {
            None => Self::Identity,
            Some(Compression::Gzip) => Self::Gzip(GzEncoder::new(Vec::new(), flate2::Compression::fast())),
            Some(Compression::Brotli) => {
                Self::Brotli(Box::new(brotli::CompressorWriter::new(Vec::new(), 4096, 3, 18)))
            }
        }
    }

    /// A whole body at once; `None` without compression.
    pub(crate) fn whole(kind: Option<Compression>, body: &[u8]) -> Option<Vec<u8>> {
        let mut encoder = Self::new(kind);
        let mut packed = encoder.piece(body)?;
        packed.extend(encoder.finish()?);
        Some(packed)
    }

    /// The bytes that carry one more piece, flushed; `None` without compression.
    pub(crate) fn piece(&mut self, piece: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Identity => None,
            Self::Gzip(encoder) => {
                write(encoder, piece).ok()?;
                Some(std::mem::take(encoder.get_mut()))
            }
            Self::Brotli(encoder) => {
                write(encoder, piece).ok()?;
                Some(std::mem::take(encoder.get_mut()))
            }
        }
    }

    /// The trailer; `None` without compression.
    pub(crate) fn finish(self) -> Option<Vec<u8>> {
        match self {
            Self::Identity => None,
            Self::Gzip(encoder) => encoder.finish().ok(),
            Self::Brotli(encoder) => Some(encoder.into_inner()),
        }
    }
}

fn write(encoder: &mut impl Write, piece: &[u8]) -> io::Result<()> {
    encoder.write_all(piece)?;
    encoder.flush()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn each_piece_can_be_read_when_it_comes() {
        let mut encoder = Encoder::new(Some(Compression::Gzip));
        let mut packed = encoder.piece(b"one ").unwrap();
        let mut text = [0; 4];
        flate2::read::GzDecoder::new(&packed[..]).read_exact(&mut text).unwrap();
        assert_eq!(&text, b"one ");
        packed.extend(encoder.piece(b"two").unwrap());
        packed.extend(encoder.finish().unwrap());
        let mut all = String::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut all).unwrap();
        assert_eq!(all, "one two");
    }

    #[test]
    fn brotli_too() {
        let packed = Encoder::whole(Some(Compression::Brotli), b"hello").unwrap();
        let mut all = String::new();
        brotli::Decompressor::new(&packed[..], 4096).read_to_string(&mut all).unwrap();
        assert_eq!(all, "hello");
    }
}
