//! Limits of a listening door.

use std::time::Duration;

/// Limits of a listening door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeLimits {
    /// Longest wait for a request's whole head. On HTTP/1 it holds for every request, the idle time of a kept-alive
    /// connection included. A connection of either version whose first head has not come by then is closed; later, an
    /// HTTP/2 connection lives as long as its peer answers pings.
    pub header_read: Duration,
    /// Most bytes of a request's head. On HTTP/2 it counts names and values as decoded, with 32 bytes for each field (RFC 9113 section 6.5.2).
    pub header_bytes: usize,
    /// Whether a peer that has shut down its sending side still gets its answer. Off, the end of its sending counts as
    /// "client gone" and the upstream is cancelled at once, as nginx does; a closed and a half-closed peer look alike.
    pub allow_half_close: bool,
    /// Longest time that open exchanges may take to finish once a drain has begun.
    pub drain: Duration,
    /// Most requests that are open at once on one HTTP/2 connection.
    pub streams: u32,
    /// Whether `CONNECT` with `:protocol` is offered on HTTP/2 (RFC 8441). Only for handlers that tunnel: browsers that see
    /// the offer send WebSockets that way.
    pub extended_connect: bool,
    /// How fast a peer must read what it asked for, at least. Counts only while bytes wait for it; on HTTP/2 for each stream, too.
    pub reading: Pace,
    /// How fast the body of a request must come over HTTP/1, at least. Counts only while it is waited for.
    pub sending: Pace,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            header_read: Duration::from_secs(75),
            header_bytes: 64 * 1024,
            allow_half_close: false,
            drain: Duration::from_secs(300),
            streams: 250,
            extended_connect: false,
            reading: Pace { window: Duration::from_secs(60), least: 4 * 1024 },
            sending: Pace { window: Duration::from_secs(60), least: 1024 },
        }
    }
}

/// The least that somebody must do who is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long is looked before it is judged.
    pub window: Duration,
    /// Fewer bytes than this within the window are too few.
    pub least: usize,
}

impl Pace {
    /// Longest time for so many bytes, at least one window.
    pub(crate) fn time_for(&self, bytes: usize) -> Duration {
        let windows = u32::try_from(bytes.div_ceil(self.least.max(1))).unwrap_or(u32::MAX);
        self.window.saturating_mul(windows.max(1))
    }
}
