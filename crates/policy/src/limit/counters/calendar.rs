//! What was used since the calendar's window began.

use crate::limit::Calendar;
use crate::limit::civil::span;

/// The window that counts, and what was used in it.
#[derive(Debug)]
pub(super) struct Page {
    calendar: Calendar,
    start: i64,
    end: i64,
    used: i64,
}

impl Page {
    /// Nothing used.
    pub(super) fn new(calendar: Calendar, now: i64) -> Self {
        let (start, end) = span(calendar, now);
        Self { calendar, start, end, used: 0 }
    }

    pub(super) fn is_of(&self, calendar: Calendar) -> bool {
        self.calendar == calendar
    }

    /// Turns over when the window has ended. A clock that is set back over its beginning does not open the window before it once
    /// more, unless it was set back by more than a window: then what was used goes with it.
    pub(super) fn advance(&mut self, now: i64) {
        if now >= self.end {
            *self = Self::new(self.calendar, now);
        } else if self.start.saturating_sub(now) > self.end.saturating_sub(self.start) {
            *self = Self { used: self.used, ..Self::new(self.calendar, now) };
        }
    }

    /// Counts what is used now.
    pub(super) fn count(&mut self, amount: i64) {
        self.used = self.used.saturating_add(amount.max(0));
    }

    /// Counts what was used at `at`, unless that was in an earlier window.
    pub(super) fn count_at(&mut self, amount: i64, at: i64) {
        if at >= self.start {
            self.count(amount);
        }
    }

    pub(super) fn used(&self) -> i64 {
        self.used
    }

    /// When it starts from nothing.
    pub(super) fn end(&self) -> i64 {
        self.end
    }
}
