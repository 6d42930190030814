//! Moments in queries: a day, a moment, or how long ago.

use std::time::{SystemTime, UNIX_EPOCH};

use tidegate_store::ledger::calendar::parse_day;

/// What a moment must be, as the end of a sentence about it.
pub(super) const SHAPE: &str = "must be a day (`2026-11-21`), a moment (`2026-11-21T13:00:00Z`), or how long ago (`24h`, `7d`), from 1970 on";

/// Unix seconds now.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(since).unwrap_or(i64::MAX)
}

/// Reads a moment as Unix seconds.
pub(super) fn read(text: &str, now: i64) -> Option<i64> {
    if let Some(long_ago) = long_ago(text) {
        return Some(now - long_ago).filter(|moment| *moment >= 0);
    }
    let (day, time) = match text.split_once('T') {
        None => (text, None),
        Some((day, time)) => (day, Some(time)),
    };
    let is_day = day.len() == 10 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let midnight = parse_day(day).filter(|_| is_day)? * 86_400;
    let moment = midnight + time.map_or(Some(0), time_of_day)?;
    Some(moment).filter(|moment| *moment >= 0)
}

/// `13:00:00Z`, `13:00:00.5+01:00`: seconds since midnight in UTC.
fn time_of_day(text: &str) -> Option<i64> {
    if !text.is_ascii() {
        return None;
    }
    let (clock, rest) = text.split_at_checked(8)?;
    let seconds =
        clock_seconds(clock.get(..5)?)? + number(clock.strip_prefix(&clock[..5])?.strip_prefix(':')?, 60)?;
    let zone = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            (zone.len() < fraction.len()).then_some(zone)?
        }
    };
    let east = match zone.split_at_checked(1)? {
        ("Z", "") => 0,
        ("+", east) => clock_seconds(east)?,
        ("-", west) => -clock_seconds(west)?,
        _ => return None,
    };
    Some(seconds - east)
}

/// `13:00`.
fn clock_seconds(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    Some(number(hours, 24)? * 3_600 + number(minutes, 60)? * 60)
}

/// Two digits below a bound.
fn number(text: &str, bound: i64) -> Option<i64> {
    let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?.filter(|number| *number < bound)
}

/// `90m`, `24h`, `7d`, `4w` in seconds.
fn long_ago(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    let is_number = (1..=6).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    Some(is_number.then(|| number.parse::<i64>().ok())?? * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_or_refused() {
        let now = 1_795_257_900;
        for (text, moment) in [
            ("1970-01-01", Some(0)),
            ("2026-11-21", Some(1_795_219_200)),
            ("2026-11-21T10:45:00Z", Some(now)),
            ("2026-11-21T11:45:00.25+01:00", Some(now)),
            ("2026-11-21T05:15:00-05:30", Some(now)),
            ("24h", Some(now - 86_400)),
            ("7d", Some(now - 7 * 86_400)),
            ("999999w", None),
            ("20261121", None),
            ("2026-13-01", None),
            ("2026-11-31", None),
            ("2026-11-21T", None),
            ("2026-11-21T24:00:00Z", None),
            ("2026-11-21T10:45Z", None),
            ("2026-11-21T10:45:00", None),
            ("2026-11-21T10:45:00.Z", None),
            ("2026-11-21T10:45:00 01:00", None),
            ("1970-01-01T00:00:00+01:00", None),
            ("٢026-11-21", None),
            ("-7d", None),
            ("d", None),
            ("7", None),
            ("", None),
        ] {
            assert_eq!(read(text, now), moment, "{text}");
        }
    }
}
