//! Several instances with a real Redis and a real Postgres: limits, ledger, crashes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod certificates;
mod crash;
mod instance;
mod limits;
mod postgres;
mod redis;
mod rush;
#[path = "../cli/secure.rs"]
#[allow(dead_code, reason = "shared with the tests of the command")]
mod secure;
