//! Whole rushes in virtual time: callers, queue, limit, retry budget and a provider.

mod drill;
mod fairness;
mod night;
mod rush;
mod world;

use world::{Caller, Done, Provider, World};

const SECOND: i64 = 1_000_000;
const START: i64 = 1_700_000_000 * SECOND;
