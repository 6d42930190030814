//! Cuts a stream into its events without changing a byte, for streams that pass through.

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

use crate::sse::SseTooLong;

/// Cuts pieces as they come into whole events ("frames"), each with its blank line. A frame that lies within one piece is
/// a slice of it, not a copy.
#[derive(Debug)]
pub struct Frames {
    partial: BytesMut,
    /// How much of `partial` has been searched.
    searched: usize,
    limit: usize,
}

impl Default for Frames {
    fn default() -> Self {
        Self { partial: BytesMut::new(), searched: 0, limit: crate::sse::SseDecoder::LIMIT }
    }
}

impl Frames {
    /// Takes the next piece and asks `keep` about every frame that it completes, in order. Kept frames are appended to `out`;
    /// those that lie side by side leave in one slice.
    pub fn push(
        &mut self,
        piece: Bytes,
        keep: &mut dyn FnMut(&[u8]) -> bool,
        out: &mut Vec<Bytes>,
    ) -> Result<(), SseTooLong> {
        let whole = if self.partial.is_empty() {
            piece
        } else {
            self.partial.extend_from_slice(&piece);
            if frame_end(&self.partial, self.searched).is_none() {
                // A boundary may straddle the next piece: search its last bytes again.
                self.searched = self.partial.len().saturating_sub(3);
                return self.check(self.partial.len());
            }
            std::mem::take(&mut self.partial).freeze()
        };
        let (mut run, mut at) = (0, 0);
        while let Some(end) = frame_end(&whole, at) {
            if !keep(&whole[at..end]) {
                out.extend((run < at).then(|| whole.slice(run..at)));
                run = end;
            }
            at = end;
        }
        out.extend((run < at).then(|| whole.slice(run..at)));
        self.check(whole.len() - at)?;
        self.partial = BytesMut::from(&whole[at..]);
        self.searched = self.partial.len().saturating_sub(3);
        Ok(())
    }

    /// Bytes of a frame whose end has not come; taken when the body ends.
    pub fn take_rest(&mut self) -> Bytes {
        self.searched = 0;
        std::mem::take(&mut self.partial).freeze()
    }

    fn check(&self, length: usize) -> Result<(), SseTooLong> {
        if length > self.limit { Err(SseTooLong(self.limit)) } else { Ok(()) }
    }
}

/// Index behind the first blank line at or after `from`: two line ends in a row, each LF, CR or CRLF. A CR at the very end
/// might be half a CRLF, so it does not count yet.
fn frame_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let first = at + memchr2(b'\n', b'\r', bytes.get(at..)?)?;
        let next = line_end(bytes, first)?;
        match bytes.get(next)? {
            b'\n' | b'\r' => return line_end(bytes, next),
            _ => at = next,
        }
    }
}

/// Index behind the line end that begins at `at`; `None` when a CR might go on as CRLF.
fn line_end(bytes: &[u8], at: usize) -> Option<usize> {
    match (bytes[at], bytes.get(at + 1)) {
        (b'\n', _) => Some(at + 1),
        (_, Some(b'\n')) => Some(at + 2),
        (_, Some(_)) => Some(at + 1),
        (_, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STREAM: &[u8] = b"data: 1\n\n: ping\r\n\r\nevent: x\r\ndata: 2\r\n\r\ndata: a\rdata: b\r\rdata: \xf0\x9f\x8c\x8a\n\ndata: rest";

    fn cut(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut frames = Frames::default();
        let mut whole = Vec::new();
        for piece in pieces {
            let mut keep = |frame: &[u8]| {
                whole.push(frame.to_vec());
                true
            };
            frames.push(Bytes::copy_from_slice(piece), &mut keep, &mut Vec::new()).unwrap();
        }
        (whole, frames.take_rest().to_vec())
    }

    #[test]
    fn cuts_at_blank_lines_of_every_kind() {
        let (frames, rest) = cut(&[STREAM]);
        assert_eq!(frames.len(), 5);
        assert_eq!(frames[1], b": ping\r\n\r\n");
        assert_eq!(rest, b"data: rest");
    }

    #[test]
    fn fault_41_an_image_in_one_event_passes_and_an_endless_one_is_refused() {
        let (mut frames, mut out) = (Frames::default(), Vec::new());
        let piece = Bytes::from(vec![b'x'; 1 << 20]);
        for _ in 0..3 {
            frames.push(piece.clone(), &mut |_| true, &mut out).unwrap();
        }
        frames.push(Bytes::from_static(b"\n\n"), &mut |_| true, &mut out).unwrap();
        assert_eq!(out.iter().map(Bytes::len).sum::<usize>(), (3 << 20) + 2);
        let limit = crate::sse::SseDecoder::LIMIT;
        let refused =
            (0..=limit >> 20).find_map(|_| frames.push(piece.clone(), &mut |_| true, &mut out).err());
        assert_eq!(refused, Some(SseTooLong(limit)));
    }

    #[test]
    fn frames_side_by_side_leave_in_one_slice_and_a_dropped_one_parts_them() {
        let piece = Bytes::from_static(b"data: 1\n\ndata: 2\n\ndata: x\n\ndata: 3\n\ndata: 4");
        let mut out = Vec::new();
        Frames::default().push(piece, &mut |frame| !frame.contains(&b'x'), &mut out).unwrap();
        assert_eq!(out, ["data: 1\n\ndata: 2\n\n", "data: 3\n\n"]);
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_or_changed_by_any_chunking(cuts in proptest::collection::vec(0usize..STREAM.len(), 0..20)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            cuts.push(STREAM.len());
            let mut from = 0;
            let pieces: Vec<&[u8]> = cuts.iter().map(|to| { let piece = &STREAM[from..*to]; from = *to; piece }).collect();
            let (frames, rest) = cut(&pieces);
            prop_assert_eq!(frames.len(), 5);
            let mut all: Vec<u8> = frames.concat();
            all.extend_from_slice(&rest);
            prop_assert_eq!(all, STREAM);
        }
    }
}
