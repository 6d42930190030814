//! Whether and when to try again.

use std::time::Duration;

/// How often one exchange may try, and how long it waits in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryRules {
    /// Most attempts of one exchange, over all its targets. 1 forbids retries.
    pub max_attempts: u32,
    /// The wait before the first repeated attempt at the same target; doubles with each further one.
    pub base: Duration,
    /// Longest wait. A provider that asks for more is not waited for.
    pub max_wait: Duration,
}

impl Default for RetryRules {
    fn default() -> Self {
        Self { max_attempts: 3, base: Duration::from_millis(250), max_wait: Duration::from_secs(5) }
    }
}

impl RetryRules {
    /// The wait before attempt number `attempt` (the first is 1) goes to a target that has been tried already.
    ///
    /// Full jitter: uniform between zero and the exponential bound, by `chance` in `0.0..1.0`; but never before the time
    /// that the provider named. `None` when the provider asks for more than `max_wait`: then waiting is the caller's business.
    pub fn wait(&self, attempt: u32, asked: Option<Duration>, chance: f64) -> Option<Duration> {
        if let Some(asked) = asked {
            return (asked <= self.max_wait).then_some(asked + self.base.mul_f64(chance));
        }
        let bound = self.base.saturating_mul(1 << attempt.saturating_sub(2).min(16)).min(self.max_wait);
        Some(bound.mul_f64(chance))
    }

    /// Whether a target may be tried twice. Not when the client has begun to retry by itself (`x-stainless-retry-count` over
    /// 0): then every target is tried once, so that the two do not multiply.
    pub fn repeats_allowed(&self, client_retry_count: u32) -> bool {
        client_retry_count == 0
    }
}

/// Longest `retry-after` that is believed: a day. More is garbage (fault 55).
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// Reads `retry-after-ms` (milliseconds, may be fractional) before `retry-after` (seconds, may be fractional, or an HTTP date
/// that `date_to_unix` understands). Past dates, negative numbers and garbage count as no wish; too long ones are clamped.
pub fn retry_after(
    millis: Option<&str>,
    seconds_or_date: Option<&str>,
    now_unix: f64,
    date_to_unix: impl Fn(&str) -> Option<f64>,
) -> Option<Duration> {
    let from_millis = millis.and_then(|text| text.trim().parse::<f64>().ok()).map(|ms| ms / 1000.0);
    let seconds = from_millis.or_else(|| {
        let text = seconds_or_date?.trim();
        text.parse::<f64>().ok().or_else(|| date_to_unix(text).map(|date| date - now_unix))
    })?;
    if !seconds.is_finite() || seconds < 0.0 {
        return None;
    }
    Some(Duration::from_secs_f64(seconds.min(LONGEST_RETRY_AFTER.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ms: Option<&str>, s: Option<&str>) -> Option<Duration> {
        retry_after(ms, s, 1000.0, |date| date.strip_prefix("at ").and_then(|at| at.parse().ok()))
    }

    #[test]
    fn fault_55_every_form_of_retry_after_is_honoured_clamped_or_ignored() {
        assert_eq!(read(None, Some("2")), Some(Duration::from_secs(2)));
        assert_eq!(read(None, Some("1.5")), Some(Duration::from_millis(1500)));
        assert_eq!(read(Some("20"), Some("2")), Some(Duration::from_millis(20)));
        assert_eq!(read(None, Some("at 1003")), Some(Duration::from_secs(3)));
        assert_eq!(read(None, Some("at 900")), None);
        assert_eq!(read(None, Some("0")), Some(Duration::ZERO));
        assert_eq!(read(None, Some("-1")), None);
        assert_eq!(read(None, Some("1e9")), Some(LONGEST_RETRY_AFTER));
        assert_eq!(read(None, Some("soon")), None);
        assert_eq!(read(None, Some("NaN")), None);
    }

    #[test]
    fn waits_grow_and_stay_under_the_bound() {
        let rules = RetryRules::default();
        assert_eq!(rules.wait(2, None, 1.0), Some(Duration::from_millis(250)));
        assert_eq!(rules.wait(3, None, 1.0), Some(Duration::from_millis(500)));
        assert_eq!(rules.wait(30, None, 1.0), Some(rules.max_wait));
        assert_eq!(rules.wait(2, None, 0.0), Some(Duration::ZERO));
    }

    #[test]
    fn a_named_time_is_never_undercut_and_a_long_one_is_not_waited_for() {
        let rules = RetryRules::default();
        assert!(rules.wait(2, Some(Duration::from_secs(2)), 0.0) >= Some(Duration::from_secs(2)));
        assert_eq!(rules.wait(2, Some(Duration::from_secs(60)), 0.5), None);
    }
}
