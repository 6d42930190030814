//! How much is read at once: who fills all the room is given more of it, who needs little gets less.

/// At first, and at most.
const FIRST: usize = 8 * 1024;
const MOST: usize = 256 * 1024;

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

    /// So much is still to come.
    pub(super) fn set(&mut self, left: usize) {
        self.0 = left.clamp(FIRST, MOST);
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
