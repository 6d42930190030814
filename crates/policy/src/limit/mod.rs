//! Limits that hold: what a request claims of which counter, held before the call and settled after it.
//!
//! A [`Rule`] bounds one unit (requests, tokens, money, open requests) of one scope (key, team, …) in a window. Of each rule
//! that concerns a request there is one [`Claim`] on the counter of its subject. All claims of a request are granted together
//! or not at all; what was held is settled to what was used. The same decisions are made in memory ([`Counters`]) and in Redis.

pub(crate) mod civil;
mod claim;
mod claims;
mod counters;
mod rule;
pub mod spec;
pub mod told;

pub use claim::{Amounts, Claim, Decision, Denial, Standing};
pub use claims::{Facts, claims};
pub use counters::Counters;
pub use rule::{Calendar, Rule, Scope, Unit, Window};
pub use spec::{Spec, SpecError};
