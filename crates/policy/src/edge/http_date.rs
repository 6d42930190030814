//! Dates of HTTP (RFC 9110, section 5.6.7) as seconds since 1970-01-01 UTC, and the two forms that access logs use.

use tidegate_core::digits::push_number;

use crate::limit::civil::{civil_from_days, days_from_civil};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// 1970-01-01 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// Reads the three forms of RFC 9110: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and
/// `Sun Nov  6 08:49:37 1994`. Letters may be of either case, the comma may be missing and the day of the week is not checked.
pub fn parse(text: &str) -> Option<i64> {
    let mut words = text.split([' ', ',', '-']).filter(|word| !word.is_empty());
    let weekday = words.next()?;
    if weekday.len() < 3 || !weekday.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let (first, second) = (words.next()?, words.next()?);
    let date = if first.as_bytes().first()?.is_ascii_digit() {
        let year = year(words.next()?, text.contains('-'))?;
        let date = (year, month(second)?, day(first)?, clock(words.next()?)?);
        words.next().filter(|zone| zone.eq_ignore_ascii_case("GMT"))?;
        date
    } else {
        let time = clock(words.next()?)?;
        (year(words.next()?, false)?, month(first)?, day(second)?, time)
    };
    let (year, month, day, seconds) = date;
    let days = days_from_civil(year, month, day);
    // The 31st of February would be a day of March.
    (words.next().is_none() && civil_from_days(days) == (year, month, day)).then_some(days * 86_400 + seconds)
}

fn digits(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let is_number = lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn day(text: &str) -> Option<i64> {
    digits(text, 1..=2)
}

fn month(text: &str) -> Option<i64> {
    let place = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(text))?;
    Some(place as i64 + 1)
}

/// Two digits are the years from 1970 to 2069: RFC 850's form is not written today, so that no clock is needed to place them.
fn year(text: &str, may_be_short: bool) -> Option<i64> {
    match digits(text, 2..=4)? {
        year if text.len() == 4 => Some(year),
        year if text.len() == 2 && may_be_short => Some(if year < 70 { 2000 + year } else { 1900 + year }),
        _ => None,
    }
}

fn clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':').map(|part| digits(part, 2..=2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    // 60 is a leap second.
    let is_time = hour < 24 && minute < 60 && second <= 60 && parts.next().is_none();
    is_time.then_some(hour * 3_600 + minute * 60 + second)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn format(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400);
    let (year, month, day) = civil_from_days(days);
    let weekday = WEEKDAYS[days.rem_euclid(7) as usize];
    let (hour, minute, second) = time_of_day(seconds);
    format!(
        "{weekday}, {day:02} {} {year:04} {hour:02}:{minute:02}:{second:02} GMT",
        MONTHS[month as usize - 1]
    )
}

/// Appends `06/Nov/1994:08:49:37 +0000`, as the combined log has it.
pub fn push_common_log(out: &mut Vec<u8>, seconds: i64) {
    let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
    push_number(out, day.unsigned_abs(), 2);
    out.push(b'/');
    out.extend_from_slice(MONTHS[month as usize - 1].as_bytes());
    out.push(b'/');
    push_number(out, year.unsigned_abs(), 4);
    out.push(b':');
    push_time_of_day(out, seconds);
    out.extend_from_slice(b" +0000");
}

/// Appends `1994-11-06T08:49:37+00:00`.
pub fn push_iso8601(out: &mut Vec<u8>, seconds: i64) {
    let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
    for (number, width, mark) in [(year, 4, b'-'), (month, 2, b'-'), (day, 2, b'T')] {
        push_number(out, number.unsigned_abs(), width);
        out.push(mark);
    }
    push_time_of_day(out, seconds);
    out.extend_from_slice(b"+00:00");
}

fn push_time_of_day(out: &mut Vec<u8>, seconds: i64) {
    let (hour, minute, second) = time_of_day(seconds);
    push_number(out, hour.unsigned_abs(), 2);
    for part in [minute, second] {
        out.push(b':');
        push_number(out, part.unsigned_abs(), 2);
    }
}

fn time_of_day(seconds: i64) -> (i64, i64, i64) {
    let of_day = seconds.rem_euclid(86_400);
    (of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEEN: i64 = 784_111_777;

    #[test]
    fn all_three_forms_are_read() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "SUN, 06 NOV 1994 08:49:37 gmt",
            "Sun 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(text), Some(SEEN), "{text}");
        }
        assert_eq!(parse("Thursday, 18-Aug-50 02:01:18 GMT"), parse("Thu, 18 Aug 2050 02:01:18 GMT"));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "0",
            "-1",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 1994 08.49.37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_written_for_headers_and_logs() {
        assert_eq!(format(SEEN), "Sun, 06 Nov 1994 08:49:37 GMT");
        let written = |push: fn(&mut Vec<u8>, i64)| {
            let mut out = Vec::new();
            push(&mut out, SEEN);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(push_common_log), "06/Nov/1994:08:49:37 +0000");
        assert_eq!(written(push_iso8601), "1994-11-06T08:49:37+00:00");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(seconds in 0i64..200_000_000_000) {
            prop_assert_eq!(parse(&format(seconds)), Some(seconds));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[A-Za-z0-9 ,:-]{0,40}|.*") {
            let _ = parse(&text);
        }
    }
}
