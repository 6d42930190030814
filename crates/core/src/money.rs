//! Money as integer nano-dollars: sums are exact, nothing drifts.

use std::fmt;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

use crate::digits::push_number;

/// An amount in billionths of a US dollar. `NanoUsd(1_000_000_000)` is one dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NanoUsd(pub i64);

impl NanoUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount in dollars, for JSON numbers and charts only; never for sums.
    pub fn as_dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Appends the amount as [`fmt::Display`] writes it.
    pub fn push_to(self, out: &mut Vec<u8>) {
        if self.0 < 0 {
            out.push(b'-');
        }
        let amount = self.0.unsigned_abs();
        push_number(out, amount / 1_000_000_000, 1);
        out.push(b'.');
        push_number(out, amount % 1_000_000_000, 9);
    }
}

impl Add for NanoUsd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for NanoUsd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl fmt::Display for NanoUsd {
    /// Decimal dollars with nine digits after the point: `0.001234500`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:09}", amount / 1_000_000_000, amount % 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_as_decimal_dollars() {
        for (amount, text) in [
            (1_234_500, "0.001234500"),
            (-2_000_000_001, "-2.000000001"),
            (0, "0.000000000"),
            (i64::MIN, "-9223372036.854775808"),
        ] {
            let mut out = Vec::new();
            NanoUsd(amount).push_to(&mut out);
            assert_eq!((NanoUsd(amount).to_string().as_str(), out.as_slice()), (text, text.as_bytes()));
        }
    }
}
