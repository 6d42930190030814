//! Real servers that tests start for themselves: on free ports of 127.0.0.1, in temporary folders, gone with the test.

mod pebble;
mod postgres;
mod process;
mod redis;

pub use pebble::{Pebble, PebbleSetup};
pub use postgres::Postgres;
pub use redis::Redis;
