//! Tests of the strategies, most of them in simulated time.

use super::*;

mod choosing;
