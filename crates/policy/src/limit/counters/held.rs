//! What is held of a counter: by whom, how much, until when at the latest.

use std::time::Duration;

use hashbrown::HashTable;

use super::micros;

/// Set back by less than this, a clock has only been read by two threads at once.
const JITTER: i64 = 1_000_000;

/// All that is held of one counter.
#[derive(Debug)]
pub(super) struct Held {
    holds: HashTable<Hold>,
    /// Of all, those without a lease included.
    sum: i64,
    /// What is held without a lease.
    kept: i64,
    /// By how many.
    keepers: u32,
    /// No lease ends before this.
    next_end: i64,
    latest: i64,
}

#[derive(Debug)]
struct Hold {
    id: u64,
    amount: i64,
    end: i64,
}

impl Held {
    pub(super) fn new(now: i64) -> Self {
        Self { holds: HashTable::new(), sum: 0, kept: 0, keepers: 0, next_end: i64::MAX, latest: now }
    }

    pub(super) fn sum(&self) -> i64 {
        self.sum
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keepers == 0 && self.holds.is_empty()
    }

    /// Frees what is held by those whose lease has run out.
    pub(super) fn advance(&mut self, now: i64) {
        let back = self.latest.saturating_sub(now);
        if back > JITTER {
            // The clock was set back: leases run on from where they were, else they would last that much longer.
            self.holds.iter_mut().for_each(|hold| hold.end = hold.end.saturating_sub(back));
            self.next_end = self.next_end.saturating_sub(back);
            self.latest = now;
        }
        self.latest = self.latest.max(now);
        if now >= self.next_end {
            self.holds.retain(|hold| hold.end > now);
            self.sum = self.holds.iter().fold(self.kept, |sum, hold| sum.saturating_add(hold.amount));
            self.next_end = self.holds.iter().map(|hold| hold.end).min().unwrap_or(i64::MAX);
        }
    }

    /// Holds so much more for `id`, which has asked whether it may.
    pub(super) fn hold(&mut self, id: u64, amount: i64, lease: Duration, now: i64) {
        let end = now.saturating_add(micros(lease));
        self.sum = self.sum.saturating_add(amount);
        self.next_end = self.next_end.min(end);
        match self.holds.find_mut(spread(id), |hold| hold.id == id) {
            Some(hold) => {
                hold.amount = hold.amount.saturating_add(amount);
                hold.end = hold.end.max(end);
            }
            None => {
                self.holds.insert_unique(spread(id), Hold { id, amount, end }, |hold| spread(hold.id));
            }
        }
    }

    /// Holds so much more without a lease, for somebody who is sure to give it back.
    pub(super) fn keep(&mut self, amount: i64) {
        self.sum = self.sum.saturating_add(amount);
        self.kept = self.kept.saturating_add(amount);
        self.keepers = self.keepers.saturating_add(1);
    }

    /// Lets go of what somebody kept.
    pub(super) fn give_back(&mut self, amount: i64) {
        self.sum = self.sum.saturating_sub(amount).max(0);
        self.kept = self.kept.saturating_sub(amount).max(0);
        self.keepers = self.keepers.saturating_sub(1);
    }

    /// Whether `id` still holds something; its lease runs anew.
    pub(super) fn renew(&mut self, id: u64, lease: Duration, now: i64) -> bool {
        let Some(hold) = self.holds.find_mut(spread(id), |hold| hold.id == id) else { return false };
        hold.end = now.saturating_add(micros(lease));
        self.next_end = self.next_end.min(hold.end);
        true
    }

    /// Lets go of all that `id` holds, if it still holds anything.
    pub(super) fn release(&mut self, id: u64) {
        if let Ok(hold) = self.holds.find_entry(spread(id), |hold| hold.id == id) {
            self.sum = self.sum.saturating_sub(hold.remove().0.amount).max(0);
        }
    }
}

/// Ids may be counted up from 0; the table wants all bits to differ.
fn spread(id: u64) -> u64 {
    id.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
}
