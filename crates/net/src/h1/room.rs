//! How much is read at once: who fills all the room is given more of it, who needs little gets less.

/// At first, and at most.
const FIRST: usize = 8 * 1024;
const MOST: usize = 256 * 1024;

/// For so much, one byte more: where all the room was filled, another call must find out that there is no more.
fn needed(left: usize) -> usize {
    left.saturating_add(1).clamp(FIRST, MOST)
}

/// Bytes to read at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room(usize);

impl Room {
    pub(super) const fn new() -> Self {
        Self(FIRST)
    }

    pub(super) fn bytes(self) -> usize {
        self.0
    }

    /// The same where only so much is still to come.
    pub(super) fn up_to(self, left: usize) -> usize {
        self.0.min(needed(left))
    }

    /// So much is still to come.
    pub(super) fn set(&mut self, left: usize) {
        self.0 = needed(left);
    }

    /// So much was read; `is_full`: there may be more.
    pub(super) fn filled(&mut self, count: usize, is_full: bool) {
        if is_full {
            self.0 = (self.0 * 2).min(MOST);
        } else if count < self.0 / 4 {
            self.0 = (self.0 / 2).max(FIRST);
        }
    }
}
