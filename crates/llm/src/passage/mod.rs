//! Same dialect in and out: bytes pass untouched but for the ranges that we act on.
//!
//! [`peek()`] reads a request without building it, [`Edits`] replaces ranges of it, [`Observer`] and [`read_answer`] read
//! what the provider answers from a copy.

mod answer;
mod counts;
mod endpoint;
mod finder;
mod keys;
mod layout;
mod limits;
mod observe;
mod peek;
mod scan;
mod splice;

pub use answer::read_answer;
pub use endpoint::Endpoint;
pub use observe::Observer;
pub use peek::{Peek, peek};
pub use splice::Edits;
