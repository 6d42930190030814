//! The ledger on SQLite and on a real PostgreSQL.

// Tests may unwrap: a failure is the message. Measurements are printed.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod exactly_once;
mod large;
mod outage;
mod place;
mod questions;
mod retention;
mod texts;
