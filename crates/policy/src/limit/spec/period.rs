//! `per`: the time of a limit as it is written, and the window that it makes.

use std::time::Duration;

use super::{Mistakes, WindowKind};
use crate::limit::{Calendar, Window};

/// Longest window. A calendar's month fits, a leap year does too.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// A time as it was written.
#[derive(Clone, Copy)]
pub(super) enum Period {
    /// `minute`
    Named(Calendar),
    /// `30s`
    Exact(Duration),
}

impl Period {
    /// Reads `second`, `minute`, `hour`, `day`, `week`, `month`, or a number with `ms`, `s`, `m`, `h` or `d`.
    /// The error is the end of a sentence about it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let named = match text {
            "second" => Calendar::Second,
            "minute" => Calendar::Minute,
            "hour" => Calendar::Hour,
            "day" => Calendar::Day,
            "week" => Calendar::Week,
            "month" => Calendar::Month,
            _ => return exact(text).map(Self::Exact),
        };
        Ok(Self::Named(named))
    }

    /// Its length. Of a month 30 days, where it does not stand for a calendar's month.
    fn length(self) -> Duration {
        match self {
            Self::Named(calendar) => calendar.usual_length(),
            Self::Exact(length) => length,
        }
    }

    /// Long ones follow the calendar, as budgets do; short ones slide.
    fn default_kind(self) -> WindowKind {
        match self {
            Self::Named(Calendar::Day | Calendar::Week | Calendar::Month) => WindowKind::Calendar,
            _ => WindowKind::Sliding,
        }
    }

    /// The window of that kind; `burst` is what a bucket holds.
    pub(super) fn window(self, kind: Option<WindowKind>, burst: i64, mistakes: &mut Mistakes) -> Window {
        let kind = kind.unwrap_or(self.default_kind());
        match (kind, self) {
            (WindowKind::Bucket, _) => Window::Bucket { per: self.length(), burst },
            (WindowKind::Calendar, Self::Named(calendar)) => Window::Calendar(calendar),
            (WindowKind::Calendar, Self::Exact(_)) => {
                mistakes
                    .add("window", "`calendar` needs `per` to be a name such as `hour`, `day` or `month`");
                Window::Sliding(self.length())
            }
            (WindowKind::Sliding, _) => Window::Sliding(self.length()),
        }
    }
}

fn exact(text: &str) -> Result<Duration, String> {
    const SHAPE: &str = "must be `second`, `minute`, `hour`, `day`, `week`, `month` or a time such as `30s`, `5m`, `24h`, `7d`";
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let millis_per_unit: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(SHAPE.to_owned()),
    };
    if number.is_empty() {
        return Err(SHAPE.to_owned());
    }
    let length = number.parse::<u64>().ok().and_then(|number| number.checked_mul(millis_per_unit));
    match length.map(Duration::from_millis) {
        Some(Duration::ZERO) => Err("must be longer than nothing".to_owned()),
        Some(length) if length <= LONGEST => Ok(length),
        _ => Err("must be at most 366 days".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_refused() {
        for (text, seconds) in
            [("30s", 30), ("5m", 300), ("24h", 86_400), ("366d", 366 * 86_400), ("month", 30 * 86_400)]
        {
            let length = Period::read(text).map(Period::length);
            assert_eq!(length, Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in [
            "",
            "s",
            "0s",
            "0d",
            "-1s",
            "1.5h",
            "5 m",
            "5M",
            "367d",
            "minutes",
            "99999999999999999999d",
            "9999999999999999d",
            "1h30m",
        ] {
            assert!(Period::read(bad).is_err(), "{bad}");
        }
    }
}
