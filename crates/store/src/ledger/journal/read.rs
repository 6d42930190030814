//! Reading rows back from a segment.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::{Position, Span};
use crate::ledger::Row;

/// How much is read at once, about five hundred rows; more only for a longer line.
const READ_BYTES: u64 = 256 << 10;

/// A stretch of a segment in memory. Rows borrow from it.
#[derive(Debug)]
pub(crate) struct Stretch {
    bytes: Vec<u8>,
    start: Position,
    /// Whether nothing of the segment follows: a line without an end counts if it is a whole row.
    is_last: bool,
}

/// What stood in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) rows: u64,
    /// Lines that are no row: torn ones.
    pub(crate) torn: u64,
    /// Where the visited lines end.
    pub(crate) end: Position,
}

impl Stretch {
    /// Reads what comes next in the span: at least one line. Blocks.
    pub(crate) fn read(span: &Span) -> io::Result<Self> {
        let file = File::open(&span.file)?;
        let left = span.end.saturating_sub(span.start.offset);
        let mut size = left.min(READ_BYTES);
        loop {
            let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
            file.read_exact_at(&mut bytes, span.start.offset)?;
            let is_last = size == left;
            if is_last || memchr::memchr(b'\n', &bytes).is_some() {
                return Ok(Self { bytes, start: span.start, is_last });
            }
            size = left.min(size * 2);
        }
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Visits up to `most` rows with their lines, in the order in which they were written.
    pub(crate) fn rows<'t>(&'t self, most: usize, mut visit: impl FnMut(&'t str, &mut Row<'t>)) -> Found {
        let mut found = Found { end: self.start, ..Found::default() };
        let mut rest = self.bytes.as_slice();
        while !rest.is_empty() && found.rows < most as u64 {
            let end = memchr::memchr(b'\n', rest);
            if end.is_none() && !self.is_last {
                break;
            }
            let line;
            (line, rest) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            found.end.offset += line.len() as u64;
            let line = std::str::from_utf8(line).map(str::trim_ascii);
            let row = line.ok().and_then(|line| Some((line, Row::read(line).ok()?)));
            match row {
                Some((line, mut row)) => {
                    found.rows += 1;
                    visit(line, &mut row);
                }
                None => found.torn += u64::from(line != Ok("")),
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(bytes: &[u8], is_last: bool) -> Stretch {
        Stretch { bytes: bytes.to_vec(), start: Position::default(), is_last }
    }

    proptest::proptest! {
        #[test]
        fn whatever_stands_in_a_segment_is_passed_over_to_its_end(
            bytes: Vec<u8>,
            is_last: bool,
        ) {
            let found = stretch(&bytes, is_last).rows(usize::MAX, |_, _| {});
            proptest::prop_assert!(found.end.offset <= bytes.len() as u64);
            if is_last {
                proptest::prop_assert_eq!(found.end.offset, bytes.len() as u64);
            }
        }
    }

    #[test]
    fn a_torn_line_is_counted_and_the_next_is_read() {
        let text = b"{\"request_id\":\"a\"}\n{\"request_i\n{\"request_id\":\"b\"}\n\n{\"request_id\":\"c\"}";
        let ids = |is_last| {
            let mut ids = String::new();
            let found = stretch(text, is_last).rows(usize::MAX, |_, row| ids.push_str(&row.request_id));
            (ids, found.rows, found.torn)
        };
        assert_eq!(ids(true), ("abc".to_owned(), 3, 1));
        assert_eq!(ids(false), ("ab".to_owned(), 2, 1));
    }
}
