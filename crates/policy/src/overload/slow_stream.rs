//! A stream that trickles while nothing is committed is given up for another target.

use std::time::Duration;

use super::{length, micros};

/// What must come within a time as long as nothing has been told to the caller. Enough bytes *or* enough events will do: few long events are as good
/// as many short ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowStreamRules {
    /// The time, counted from the answer's head and then over and over.
    pub within: Duration,
    /// Bytes that are enough.
    pub bytes: u64,
    /// Events that are enough.
    pub events: u32,
}

impl Default for SlowStreamRules {
    /// Keep-alives (a comment every 15 s or so) do not pass for progress: a good stream brings an event or 64 bytes of them in 20 s.
    fn default() -> Self {
        Self { within: Duration::from_secs(20), bytes: 64, events: 1 }
    }
}

/// The guard of one stream up to its commit point.
#[derive(Clone, Copy, Debug)]
pub struct SlowStream {
    rules: SlowStreamRules,
    since: i64,
    bytes: u64,
    events: u32,
}

impl SlowStream {
    /// The answer's head came at `now`.
    pub fn new(rules: SlowStreamRules, now: i64) -> Self {
        Self { rules, since: now, bytes: 0, events: 0 }
    }

    /// A piece came. Events are those that say something; comments and pings are not counted by the caller of this.
    pub fn saw(&mut self, bytes: u64, events: u32, now: i64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.events = self.events.saturating_add(events);
        if self.is_enough() {
            (self.since, self.bytes, self.events) = (now, 0, 0);
        }
    }

    /// Whether the stream is too slow by now.
    pub fn is_too_slow(&self, now: i64) -> bool {
        !self.is_enough() && now.saturating_sub(self.since) >= micros(self.rules.within)
    }

    /// How long to wait before asking again whether it is too slow.
    pub fn left(&self, now: i64) -> Duration {
        let end = self.since.saturating_add(micros(self.rules.within));
        length(end.saturating_sub(now)).min(self.rules.within)
    }

    fn is_enough(&self) -> bool {
        self.bytes >= self.rules.bytes || self.events >= self.rules.events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn what_trickles_is_given_up_and_what_flows_is_not() {
        let rules = SlowStreamRules { within: Duration::from_secs(10), bytes: 100, events: 2 };
        let mut stream = SlowStream::new(rules, 0);
        for second in 1..10 {
            stream.saw(5, 0, second * SECOND);
            assert!(!stream.is_too_slow(second * SECOND));
        }
        assert_eq!(stream.left(9 * SECOND), Duration::from_secs(1));
        assert!(stream.is_too_slow(10 * SECOND));

        let mut stream = SlowStream::new(rules, 0);
        for second in 1..100 {
            stream.saw(1, second as u32 % 2, second * SECOND);
            assert!(!stream.is_too_slow(second * SECOND), "events are enough");
        }
        stream.saw(1000, 0, 108 * SECOND);
        assert!(!stream.is_too_slow(117 * SECOND), "bytes are enough");
        assert!(stream.is_too_slow(118 * SECOND));
    }

    #[test]
    fn a_clock_set_back_makes_nobody_wait_longer() {
        let stream = SlowStream::new(SlowStreamRules::default(), 100 * SECOND);
        assert_eq!(stream.left(0), SlowStreamRules::default().within);
        assert!(!stream.is_too_slow(0));
    }
}
