//! A rate of money per token, read exactly from decimal text.

use std::fmt;

/// Pico-dollars per token, which is the same number as micro-dollars per million tokens: `Rate(1_000_000)` is one
/// dollar per million tokens. Prints as dollars per million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(pub u64);

/// Why a text is not a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRate {
    /// Not a decimal number.
    #[error("not a decimal number")]
    NotANumber,
    /// Below zero.
    #[error("a price cannot be negative")]
    Negative,
    /// Finer than one pico-dollar per token.
    #[error("finer than the millionth of a dollar per million tokens")]
    TooFine,
    /// Larger than fits.
    #[error("too large")]
    TooLarge,
}

/// Powers of ten between a dollar per million tokens and the unit of [`Rate`].
const PER_MILLION: i32 = 6;
/// Powers of ten between a dollar per token and the unit of [`Rate`].
const PER_TOKEN: i32 = 12;

impl Rate {
    /// Reads dollars per million tokens, such as `1.25`. What the unit cannot hold exactly is refused.
    ///
    /// # Errors
    /// [`BadRate`] when the text is no number, negative, too fine or too large.
    pub fn from_dollars_per_million(text: &str) -> Result<Self, BadRate> {
        match Decimal::read(text)?.scaled(PER_MILLION)? {
            (rate, true) => Ok(Self(rate)),
            (_, false) => Err(BadRate::TooFine),
        }
    }

    /// Reads dollars per token, such as `2.5e-07`, to the nearest pico-dollar: the price maps of others carry digits
    /// that come from a division.
    ///
    /// # Errors
    /// [`BadRate`] when the text is no number, negative or too large.
    pub fn from_dollars_per_token(text: &str) -> Result<Self, BadRate> {
        Ok(Self(Decimal::read(text)?.scaled(PER_TOKEN)?.0))
    }

    /// This many hundredths of the rate, to the nearest unit; stops at the largest rate.
    pub fn percent(self, percent: u32) -> Self {
        let scaled = (u128::from(self.0) * u128::from(percent) + 50) / 100;
        Self(u64::try_from(scaled).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{rest:06}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// `digits` × 10^`exponent`, as written.
struct Decimal {
    digits: u128,
    exponent: i32,
}

impl Decimal {
    fn read(text: &str) -> Result<Self, BadRate> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                (mantissa, exponent.parse::<i32>().map_err(|_| BadRate::NotANumber)?)
            }
            None => (text, 0),
        };
        let (negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(BadRate::NotANumber);
        }
        let mut digits: u128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return Err(BadRate::NotANumber);
            }
            let next = digits.checked_mul(10).and_then(|d| d.checked_add(u128::from(byte - b'0')));
            digits = next.ok_or(BadRate::TooLarge)?;
        }
        if negative && digits != 0 {
            return Err(BadRate::Negative);
        }
        let places = i32::try_from(fraction.len()).map_err(|_| BadRate::NotANumber)?;
        Ok(Self { digits, exponent: exponent.saturating_sub(places) })
    }

    /// The number × 10^`places`, to the nearest integer, and whether that is exact.
    fn scaled(&self, places: i32) -> Result<(u64, bool), BadRate> {
        if self.digits == 0 {
            return Ok((0, true));
        }
        let shift = self.exponent.saturating_add(places);
        let power = 10_u128.checked_pow(shift.unsigned_abs());
        let (value, exact) = if shift >= 0 {
            (power.and_then(|p| self.digits.checked_mul(p)).ok_or(BadRate::TooLarge)?, true)
        } else {
            match power {
                Some(p) => (
                    self.digits / p + u128::from(self.digits % p >= p.div_ceil(2)),
                    self.digits.is_multiple_of(p),
                ),
                None => (0, false),
            }
        };
        Ok((u64::try_from(value).map_err(|_| BadRate::TooLarge)?, exact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_dollars_per_million_exactly() {
        for (text, rate) in [
            ("1", 1_000_000),
            ("0.003625", 3_625),
            ("1.250000", 1_250_000),
            ("150", 150_000_000),
            ("0", 0),
            ("-0", 0),
            (".5", 500_000),
            ("1e-6", 1),
        ] {
            assert_eq!(Rate::from_dollars_per_million(text), Ok(Rate(rate)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_price() {
        for (text, error) in [
            ("", BadRate::NotANumber),
            (".", BadRate::NotANumber),
            ("1,5", BadRate::NotANumber),
            ("1e", BadRate::NotANumber),
            ("NaN", BadRate::NotANumber),
            ("$3", BadRate::NotANumber),
            ("-1", BadRate::Negative),
            ("0.0000001", BadRate::TooFine),
            ("1e30", BadRate::TooLarge),
            ("1e2147483647", BadRate::TooLarge),
            ("99999999999999999999999999999999999999999", BadRate::TooLarge),
        ] {
            assert_eq!(Rate::from_dollars_per_million(text), Err(error), "{text}");
        }
    }

    #[test]
    fn reads_dollars_per_token_to_the_nearest_unit() {
        for (text, rate) in [
            ("2.5e-07", 250_000),
            ("0.0000025", 2_500_000),
            ("2.8e-09", 2_800),
            ("1.111111111e-07", 111_111),
            ("1.5e-12", 2),
            ("4e-13", 0),
            ("1e-400", 0),
        ] {
            assert_eq!(Rate::from_dollars_per_token(text), Ok(Rate(rate)), "{text}");
        }
    }

    #[test]
    fn percent_rounds_and_stops() {
        assert_eq!(Rate(5).percent(50), Rate(3));
        assert_eq!(Rate(u64::MAX).percent(200), Rate(u64::MAX));
    }

    proptest! {
        #[test]
        fn prints_what_it_reads(rate in any::<u64>()) {
            prop_assert_eq!(Rate::from_dollars_per_million(&Rate(rate).to_string()), Ok(Rate(rate)));
        }
    }
}
