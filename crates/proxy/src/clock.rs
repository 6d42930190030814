//! Times as text, and HTTP dates as times.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use tidegate_core::digits::push_number;

/// Appends `2026-11-21T10:45:00.123Z`.
pub fn push_rfc3339(out: &mut Vec<u8>, time: SystemTime) {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let seconds = since.as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    for (number, width, behind) in [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (seconds / 3600 % 24, 2, b':'),
        (seconds / 60 % 60, 2, b':'),
        (seconds % 60, 2, b'.'),
        (since.subsec_millis().into(), 3, b'Z'),
    ] {
        push_number(out, number, width);
        out.push(behind);
    }
}

/// Microseconds since 1970, by the wall clock at the first call and by the monotonic clock from then on: never back.
pub fn micros() -> i64 {
    static BEGIN: OnceLock<(Instant, i64)> = OnceLock::new();
    let (begin, at) = BEGIN.get_or_init(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        (Instant::now(), i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    });
    let since = begin.elapsed();
    // Not `as_micros`, which divides 128 bits.
    at + (since.as_secs() * 1_000_000 + u64::from(since.subsec_micros())) as i64
}

/// Appends milliseconds with three digits behind the point.
pub fn push_millis(out: &mut Vec<u8>, duration: Duration) {
    let micros = duration.as_micros() as u64;
    push_number(out, micros / 1000, 1);
    out.push(b'.');
    push_number(out, micros % 1000, 3);
}

/// Days since 1970-01-01 as year, month, day (Gregorian; Howard Hinnant's `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    (year, month, doy - (153 * mp + 2) / 5 + 1)
}

/// The inverse of [`civil`], for years from 1970.
fn days_before(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, yoe) = (year / 400, year % 400);
    let mp = if month > 2 { month - 3 } else { month + 9 };
    let doy = (153 * mp + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// Reads an HTTP date (`Sun, 06 Nov 1994 08:49:37 GMT`, RFC 9110 section 5.6.7) as Unix seconds.
pub fn http_date(text: &str) -> Option<f64> {
    let mut words = text.split_once(", ")?.1.split([' ', ':']);
    let day: u64 = words.next()?.parse().ok()?;
    let month = words.next()?;
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|name| *name == month)? as u64 + 1;
    let mut number = || words.next()?.parse::<u64>().ok();
    let (year, hour, minute, second) = (number()?, number()?, number()?, number()?);
    if !(1970..10_000).contains(&year) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60
    {
        return None;
    }
    let days = days_before(year, month, day);
    Some((days * 86_400 + hour * 3600 + minute * 60 + second) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads_times() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_250);
        let mut out = Vec::new();
        push_rfc3339(&mut out, time);
        push_millis(&mut out, Duration::from_micros(12_034));
        assert_eq!(out, b"1994-11-06T08:49:37.250Z12.034");
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777.0));
        assert_eq!(http_date("Wed, 29 Feb 2096 00:00:00 GMT"), Some(3_981_312_000.0));
        assert_eq!(http_date("soon"), None);
        assert_eq!(http_date("Sun, 99 Nov 1994 08:49:37 GMT"), None);
    }
}
