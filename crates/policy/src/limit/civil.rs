//! Days and months in UTC: where a calendar's window begins and ends.

use tidegate_core::digits::push_number;

use super::Calendar;

/// Microseconds in a second. All moments here are microseconds since 1970-01-01 UTC.
pub(super) const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// The first Monday, 1970-01-05.
const MONDAY: i64 = 4 * DAY;

/// The window that `at` is in: its first moment, and the first moment after it.
pub(super) fn span(calendar: Calendar, at: i64) -> (i64, i64) {
    match calendar {
        Calendar::Second => even(at, SECOND, 0),
        Calendar::Minute => even(at, 60 * SECOND, 0),
        Calendar::Hour => even(at, 3_600 * SECOND, 0),
        Calendar::Day => even(at, DAY, 0),
        Calendar::Week => even(at, 7 * DAY, MONDAY),
        Calendar::Month => {
            let (year, month, _) = civil_from_days(at.div_euclid(DAY));
            let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            (month_start(year, month), month_start(next_year, next))
        }
    }
}

fn even(at: i64, length: i64, first: i64) -> (i64, i64) {
    let start = at.saturating_sub(first).div_euclid(length).saturating_mul(length).saturating_add(first);
    (start, start.saturating_add(length))
}

fn month_start(year: i64, month: i64) -> i64 {
    days_from_civil(year, month, 1).saturating_mul(DAY)
}

/// Year, month (1 to 12) and day (1 to 31) of a day that is counted from 1970-01-01. After Howard Hinnant's `civil_from_days`.
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months from March, so that a leap day is a year's last.
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * from_march + 2) / 5 + 1)
}

/// The inverse of [`civil_from_days`].
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Appends the moment as RFC 3339 has it, in whole seconds, rounded up: `2026-11-21T09:30:00Z`.
pub(super) fn push_rfc3339(out: &mut Vec<u8>, at: i64) {
    let seconds = at.saturating_add(SECOND - 1).div_euclid(SECOND);
    let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    push_number(out, year.unsigned_abs(), 4);
    for (mark, number) in [(b'-', month), (b'-', day), (b'T', hour), (b':', minute), (b':', second)] {
        out.push(mark);
        push_number(out, number.unsigned_abs(), 2);
    }
    out.push(b'Z');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(year: i64, month: i64, day: i64, seconds: i64) -> i64 {
        days_from_civil(year, month, day) * DAY + seconds * SECOND
    }

    #[test]
    fn months_end_where_they_end_also_in_leap_years() {
        for (inside, start, end) in [
            (at(2026, 2, 28, 86_399), at(2026, 2, 1, 0), at(2026, 3, 1, 0)),
            (at(2028, 2, 29, 5), at(2028, 2, 1, 0), at(2028, 3, 1, 0)),
            (at(2000, 2, 29, 0), at(2000, 2, 1, 0), at(2000, 3, 1, 0)),
            (at(2026, 12, 31, 86_399), at(2026, 12, 1, 0), at(2027, 1, 1, 0)),
            (at(2027, 1, 1, 0), at(2027, 1, 1, 0), at(2027, 2, 1, 0)),
        ] {
            assert_eq!(span(Calendar::Month, inside), (start, end));
        }
        let days = |(start, end): (i64, i64)| (end - start) / DAY;
        let february = [2024, 2025, 2028, 2100].map(|year| days(span(Calendar::Month, at(year, 2, 3, 0))));
        assert_eq!(february, [29, 28, 29, 28]);
    }

    #[test]
    fn weeks_begin_on_monday_and_days_at_midnight() {
        // 2026-11-21 is a Saturday.
        let saturday = at(2026, 11, 21, 40_000);
        assert_eq!(span(Calendar::Week, saturday), (at(2026, 11, 16, 0), at(2026, 11, 23, 0)));
        assert_eq!(span(Calendar::Week, at(2026, 11, 23, 0)).0, at(2026, 11, 23, 0));
        assert_eq!(span(Calendar::Day, saturday), (at(2026, 11, 21, 0), at(2026, 11, 22, 0)));
        assert_eq!(span(Calendar::Hour, saturday).0, at(2026, 11, 21, 39_600));
        assert_eq!(span(Calendar::Minute, saturday).0, at(2026, 11, 21, 39_960));
        assert_eq!(span(Calendar::Second, saturday + 7).0, saturday);
    }

    fn rfc3339(at: i64) -> String {
        let mut out = Vec::new();
        push_rfc3339(&mut out, at);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn moments_are_written_in_rfc_3339() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(at(2028, 2, 29, 86_399)), "2028-02-29T23:59:59Z");
        assert_eq!(rfc3339(at(2028, 2, 29, 86_399) + 1), "2028-03-01T00:00:00Z");
    }

    const ALL: [Calendar; 6] =
        [Calendar::Second, Calendar::Minute, Calendar::Hour, Calendar::Day, Calendar::Week, Calendar::Month];

    proptest! {
        #[test]
        fn windows_lie_side_by_side(moment in -4_000_000_000 * SECOND..40_000_000_000 * SECOND) {
            for calendar in ALL {
                let (start, end) = span(calendar, moment);
                prop_assert!(start <= moment && moment < end);
                prop_assert_eq!(span(calendar, end).0, end);
                prop_assert_eq!(span(calendar, start - 1).1, start);
            }
        }

        #[test]
        fn no_moment_makes_it_panic(moment in any::<i64>()) {
            for calendar in ALL {
                let (start, end) = span(calendar, moment);
                prop_assert!(start <= end);
            }
            let _ = rfc3339(moment);
        }
    }
}
