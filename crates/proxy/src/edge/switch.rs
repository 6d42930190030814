//! Requests to speak another protocol (WebSocket and others): once the server has switched, bytes both ways.

use std::time::{Duration, Instant};

use http::Request;

use tidegate_net::tunnel::{TunnelEnd, TunnelLimits, Tunnelled, tie};
use tidegate_net::upgrade::{self, OnUpgrade, Wish};
use tidegate_net::{Drain, Incoming, Upgraded};

use crate::exchange::{Exchange, Outcome};

/// A tunnel may go on while the gateway drains; what is left at the end of the drain is cut by the door.
const DRAINED: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long a caller may be silent whose server has closed: time to read what came last and to close, too.
const LEFT: Duration = Duration::from_secs(5);

/// What a caller wants to speak instead of HTTP, and its connection once HTTP is over.
#[derive(Debug)]
pub struct Switch {
    /// What.
    pub wish: Wish,
    /// On what.
    pub caller: OnUpgrade,
}

impl Switch {
    /// Takes the wish out of a request; most have none.
    pub fn of(request: &mut Request<Incoming>) -> Option<Self> {
        let wish = Wish::of(request)?;
        Some(Self { wish, caller: upgrade::on(request) })
    }
}

/// Carries bytes both ways until one side has had enough, nobody has said anything for `idle`, or the drain is over; then settles.
pub async fn carry(
    caller: OnUpgrade,
    upstream: Upgraded,
    (idle, drain): (Duration, Drain),
    mut exchange: Box<Exchange>,
) {
    let begun = Instant::now();
    let limits = TunnelLimits { idle, left: LEFT, drained: DRAINED, drain };
    let Tunnelled { up, down, end } = tie(caller, upstream, &limits).await;
    tracing::debug!(up, down, ?end, "a tunnel has ended");
    exchange.outcome = match end {
        TunnelEnd::Broken(_) => Outcome::Cancelled,
        TunnelEnd::Closed | TunnelEnd::Idle | TunnelEnd::Drained => Outcome::Complete,
    };
    if let Some(passage) = &mut exchange.edge {
        passage.received += up;
        passage.sent += down;
        if let Some(last) = passage.tries.last_mut() {
            last.end = last.head.map(|head| head + begun.elapsed());
        }
    }
}
