//! Pure decisions: which target, which retry, when. Floor 1: no I/O, no clock; time and chance are arguments.

pub mod access;
pub mod balance;
pub mod budget;
pub mod edge;
pub mod expect;
pub mod health;
pub mod hedge;
pub mod limit;
pub mod overload;
pub mod retry;
pub mod time_limits;

pub use expect::Expect;
pub use retry::{LONGEST_RETRY_AFTER, RetryRules, retry_after};
pub use time_limits::TimeLimits;
