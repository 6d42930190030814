//! A number as people write it, converted without drift.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number as it was written. Read from a whole number, a decimal number or a text (`"0.1"`), and written as the same.
///
/// A decimal number comes through binary floating point unharmed as long as it has at most 15 significant digits; a text
/// always does.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantity {
    /// `100`
    Whole(i64),
    /// `0.5`
    Decimal(f64),
    /// `"0.5"`
    Text(String),
}

impl Quantity {
    /// The number in units of ten to the minus `decimals`; or what is wrong with it, as the end of a sentence about it.
    pub(super) fn scaled(&self, decimals: u32) -> Result<i128, String> {
        match self {
            Self::Whole(number) if *number < 0 => Err(NEGATIVE.to_owned()),
            Self::Whole(number) => Ok(i128::from(*number) * 10i128.pow(decimals)),
            Self::Decimal(number) if number.is_nan() => Err("must be a number".to_owned()),
            Self::Decimal(number) if *number < 0.0 => Err(NEGATIVE.to_owned()),
            Self::Decimal(number) if *number > 1e18 => Err(TOO_LARGE.to_owned()),
            // The shortest text that stands for the same number is what was written. `abs` takes the sign off a negative zero.
            Self::Decimal(number) => scaled_text(&number.abs().to_string(), decimals),
            Self::Text(text) => scaled_text(text, decimals),
        }
    }
}

pub(super) const TOO_LARGE: &str = "is absurdly large";
const NEGATIVE: &str = "must not be negative";

fn scaled_text(text: &str, decimals: u32) -> Result<i128, String> {
    if text.starts_with('-') {
        return Err(NEGATIVE.to_owned());
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return Err("must be a number such as `100` or `0.5`".to_owned());
    }
    let fraction = fraction.trim_end_matches('0');
    let places = decimals as usize;
    if fraction.len() > places {
        return Err(match decimals {
            0 => "must be a whole number".to_owned(),
            _ => format!("must have at most {decimals} digits after the point"),
        });
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > 18 {
        return Err(TOO_LARGE.to_owned());
    }
    let digits = whole.bytes().chain(fraction.bytes());
    let number = digits.fold(0, |sum: i128, digit| sum * 10 + i128::from(digit - b'0'));
    Ok(number * 10i128.pow(decimals - u32::try_from(fraction.len()).unwrap_or(decimals)))
}

impl From<i64> for Quantity {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Decimal(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(number) => serializer.serialize_i64(*number),
            Self::Decimal(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNumber)
    }
}

struct AnyNumber;

impl Visitor<'_> for AnyNumber {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a number as text")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Quantity, E> {
        Ok(Quantity::Whole(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Quantity, E> {
        Ok(i64::try_from(number).map_or(Quantity::Decimal(number as f64), Quantity::Whole))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Quantity, E> {
        Ok(Quantity::Decimal(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
        Ok(Quantity::Text(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Quantity {
        Quantity::Text(text.to_owned())
    }

    #[test]
    fn money_is_converted_to_the_last_digit() {
        for (dollars, nanos) in [
            (Quantity::Decimal(0.1), 100_000_000),
            (Quantity::Decimal(0.000_000_001), 1),
            (Quantity::Decimal(123_456.123_456_789), 123_456_123_456_789),
            (Quantity::Decimal(-0.0), 0),
            (Quantity::Whole(25), 25_000_000_000),
            (text("12345678.123456789"), 12_345_678_123_456_789),
            (text("007.50"), 7_500_000_000),
        ] {
            assert_eq!(dollars.scaled(9), Ok(nanos), "{dollars}");
        }
    }

    #[test]
    fn what_is_no_sensible_number_is_refused() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.5, 1e300, 1e-300, 5e-10] {
            assert!(Quantity::Decimal(bad).scaled(9).is_err(), "{bad}");
        }
        for bad in ["", " ", "-1", "+1", "1e3", ".5", "5.", "1.2.3", "1,5", "0x10", "NaN", "inf", "٣"] {
            assert!(text(bad).scaled(9).is_err(), "{bad}");
        }
        assert!(text(&"9".repeat(400)).scaled(9).is_err());
        assert_eq!(Quantity::Decimal(1.5).scaled(0), Err("must be a whole number".to_owned()));
        assert_eq!(Quantity::Whole(i64::MIN).scaled(0), Err(NEGATIVE.to_owned()));
    }

    #[test]
    fn numbers_are_written_as_they_were_read() {
        for json in ["5", "0.25", "\"0.25\"", "-3"] {
            let read: Quantity = serde_json::from_str(json).expect("a quantity");
            assert_eq!(serde_json::to_string(&read).expect("JSON"), json);
        }
        assert!(matches!(serde_json::from_str("18446744073709551615"), Ok(Quantity::Decimal(_))));
        assert!(serde_json::from_str::<Quantity>("true").is_err());
    }

    proptest! {
        #[test]
        fn no_amount_of_nano_dollars_drifts(nanos in 0i64..1_000_000_000_000_000) {
            let written = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
            let number: f64 = written.parse().expect("a number");
            prop_assert_eq!(Quantity::Decimal(number).scaled(9), Ok(i128::from(nanos)));
            prop_assert_eq!(text(&written).scaled(9), Ok(i128::from(nanos)));
        }

        #[test]
        fn no_text_or_number_makes_it_panic(words in ".*", number in any::<f64>(), decimals in 0u32..10) {
            let _ = text(&words).scaled(decimals);
            let _ = Quantity::Decimal(number).scaled(decimals);
        }
    }
}
