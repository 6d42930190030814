//! Bytes in pieces that need not lie together.

use std::collections::VecDeque;

use bytes::Bytes;

/// Bytes in pieces that need not lie together: where little of a long body changes, all else is shared with the body as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    /// Empty only if there is nothing.
    first: Bytes,
    more: VecDeque<Bytes>,
}

impl Pieces {
    /// How many bytes in all.
    pub fn len(&self) -> usize {
        self.first.len() + self.more.iter().map(Bytes::len).sum::<usize>()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The next piece.
    pub fn first(&self) -> &Bytes {
        &self.first
    }

    /// Takes the next piece; never an empty one.
    pub fn pop(&mut self) -> Option<Bytes> {
        let next = self.more.pop_front().unwrap_or_default();
        Some(std::mem::replace(&mut self.first, next)).filter(|first| !first.is_empty())
    }

    /// Puts a piece behind the others.
    pub fn push(&mut self, piece: Bytes) {
        if self.first.is_empty() {
            self.first = piece;
        } else if !piece.is_empty() {
            self.more.push_back(piece);
        }
    }

    /// All bytes together; copied if there are several pieces.
    pub fn whole(&self) -> Bytes {
        if self.more.is_empty() {
            return self.first.clone();
        }
        let mut whole = Vec::with_capacity(self.len());
        whole.extend_from_slice(&self.first);
        self.more.iter().for_each(|piece| whole.extend_from_slice(piece));
        whole.into()
    }
}

impl From<Bytes> for Pieces {
    fn from(first: Bytes) -> Self {
        Self { first, more: VecDeque::new() }
    }
}

impl From<Vec<u8>> for Pieces {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_out_in_their_order_and_none_is_empty() {
        let mut pieces = Pieces::default();
        for piece in ["", "a", "", "bc", "d"] {
            pieces.push(Bytes::from_static(piece.as_bytes()));
        }
        assert_eq!((pieces.len(), &pieces.whole()[..]), (4, &b"abcd"[..]));
        for piece in ["a", "bc", "d"] {
            assert_eq!(pieces.pop().unwrap(), piece);
        }
        assert!(pieces.is_empty() && pieces.pop().is_none());
    }
}
