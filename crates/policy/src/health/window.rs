//! How many of the latest answers were failures.

const SLOTS: usize = 8;

/// Answers and failures of a sliding window, in eight slots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    slots: [Slot; SLOTS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Which eighth of a window since the clock's start.
    turn: i64,
    all: u32,
    failed: u32,
}

impl Window {
    /// Counts an answer. `length` of the window in microseconds.
    pub(crate) fn count(&mut self, failed: bool, length: i64, now: i64) {
        let turn = turn(length, now);
        let slot = &mut self.slots[turn.rem_euclid(SLOTS as i64) as usize];
        if slot.turn != turn {
            *slot = Slot { turn, all: 0, failed: 0 };
        }
        slot.all += 1;
        slot.failed += u32::from(failed);
    }

    /// All answers and the failures among them in the window that ends now.
    pub(crate) fn sums(&self, length: i64, now: i64) -> (u32, u32) {
        let turn = turn(length, now);
        let fresh = self.slots.iter().filter(|slot| (0..SLOTS as i64).contains(&(turn - slot.turn)));
        fresh.fold((0, 0), |(all, failed), slot| (all + slot.all, failed + slot.failed))
    }
}

fn turn(length: i64, now: i64) -> i64 {
    now / (length / SLOTS as i64).max(1)
}
