//! How long an attempt may take, stage by stage.

use std::time::Duration;

/// Time limits of one attempt at one target; `total` bounds the whole exchange, all attempts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimits {
    /// From the first packet to an open connection, TLS included.
    pub connect: Duration,
    /// From the sent request to the answer's head.
    pub first_byte: Duration,
    /// From the sent request to the first sign of content in a stream. Covers the wait of long reasoning.
    pub first_token: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// From the request's arrival to the answer's last byte.
    pub total: Duration,
}

impl TimeLimits {
    /// The limits of an attempt that begins `elapsed` after the request arrived: no stage lasts beyond `total`.
    #[must_use]
    pub fn left_after(self, elapsed: Duration) -> Self {
        let left = self.total.saturating_sub(elapsed);
        Self { connect: self.connect.min(left), first_byte: self.first_byte.min(left), ..self }
    }
}

impl Default for TimeLimits {
    /// Generous enough for reasoning models that think for minutes, and for the official SDKs' own 10 minutes.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(300),
            first_token: Duration::from_secs(300),
            idle: Duration::from_secs(120),
            total: Duration::from_secs(3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_stage_lasts_beyond_the_total() {
        let limits = TimeLimits { total: Duration::from_secs(10), ..TimeLimits::default() };
        let left = limits.left_after(Duration::from_secs(8));
        assert_eq!((left.connect, left.first_byte), (Duration::from_secs(2), Duration::from_secs(2)));
        assert_eq!(limits.left_after(Duration::from_secs(11)).connect, Duration::ZERO);
    }
}
