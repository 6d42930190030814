//! Compresses an answer's body as it goes.

use std::fmt;
use std::io::Write;

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, StatusCode};
use tidegate_policy::edge::compression::CompressionRules;
use tidegate_policy::edge::negotiate::Coding;

/// nginx's level is 1; 4 costs a little more and is noticeably smaller.
const GZIP_LEVEL: u32 = 4;
/// Brotli's quality for answers that are made on the way; 11 is for files that are compressed once.
const BROTLI_QUALITY: u32 = 4;
/// Brotli's window, as an exponent of 2.
const BROTLI_WINDOW: u32 = 19;
/// Brotli's own buffer.
const BROTLI_BUFFER: usize = 8 * 1024;

/// A compressor.
pub struct Packer {
    kind: Kind,
    /// Whether something is in it that has not come out.
    is_dirty: bool,
}

enum Kind {
    Gzip(GzEncoder<Vec<u8>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Ended,
}

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Packer")
    }
}

/// Decides whether an answer is compressed on the way, and says so in its headers.
pub fn packer(
    rules: &CompressionRules,
    asked: &HeaderMap,
    status: StatusCode,
    map: &mut HeaderMap,
    length: Option<u64>,
) -> Option<Packer> {
    rules.compress(asked, status, map, length).and_then(Packer::new)
}

impl Packer {
    /// A compressor for that coding; none for one that is not made on the way.
    pub fn new(coding: Coding) -> Option<Self> {
        let kind = match coding {
            Coding::Gzip => Kind::Gzip(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL))),
            Coding::Brotli => Kind::Brotli(Box::new(CompressorWriter::new(
                Vec::new(),
                BROTLI_BUFFER,
                BROTLI_QUALITY,
                BROTLI_WINDOW,
            ))),
            Coding::Zstd | Coding::Identity => return None,
        };
        Some(Self { kind, is_dirty: false })
    }

    /// Takes a piece; gives what has come out, if any.
    pub fn push(&mut self, piece: &[u8]) -> Option<Bytes> {
        self.is_dirty = true;
        // Into a Vec nothing fails.
        match &mut self.kind {
            Kind::Gzip(encoder) => drop(encoder.write_all(piece)),
            Kind::Brotli(encoder) => drop(encoder.write_all(piece)),
            Kind::Ended => {}
        }
        self.take()
    }

    /// Gives all that was taken so far, if any of it has not come out.
    pub fn flush(&mut self) -> Option<Bytes> {
        if !std::mem::take(&mut self.is_dirty) {
            return None;
        }
        match &mut self.kind {
            Kind::Gzip(encoder) => drop(encoder.flush()),
            Kind::Brotli(encoder) => drop(encoder.flush()),
            Kind::Ended => {}
        }
        self.take()
    }

    /// Gives the rest.
    pub fn finish(&mut self) -> Option<Bytes> {
        let rest = match std::mem::replace(&mut self.kind, Kind::Ended) {
            Kind::Gzip(encoder) => encoder.finish().unwrap_or_default(),
            Kind::Brotli(encoder) => encoder.into_inner(),
            Kind::Ended => return None,
        };
        (!rest.is_empty()).then(|| rest.into())
    }

    /// Whether the rest has been given.
    pub fn has_ended(&self) -> bool {
        matches!(self.kind, Kind::Ended)
    }

    fn take(&mut self) -> Option<Bytes> {
        let out = match &mut self.kind {
            Kind::Gzip(encoder) => std::mem::take(encoder.get_mut()),
            Kind::Brotli(encoder) => std::mem::take(encoder.get_mut()),
            Kind::Ended => return None,
        };
        (!out.is_empty()).then(|| out.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn unpacked(coding: Coding, packed: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        match coding {
            Coding::Gzip => drop(flate2::read::GzDecoder::new(packed).read_to_end(&mut plain).unwrap()),
            _ => drop(brotli::Decompressor::new(packed, 4096).read_to_end(&mut plain).unwrap()),
        }
        plain
    }

    #[test]
    fn what_was_flushed_can_be_read_before_the_end_and_the_whole_is_what_was_pushed() {
        for coding in CompressionRules::default().codings {
            let mut packer = Packer::new(coding).unwrap();
            let mut all = Vec::new();
            for piece in ["hello ", "there, ", "world"] {
                all.extend(packer.push(piece.as_bytes()).unwrap_or_default());
                let flushed = packer.flush().expect("nothing came out");
                all.extend(flushed);
                assert_eq!(packer.flush(), None, "nothing new was there");
            }
            all.extend(packer.finish().unwrap_or_default());
            assert!(packer.has_ended());
            assert_eq!(unpacked(coding, &all), b"hello there, world", "{coding:?}");
        }
    }
}
