//! Moments as text (RFC 3339) and as Unix seconds.

use std::time::{Duration, SystemTime};

const DAY: i64 = 86_400;

/// Unix seconds now.
pub(super) fn now() -> i64 {
    i64::try_from(since_1970().as_secs()).unwrap_or(i64::MAX)
}

/// Unix milliseconds now.
pub(super) fn now_millis() -> u64 {
    u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX)
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Reads `2027-01-31T12:00:00Z` or `…+01:00`, with or without fractions, as Unix seconds. Years 1970 to 9999.
pub(super) fn read(text: &str) -> Option<i64> {
    if !text.is_ascii() || text.len() < 20 {
        return None;
    }
    let separators = [(4, "-"), (7, "-"), (13, ":"), (16, ":")];
    if separators.iter().any(|(place, sign)| text.get(*place..place + 1) != Some(sign))
        || !matches!(text.as_bytes()[10], b'T' | b't' | b' ')
    {
        return None;
    }
    let (year, month, day) = (number(text, 0, 4)?, number(text, 5, 2)?, number(text, 8, 2)?);
    let (hour, minute, second) = (number(text, 11, 2)?, number(text, 14, 2)?, number(text, 17, 2)?);
    let is_sound = year >= 1970
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    let mut rest = text.get(19..)?;
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.trim_start_matches(|sign: char| sign.is_ascii_digit());
        if rest.len() == fraction.len() {
            return None;
        }
    }
    let local = days_before(year, month, day) * DAY + hour * 3600 + minute * 60 + second.min(59);
    is_sound.then_some(local - offset(rest)?)
}

/// `Z`, `+01:00`: seconds east of Greenwich.
fn offset(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let sign = match text.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = (number(text, 1, 2)?, number(text, 4, 2)?);
    (text.len() == 6 && text.get(3..4) == Some(":") && hours < 24 && minutes < 60)
        .then_some(sign * (hours * 3600 + minutes * 60))
}

fn number(text: &str, from: usize, digits: usize) -> Option<i64> {
    let part = text.get(from..from + digits)?;
    part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the date (Gregorian): whole years with their leap days, then whole months.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let leap_days = |year: i64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    years + (1..month).map(|month| days_in(year, month)).sum::<i64>() + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_or_refused() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-11-21T10:45:00Z", Some(1_795_257_900)),
            ("2026-11-21T11:45:00.25+01:00", Some(1_795_257_900)),
            ("2026-11-21 05:15:00-05:30", Some(1_795_257_900)),
            ("2024-02-29T00:00:00Z", Some(1_709_164_800)),
            ("2023-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-11-21T24:00:00Z", None),
            ("2026-11-21T10:45:00", None),
            ("2026-11-21", None),
            ("2026-11-21T10:45:00.Z", None),
            ("2026-11-21T10:45:00+1:00", None),
            ("+026-11-21T10:45:00Z", None),
            ("tomorrow at ten o'clock", None),
            ("２０26-11-21T10:45:00Z", None),
        ] {
            assert_eq!(read(text), seconds, "{text}");
        }
    }
}
