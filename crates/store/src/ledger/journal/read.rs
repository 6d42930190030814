//! Reading rows back from a segment.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::{Position, Span};
use crate::ledger::Row;

/// How much is read at once; more only for a longer line.
const READ_BYTES: u64 = 2 << 20;

/// Rows that were read together.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// The rows, in the order in which they were written.
    pub(crate) rows: Vec<Row>,
    /// Where they begin.
    pub(crate) start: Position,
    /// Where they end.
    pub(crate) end: Position,
    /// Lines that are no row: torn ones.
    pub(crate) torn: u64,
}

/// Reads up to `most` rows from the beginning of the span. A line without an end, at the end of what a process left, counts
/// if it is a whole row. Blocks.
pub(crate) fn read_chunk(span: &Span, most: usize) -> io::Result<Chunk> {
    let file = File::open(&span.file)?;
    let left = span.end.saturating_sub(span.start.offset);
    let mut size = left.min(READ_BYTES);
    loop {
        let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, span.start.offset)?;
        let is_last = size == left;
        let chunk = parse(&bytes, is_last, span.start, most);
        if chunk.end != chunk.start || is_last {
            return Ok(chunk);
        }
        size = left.min(size * 2);
    }
}

fn parse(bytes: &[u8], is_last: bool, start: Position, most: usize) -> Chunk {
    let mut chunk = Chunk { start, end: start, ..Chunk::default() };
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if (!is_last && !line.ends_with(b"\n")) || chunk.rows.len() >= most {
            break;
        }
        chunk.end.offset += line.len() as u64;
        match serde_json::from_slice(line) {
            Ok(row) => chunk.rows.push(row),
            Err(_) if line.trim_ascii().is_empty() => {}
            Err(_) => chunk.torn += 1,
        }
    }
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn whatever_stands_in_a_segment_is_passed_over_to_its_end(
            bytes: Vec<u8>,
            is_last: bool,
        ) {
            let chunk = parse(&bytes, is_last, Position::default(), usize::MAX);
            proptest::prop_assert!(chunk.end.offset <= bytes.len() as u64);
            if is_last {
                proptest::prop_assert_eq!(chunk.end.offset, bytes.len() as u64);
            }
        }
    }

    #[test]
    fn a_torn_line_is_counted_and_the_next_is_read() {
        let text = b"{\"request_id\":\"a\"}\n{\"request_i\n{\"request_id\":\"b\"}\n{\"request_id\":\"c\"}";
        let ids = |is_last| {
            let chunk = parse(text, is_last, Position::default(), usize::MAX);
            (chunk.rows.iter().map(|row| row.request_id.clone()).collect::<String>(), chunk.torn)
        };
        assert_eq!(ids(true), ("abc".to_owned(), 1));
        assert_eq!(ids(false), ("ab".to_owned(), 1));
    }
}
