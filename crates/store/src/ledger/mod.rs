//! The durable record of every attempt and its cost: written to a journal file before the exchange ends, folded into the database in
//! batches.
//!
//! [`Journal`] takes rows, [`Folder`] brings them to the database (blocks of rows by the day, and [`Sums`] by hour), [`ask`] and [`rows`]
//! answer questions, [`export`] writes answers for people's tools, [`reconcile`] compares them with a provider's own numbers.

mod block;
pub mod calendar;
pub mod export;
mod fold;
mod journal;
mod line;
pub mod reconcile;
mod row;
mod scan;
mod sums;
mod tables;
mod usage;

pub use fold::{Folder, LedgerHealth, Retention, UsedRow};
pub use journal::{Journal, JournalError};
pub use row::{Row, Tokens};
pub use sums::Sums;
pub use tables::tables;
pub use usage::{By, Filter, Order, Question, RowsQuestion, UsageError, UsageRow, ask, rows};
