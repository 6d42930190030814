//! Prices: what a model costs, and what an answer cost. Pure; the moment is an argument.
//!
//! [`PriceTable`] finds the [`Price`] of a provider's model at a moment; [`cost`] and [`bill`] apply it to a
//! [`Usage`](crate::usage::Usage). All rates are integers ([`Rate`]); no floating-point number touches money. A
//! model without a price is `None` everywhere, never zero.

mod calendar;
mod cost;
mod data;
mod litellm;
mod names;
mod rate;
mod table;
mod tariff;

pub use calendar::{BadDay, Day, PeakHours};
pub use cost::{Bill, Line, bill, cost};
pub use data::PriceFileError;
pub use litellm::{LiteLlmPrices, NotAPriceMap, SkippedEntry};
pub use rate::{BadRate, Rate};
pub use table::PriceTable;
pub use tariff::{Above, Class, Price, Rates, Tier};
