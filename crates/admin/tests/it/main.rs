//! The admin door over real sockets, with SQLite.

// The modules share their helpers, nobody else sees them, and a failing helper is a failing test.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod bad_input;
mod documents;
mod house;
mod keys;
mod limits;
mod targets;
mod teams;
mod usage;
