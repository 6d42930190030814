//! What was used in the last so much time, in slots of a hundredth of it.

use std::collections::VecDeque;

/// How many slots a window has. A slot counts until all of it is older than the window: the last hundred and the current one.
const SLOTS: i64 = 100;

/// Amounts by slot; slots in which nothing was used take no room.
#[derive(Debug)]
pub(super) struct Sliding {
    /// Length of a slot, microseconds.
    width: i64,
    /// The latest moment that was seen. Time stands still here while the clock is set back by less than a window.
    latest: i64,
    /// The number of the slot that it is in: no counted slot has a higher one.
    current: i64,
    /// Sum over the slots.
    total: i64,
    /// Number of the slot (from 1970 on) and amount, oldest first.
    slots: VecDeque<(i64, i64)>,
}

impl Sliding {
    /// Nothing used. `length` is the window's, in microseconds.
    pub(super) fn new(length: i64, now: i64) -> Self {
        let width = width(length);
        Self { width, latest: now, current: now.div_euclid(width), total: 0, slots: VecDeque::new() }
    }

    pub(super) fn is_of(&self, length: i64) -> bool {
        self.width == width(length)
    }

    /// Forgets what is too old to count.
    pub(super) fn advance(&mut self, now: i64) {
        if now < self.latest {
            if self.latest.saturating_sub(now) > self.width.saturating_mul(SLOTS) {
                self.rewind(now);
            }
            return;
        }
        self.move_to(now);
        while let Some(&(slot, amount)) = self.slots.front() {
            if is_counted(slot, self.current) {
                break;
            }
            self.slots.pop_front();
            self.total = self.total.saturating_sub(amount).max(0);
        }
    }

    /// The clock was set back by more than a window: everything counts as used just now, for it may have been.
    fn rewind(&mut self, now: i64) {
        self.move_to(now);
        self.slots.clear();
        if self.total > 0 {
            self.slots.push_back((self.current, self.total));
        }
    }

    fn move_to(&mut self, now: i64) {
        self.latest = now;
        // Mostly it is the same slot, and a division takes longer than all the rest.
        let passed = now.saturating_sub(self.current.saturating_mul(self.width));
        if !(0..self.width).contains(&passed) {
            self.current = now.div_euclid(self.width);
        }
    }

    /// Counts what is used now.
    pub(super) fn count(&mut self, amount: i64) {
        if amount <= 0 {
            return;
        }
        self.total = self.total.saturating_add(amount);
        match self.slots.back_mut() {
            Some((slot, sum)) if *slot == self.current => *sum = sum.saturating_add(amount),
            _ => self.slots.push_back((self.current, amount)),
        }
    }

    /// Counts what was used at `at`, unless that is too long ago.
    pub(super) fn count_at(&mut self, amount: i64, at: i64) {
        let slot = at.min(self.latest).div_euclid(self.width);
        if amount <= 0 || !is_counted(slot, self.current) {
            return;
        }
        self.total = self.total.saturating_add(amount);
        match self.slots.binary_search_by_key(&slot, |(slot, _)| *slot) {
            Ok(place) => self.slots[place].1 = self.slots[place].1.saturating_add(amount),
            Err(place) => self.slots.insert(place, (slot, amount)),
        }
    }

    pub(super) fn used(&self) -> i64 {
        self.total
    }

    /// When at least `need` of what counts now will count no more.
    pub(super) fn freed_at(&self, need: i64) -> Option<i64> {
        let mut freed = 0i64;
        self.slots.iter().find_map(|&(slot, amount)| {
            freed = freed.saturating_add(amount);
            (freed >= need).then(|| self.end_of(slot))
        })
    }

    /// When nothing will count any more; with `is_held`, as if something were used now.
    pub(super) fn reset_at(&self, is_held: bool) -> Option<i64> {
        let last = if is_held { Some(self.current) } else { self.slots.back().map(|(slot, _)| *slot) };
        last.map(|slot| self.end_of(slot))
    }

    /// The first moment at which a slot does not count.
    fn end_of(&self, slot: i64) -> i64 {
        slot.saturating_add(SLOTS + 1).saturating_mul(self.width)
    }
}

/// Rounded up: the slots together are never shorter than the window.
fn width(length: i64) -> i64 {
    (length / SLOTS + i64::from(length % SLOTS > 0)).max(1)
}

fn is_counted(slot: i64, current: i64) -> bool {
    current.saturating_sub(slot) <= SLOTS
}
