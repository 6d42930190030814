//! The fake provider as its users see it: each content, fault and manner in each dialect.

// A failing helper is a failing test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod contents;
mod dialects;
mod endings;
mod endpoints;
mod errors;
mod framing;
mod leaving;
mod servers;
mod structure;
mod tools;
