//! Days and peak hours: from when and at which hours a price holds. UTC throughout.

use std::fmt;
use std::str::FromStr;

const SECONDS_PER_DAY: u64 = 86_400;

/// A day, counted from 1970-01-01. Reads and prints as `2026-11-21`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

/// A text that is no day of the form `2026-11-21`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a day of the form 2026-11-21")]
pub struct BadDay;

impl Day {
    /// The day of a moment, given in seconds since 1970-01-01 UTC.
    pub fn of_unix_seconds(seconds: u64) -> Self {
        Self(u32::try_from(seconds / SECONDS_PER_DAY).unwrap_or(u32::MAX))
    }

    /// Monday to Friday.
    pub fn is_weekday(self) -> bool {
        // Day 0 was a Thursday.
        (u64::from(self.0) + 3) % 7 < 5
    }

    /// Year, month, day. Howard Hinnant's `civil_from_days`.
    fn civil(self) -> (u64, u64, u64) {
        let z = u64::from(self.0) + 719_468;
        let (era, doe) = (z / 146_097, z % 146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        (yoe + era * 400 + u64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
    }

    /// The inverse of [`civil`](Self::civil), for years from 1970.
    fn from_civil(year: u64, month: u64, day: u64) -> Option<Self> {
        let year = if month <= 2 { year - 1 } else { year };
        let (era, yoe) = (year / 400, year % 400);
        let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        u32::try_from((era * 146_097 + doe).checked_sub(719_468)?).ok().map(Self)
    }
}

impl FromStr for Day {
    type Err = BadDay;

    fn from_str(text: &str) -> Result<Self, BadDay> {
        let bytes = text.as_bytes();
        let shape = bytes.len() == 10
            && bytes
                .iter()
                .enumerate()
                .all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() });
        if !shape {
            return Err(BadDay);
        }
        let part =
            |range: std::ops::Range<usize>| bytes[range].iter().fold(0, |n, b| n * 10 + u64::from(b - b'0'));
        let (year, month, day) = (part(0..4), part(5..7), part(8..10));
        if year < 1970 || !(1..=12).contains(&month) || day == 0 {
            return Err(BadDay);
        }
        let found = Self::from_civil(year, month, day).ok_or(BadDay)?;
        // The 31st of a short month would be a day of the next one.
        if found.civil() == (year, month, day) { Ok(found) } else { Err(BadDay) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// Hours at which a provider charges another price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeakHours {
    /// Half-open ranges of whole hours, UTC: `(1, 4)` is 01:00 to 03:59.
    pub hours_utc: Vec<(u8, u8)>,
    /// Monday to Friday only. Public holidays are not known here and count as weekdays.
    pub weekdays_only: bool,
}

impl PeakHours {
    /// Whether the moment (seconds since 1970-01-01 UTC) is in a peak.
    pub fn contains(&self, unix_seconds: u64) -> bool {
        let hour = unix_seconds % SECONDS_PER_DAY / 3_600;
        let in_hours =
            self.hours_utc.iter().any(|&(from, to)| (u64::from(from)..u64::from(to)).contains(&hour));
        in_hours && (!self.weekdays_only || Day::of_unix_seconds(unix_seconds).is_weekday())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_read_and_print() {
        for (text, number) in [("1970-01-01", 0), ("2000-02-29", 11_016), ("2026-11-21", 20_778)] {
            assert_eq!(text.parse(), Ok(Day(number)));
            assert_eq!(Day(number).to_string(), text);
        }
        for number in 0..80_000 {
            assert_eq!(Day(number).to_string().parse(), Ok(Day(number)));
        }
        for bad in [
            "2026-2-01",
            "2026-02-30",
            "2026-13-01",
            "2026-00-10",
            "1969-12-31",
            "2026-01-00",
            "20260101",
            "+026-01-01",
        ] {
            assert_eq!(bad.parse::<Day>(), Err(BadDay), "{bad}");
        }
    }

    #[test]
    fn weekdays_are_known() {
        let week = |day: &str| day.parse::<Day>().expect("a day").is_weekday();
        assert!(week("1970-01-01") && week("2026-11-20") && week("2026-11-23"));
        assert!(!week("2026-11-21") && !week("2026-11-22"));
    }

    #[test]
    fn peaks_are_half_open_and_skip_weekends() {
        let peak = PeakHours { hours_utc: vec![(1, 4), (6, 10)], weekdays_only: true };
        let friday = u64::from("2026-11-20".parse::<Day>().expect("a day").0) * SECONDS_PER_DAY;
        let at = |hour: u64| peak.contains(friday + hour * 3_600);
        assert_eq!((0..24).filter(|h| at(*h)).collect::<Vec<_>>(), [1, 2, 3, 6, 7, 8, 9]);
        assert!(!peak.contains(friday + SECONDS_PER_DAY + 2 * 3_600), "Saturday");
    }
}
