//! Days in UTC, counted from 1970-01-01, and the ways in which they are written.

/// Microseconds of a day.
pub(crate) const DAY_MICROS: i64 = 86_400_000_000;
/// Microseconds of an hour.
pub(crate) const HOUR_MICROS: i64 = 3_600_000_000;
/// Microseconds of a minute.
pub(crate) const MINUTE_MICROS: i64 = 60_000_000;
/// The last day that has a name of eight digits: 9999-12-31.
pub(crate) const LAST_DAY: i64 = 2_932_896;

/// Year, month and day of the month (Howard Hinnant's `civil_from_days`), for days from 0 to [`LAST_DAY`].
fn civil(day: i64) -> (i64, i64, i64) {
    let z = day.clamp(0, LAST_DAY) + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

/// `2026-11-21`.
pub fn date(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `20261121`.
pub(crate) fn compact(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{year:04}{month:02}{day:02}")
}

/// `2026-11-21T13:00:00Z`, of Unix seconds.
pub fn moment(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (day, rest) = (seconds / 86_400, seconds % 86_400);
    format!("{}T{:02}:{:02}:{:02}Z", date(day), rest / 3_600, rest / 60 % 60, rest % 60)
}

/// The first day of the day's month, and of the month after.
pub(crate) fn month(day: i64) -> (i64, i64) {
    let (year, month, _) = civil(day);
    let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    (from_civil(year, month, 1), from_civil(next.0, next.1, 1))
}

fn from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, yoe) = (year / 400, year % 400);
    let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// The day of `2026-11-21` with anything behind it (a time), or of `20261121` alone; `None` if it is no day from 1970 to 9999.
pub fn parse_day(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = |range: std::ops::Range<usize>| -> Option<i64> {
        let part = text.get(range)?;
        part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let is_dashed = text.as_bytes().get(4) == Some(&b'-');
    let (year, month, day) = if is_dashed {
        let is_whole = text.as_bytes().get(7) == Some(&b'-')
            && !text.as_bytes().get(10).is_some_and(|byte| byte.is_ascii_digit());
        is_whole.then_some(())?;
        (digits(0..4)?, digits(5..7)?, digits(8..10)?)
    } else {
        (text.len() == 8).then_some(())?;
        (digits(0..4)?, digits(4..6)?, digits(6..8)?)
    };
    if year < 1970 || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let found = from_civil(year, month, day);
    // The 31st of a short month would be a day of the next one.
    (civil(found) == (year, month, day)).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_read_and_print() {
        for (text, day) in [("1970-01-01", 0), ("2000-02-29", 11_016), ("2026-11-21", 20_778)] {
            assert_eq!((parse_day(text), date(day).as_str()), (Some(day), text));
            assert_eq!(parse_day(&compact(day)), Some(day));
            assert_eq!(parse_day(&format!("{text}T12:00:00Z")), Some(day));
        }
        for bad in
            ["", "2026-02-30", "2026-1-01", "20261", "2026-11-211", "1969-12-31", "20261121x", "ä026-11-21"]
        {
            assert_eq!(parse_day(bad), None, "{bad}");
        }
        assert_eq!(date(LAST_DAY), "9999-12-31");
        assert_eq!(moment(20_778 * 86_400 + 13 * 3_600 + 62), "2026-11-21T13:01:02Z");
        assert_eq!(month(20_778), (20_758, 20_788));
    }
}
