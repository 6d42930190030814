//! Several instances with a real Redis and a real Postgres: limits, ledger, crashes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod crash;
mod instance;
mod limits;
mod postgres;
mod redis;
mod rush;
