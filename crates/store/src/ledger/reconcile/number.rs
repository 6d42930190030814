//! Decimal numbers as exact integers.

/// Digits behind the point of a dollar: billionths.
pub(super) const DOLLARS: i32 = 9;
/// Of a cent.
pub(super) const CENTS: i32 = 7;

/// A decimal number (`12.5`, `-0.00012`, `1.2e-05`, `1,234.5`, `$3`) times ten to the power of `digits`, rounded half away from
/// zero; `None` if it is no number or too large.
pub(super) fn scaled(text: &str, digits: i32) -> Option<i64> {
    let text = text.trim();
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let text = text.strip_prefix('$').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let whole: String = whole.chars().filter(|c| *c != ',').collect();
    let is_number = !(whole.is_empty() && fraction.is_empty())
        && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_number || mantissa.len() > 60 || exponent.abs() > 60 {
        return None;
    }
    let all = format!("{whole}{fraction}");
    // Where the point comes to stand among the digits.
    let point = i32::try_from(whole.len()).ok()? + exponent + digits;
    let kept = usize::try_from(point.max(0)).ok()?;
    let mut value: i64 = 0;
    for place in 0..kept {
        let digit = all.as_bytes().get(place).map_or(0, |byte| i64::from(byte - b'0'));
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    let is_half = point >= 0 && all.as_bytes().get(kept).is_some_and(|byte| *byte >= b'5');
    value = value.checked_add(i64::from(is_half))?;
    Some(if is_negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        for (text, nanos) in [
            ("1", 1_000_000_000),
            ("0.06", 60_000_000),
            ("-0.0000000015", -2),
            ("1.2e-05", 12_000),
            ("1E3", 1_000_000_000_000),
            ("$1,234.5", 1_234_500_000_000),
            (".5", 500_000_000),
            ("0.00000000001", 0),
            ("0.0000000005", 1),
            ("0.5610000000000000000000", 561_000_000),
        ] {
            assert_eq!(scaled(text, DOLLARS), Some(nanos), "{text}");
        }
        assert_eq!(scaled("123.45", CENTS), Some(1_234_500_000));
        for bad in ["", ".", "-", "1e", "NaN", "inf", "1e99", "1 2", "0x1", "99999999999999"] {
            assert_eq!(scaled(bad, DOLLARS), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String, number in "-?[0-9]{0,30}[.]?[0-9]{0,30}(e-?[0-9]{0,3})?") {
            scaled(&text, DOLLARS);
            scaled(&number, DOLLARS);
        }
    }
}
