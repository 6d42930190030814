//! Whether a target is fit to be asked: its circuit breaker, its provider's limits, its credential, and how gently it comes back.
//!
//! [`Breaker`] is the state machine, [`Health`] the same for many threads at a time. What changes is given back as an [`Event`], so that the caller
//! can log and count it. Moments (`now`, `until`) are microseconds of one clock; that it jumps back does no harm.

mod breaker;
mod credentials;
mod event;
mod rules;
mod state;
#[cfg(test)]
mod tests;
mod window;

pub use breaker::{Breaker, Phase};
pub use credentials::{Credentials, NoCredential};
pub use event::{Cause, Event, Out, Standing};
pub use rules::HealthRules;
pub use state::{Admission, Health};

pub(crate) use rules::micros;
