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
