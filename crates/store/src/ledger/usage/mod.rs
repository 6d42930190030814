//! Questions about usage, answered from the sums.

mod ask;
mod question;
mod rows;

pub use ask::{UsageRow, ask};
pub use question::{By, Filter, Order, Question, UsageError};
pub use rows::{RowsQuestion, rows};
