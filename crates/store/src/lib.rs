//! What lasts or is shared: keys, ledger, counters. Floor 2: the database drivers live here and nowhere else.

pub mod certificates;
pub mod counters;
pub mod database;
pub mod keys;
pub mod ledger;
mod migrations;
pub mod transfer;

pub use database::{Database, StoreError};
