//! When a target counts as broken, and how it comes back.

use std::time::Duration;

/// The rules of a pool's breakers. Zero switches a count off, `None` a check.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthRules {
    /// So many failures in a row open the breaker.
    pub failures: u32,
    /// A share of failures in the window from which on the breaker opens, 0 to 1.
    pub rate: Option<f64>,
    /// The share says nothing of fewer answers than these.
    pub rate_least: u32,
    /// How far back the share looks.
    pub window: Duration,
    /// How long the breaker stays open the first time.
    pub open: Duration,
    /// It doubles with every trial that fails, up to this.
    pub longest_open: Duration,
    /// So many trials, one at a time, must go well before the breaker closes.
    pub trials: u32,
    /// nginx's `max_fails`: so many failures within `fail_timeout` take the target out for `fail_timeout`.
    pub max_fails: u32,
    /// nginx's `fail_timeout`.
    pub fail_timeout: Duration,
    /// A first token that comes later than this is slow.
    pub slow_first_token: Option<Duration>,
    /// A first token that takes so many times longer than is usual in the pool is slow. Not for pools of models that differ in speed by nature.
    pub slow_factor: Option<f64>,
    /// So many slow first tokens in a row open the breaker.
    pub slow_strikes: u32,
    /// Nothing is heard for so long while several requests wait: the breaker opens. Longer where first tokens usually take longer.
    pub silence: Option<Duration>,
    /// So many active probes that fail in a row open the breaker.
    pub probe_fall: u32,
    /// So many active probes that go well in a row close a breaker that probes have opened.
    pub probe_rise: u32,
    /// How long a target takes, after it has come back, to get its full weight again.
    pub slow_start: Duration,
}

impl Default for HealthRules {
    fn default() -> Self {
        Self {
            failures: 5,
            rate: Some(0.2),
            rate_least: 20,
            window: Duration::from_secs(10),
            open: Duration::from_secs(30),
            longest_open: Duration::from_secs(300),
            trials: 3,
            max_fails: 0,
            fail_timeout: Duration::from_secs(10),
            slow_first_token: None,
            slow_factor: Some(5.0),
            slow_strikes: 5,
            silence: Some(Duration::from_secs(3)),
            probe_fall: 3,
            probe_rise: 2,
            slow_start: Duration::from_secs(10),
        }
    }
}

/// Under this no first token is slow compared with others: differences are noise.
const NOISE: i64 = 100_000;
/// How long silence is borne where nobody knows what is usual.
const PATIENCE: i64 = 30_000_000;

impl HealthRules {
    /// Whether a first token after `took` microseconds is slow. `usual` in microseconds, 0 if unknown.
    pub(crate) fn is_slow(&self, took: i64, usual: i64) -> bool {
        let bar =
            self.slow_factor.filter(|_| usual > 0).map(|factor| (usual as f64 * factor).max(NOISE as f64));
        bar.is_some_and(|bar| took as f64 > bar)
            || self.slow_first_token.is_some_and(|bar| took > micros(bar))
    }

    /// How long silence is borne, in microseconds, where a first token usually takes `usual` (0 if unknown).
    pub(crate) fn patience(&self, usual: i64) -> i64 {
        let Some(silence) = self.silence else { return i64::MAX };
        let usual = if usual > 0 { usual.saturating_mul(5) } else { PATIENCE };
        micros(silence).max(usual)
    }
}

/// A length in microseconds.
pub(crate) fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX)
}
