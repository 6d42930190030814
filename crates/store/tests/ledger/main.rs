//! The ledger on SQLite and on a real PostgreSQL.

// Tests may unwrap: a failure is the message.
#![allow(clippy::unwrap_used)]

mod exactly_once;
mod outage;
mod place;
mod questions;
mod retention;
mod texts;
