//! Tests of the strategies, most of them in simulated time.

use super::*;

mod choosing;
mod silent;
mod simulated;
mod sticking;
mod world;
