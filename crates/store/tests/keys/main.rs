//! Keys and teams on SQLite and on a real PostgreSQL.

// A failing helper is a failing test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod administration;
mod admins;
mod changes;
mod faults;
mod many;
mod place;
mod starting;
mod transfer;
