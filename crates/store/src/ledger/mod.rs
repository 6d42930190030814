//! The durable record of every attempt and its cost: written to a journal file before the exchange ends, folded into the database in
//! batches.

mod row;

pub use row::{Row, Tokens};
