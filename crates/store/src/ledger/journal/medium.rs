//! The segment that is written to: whole lines or none, also on a disk that is full in the middle of one.

use std::fs::File;
use std::io::{self, Write};

/// Lines that the disk refused are held in memory up to so many bytes.
const HELD_BYTES: usize = 4 << 20;

/// What a segment is written to. A file, opened to append; a test's failing disk.
pub(super) trait Medium {
    /// Appends some of the bytes.
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Cuts it back to a length.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Medium for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write(bytes)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// One file of lines.
#[derive(Debug)]
pub(super) struct Segment<M> {
    medium: M,
    /// Bytes in the file.
    length: u64,
    /// Bytes up to the end of the last whole line: what a reader may read.
    whole: u64,
    /// Lines that the disk refused, and how many.
    held: Vec<u8>,
    held_lines: u64,
}

impl<M: Medium> Segment<M> {
    pub(super) fn new(medium: M) -> Self {
        Self { medium, length: 0, whole: 0, held: Vec::new(), held_lines: 0 }
    }

    pub(super) fn medium(&self) -> &M {
        &self.medium
    }

    pub(super) fn whole(&self) -> u64 {
        self.whole
    }

    /// Whether it holds lines back, or a part of one stands at its end.
    pub(super) fn is_behind(&self) -> bool {
        self.length > self.whole || !self.held.is_empty()
    }

    /// Writes what was held back, then so many lines (each ends in LF; none: only what was held back). Tells by how many bytes
    /// and lines the segment grew. When the disk refuses, the lines are held back, and nothing of them can be read.
    pub(super) fn write(&mut self, lines: &[u8], count: u64) -> io::Result<(u64, u64)> {
        let before = self.whole;
        let result = if self.is_behind() { self.write_behind(lines) } else { self.write_all(lines) };
        match result {
            Ok(()) => {
                let count = std::mem::take(&mut self.held_lines) + count;
                self.held = Vec::new();
                self.whole = self.length;
                Ok((self.whole - before, count))
            }
            Err(error) => {
                if self.held.len() + lines.len() <= HELD_BYTES {
                    self.held.extend_from_slice(lines);
                    self.held_lines += count;
                }
                Err(error)
            }
        }
    }

    /// A part of a line that could not be cut off is made a line of its own, so that it does not swallow the next.
    fn write_behind(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(self.held.len() + lines.len() + 1);
        if self.length > self.whole {
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(&self.held);
        bytes.extend_from_slice(lines);
        self.write_all(&bytes)
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let before = self.length;
        while !bytes.is_empty() {
            match self.medium.append(bytes) {
                Ok(0) => return Err(self.cut_back(before, io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    self.length += written as u64;
                    bytes = &bytes[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.cut_back(before, error)),
            }
        }
        Ok(())
    }

    fn cut_back(&mut self, length: u64, error: io::Error) -> io::Error {
        if self.length > length && self.medium.cut(length).is_ok() {
            self.length = length;
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk of so many bytes, which may refuse to be cut.
    #[derive(Default)]
    struct SmallDisk {
        bytes: Vec<u8>,
        room: usize,
        cuts: bool,
    }

    impl Medium for SmallDisk {
        fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room - self.bytes.len());
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.bytes.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn cut(&mut self, length: u64) -> io::Result<()> {
            if !self.cuts {
                return Err(io::ErrorKind::Other.into());
            }
            self.bytes.truncate(usize::try_from(length).unwrap());
            Ok(())
        }
    }

    fn after_a_full_disk(cuts: bool) -> (Segment<SmallDisk>, (u64, u64)) {
        let mut segment = Segment::new(SmallDisk { room: 8, cuts, ..SmallDisk::default() });
        assert_eq!(segment.write(b"one\n", 1).unwrap(), (4, 1));
        segment.write(b"second\n", 1).unwrap_err();
        assert_eq!(segment.whole(), 4);
        assert!(segment.is_behind());
        segment.write(b"third\n", 1).unwrap_err();
        segment.medium.room = 100;
        let grown = segment.write(b"four\n", 1).unwrap();
        assert!(!segment.is_behind());
        (segment, grown)
    }

    #[test]
    fn fault_91_a_line_that_a_full_disk_tore_is_cut_off_and_written_later() {
        let (segment, grown) = after_a_full_disk(true);
        assert_eq!(segment.medium.bytes, b"one\nsecond\nthird\nfour\n");
        assert_eq!(grown, (18, 3));
    }

    #[test]
    fn fault_91_a_torn_line_that_cannot_be_cut_off_does_not_swallow_the_next() {
        let (segment, _) = after_a_full_disk(false);
        assert_eq!(segment.medium.bytes, b"one\nseco\nsecond\nthird\nfour\n");
        assert_eq!(segment.whole(), segment.medium.bytes.len() as u64);
    }

    #[test]
    fn what_is_held_back_is_written_without_a_new_line() {
        let mut segment = Segment::new(SmallDisk { room: 2, cuts: true, ..SmallDisk::default() });
        segment.write(b"one\n", 1).unwrap_err();
        segment.medium.room = 100;
        assert_eq!(segment.write(b"", 0).unwrap(), (4, 1));
        assert_eq!(segment.medium.bytes, b"one\n");
    }
}
