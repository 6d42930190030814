//! Overload: how much goes to a target at once, who waits for it, who is refused at once, and what memory still allows.
//!
//! A [`Concurrency`] per target bounds what is under way there. In front of targets stands a [`Queue`]: who finds no room waits
//! in it by [`Class`], fairly among callers, or is refused at once when waiting would be in vain. [`Memory`] sheds new work before the process is
//! in danger.
//!
//! Moments (`now`, `started`, `deadline`) are microseconds since 1970-01-01 UTC, as in [`limit`](crate::limit).

mod class;
mod concurrency;
mod memory;
mod queue;
#[cfg(test)]
mod simulation;

pub use class::Class;
pub use concurrency::{Adaptive, Answer, Concurrency, ConcurrencyRules};
pub use memory::{Memory, Thresholds};
pub use queue::{Ask, Fate, Offered, Queue, QueueRules, Refused, Ticket, Why, Woke, Woken};

use std::time::Duration;

/// A length in microseconds.
fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}

/// A length of so many microseconds; none when they are negative.
fn length(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
