//! What is left of a provider's own rate limits, by the headers of its answers.

use http::HeaderMap;

use crate::clock::micros;

/// For how long an answer without a reset is believed, in seconds: providers count by the minute.
const USUAL_RESET: f64 = 60.0;
/// Longest reset that is believed, in seconds.
const LONGEST_RESET: f64 = 3600.0;

/// Headers of one limit: limit, remaining, reset. Sources: OpenAI's, Anthropic's, Groq's and OpenRouter's documentation of rate limits.
const LIMITS: [[&str; 3]; 7] = [
    ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"],
    ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"],
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"],
    [
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ],
    [
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
    ],
    [
        "anthropic-ratelimit-input-tokens-limit",
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-ratelimit-input-tokens-reset",
    ],
    [
        "anthropic-ratelimit-output-tokens-limit",
        "anthropic-ratelimit-output-tokens-remaining",
        "anthropic-ratelimit-output-tokens-reset",
    ],
];

/// The smallest share left of any limit, 0 to 1, and until when that holds, in Unix microseconds. `None` when the headers tell of no limit.
pub(super) fn headroom(map: &HeaderMap) -> Option<(f32, i64)> {
    let now = micros();
    let told = LIMITS.iter().filter_map(|names| {
        let text = |name: &str| map.get(name).and_then(|value| value.to_str().ok());
        let number = |name: &str| text(name)?.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let (limit, left) = (number(names[0])?, number(names[1])?);
        let share = (left / limit).clamp(0.0, 1.0);
        let reset = text(names[2]).and_then(|text| seconds(text.trim(), now as f64 / 1e6));
        (limit > 0.0).then(|| (share as f32, reset.unwrap_or(USUAL_RESET).clamp(1.0, LONGEST_RESET)))
    });
    let (share, reset) = told.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some((share, now.saturating_add((reset * 1e6) as i64)))
}

/// A reset in seconds from now: `1s`, `6m0s`, `120ms`, `2m59.56s`; a plain number of seconds, or of seconds or milliseconds since 1970; RFC 3339.
fn seconds(text: &str, now: f64) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        return Some(match number {
            n if n > 1e11 => n / 1e3 - now,
            n if n > 1e8 => n - now,
            n => n,
        });
    }
    if text.len() > 10 && text.contains('T') {
        return rfc3339(text).map(|at| at - now);
    }
    let (mut sum, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        sum += number
            * match &rest[..end] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = &rest[end..];
    }
    Some(sum)
}

/// Unix seconds of `2026-11-21T10:45:00Z`, by way of the date of HTTP, which the clock reads.
fn rfc3339(text: &str) -> Option<f64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (date, time) = text.split_once('T')?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?.parse::<usize>().ok()?, parts.next()?);
    let month = MONTHS.get(month.checked_sub(1)?)?;
    let clock = time.get(..8)?;
    // The day of the week is not looked at.
    crate::clock::http_date(&format!("Sun, {day} {month} {year} {clock} GMT"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_smallest_share_of_any_limit_counts_until_its_reset() {
        let (share, until) = headroom(&map(&[
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-remaining-tokens", "37500"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ]))
        .unwrap();
        assert!((share - 0.25).abs() < 0.001);
        let left = (until - micros()) / 1_000_000;
        assert!((358..=360).contains(&left), "{left}");
    }

    #[test]
    fn anthropics_headers_are_read() {
        let (share, until) = headroom(&map(&[
            ("anthropic-ratelimit-input-tokens-limit", "1000"),
            ("anthropic-ratelimit-input-tokens-remaining", "0"),
            ("anthropic-ratelimit-input-tokens-reset", "2001-01-27T21:45:00Z"),
        ]))
        .unwrap();
        // A reset in the past is over soon.
        assert!(share == 0.0 && until - micros() <= 1_000_000);
    }

    #[test]
    fn what_tells_of_no_limit_says_nothing() {
        assert_eq!(headroom(&map(&[])), None);
        for (limit, left) in [("0", "0"), ("ten", "1"), ("10", "NaN"), ("-1", "5"), ("inf", "1")] {
            let told = map(&[("x-ratelimit-limit", limit), ("x-ratelimit-remaining", left)]);
            assert_eq!(headroom(&told), None, "{limit} {left}");
        }
    }

    #[test]
    fn resets_in_all_their_forms() {
        for (text, expected) in [
            ("120ms", 0.12),
            ("2m59.5s", 179.5),
            ("1h", 3600.0),
            ("12", 12.0),
            ("1000000030", 30.0),
            ("1000000030000", 30.0),
            ("2001-09-09T01:47:10Z", 30.0),
        ] {
            let read = seconds(text, 1e9).unwrap();
            assert!((read - expected).abs() < 0.001, "{text}: {read}");
        }
        for wrong in ["soon", "5 parsecs", "2026-99-01T00:00:00Z", "1.2.3s", "T", "éTéééééééééé"] {
            assert_eq!(seconds(wrong, 1e9), None, "{wrong}");
        }
    }
}
