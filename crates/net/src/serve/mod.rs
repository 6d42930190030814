//! Stop 1 of a request's way: accept a connection, speak HTTP/1 or HTTP/2 on it, hand each request to the handler.

use std::future::Future;
use std::sync::Arc;

use http::{Request, Response};
use http_body::Body;
use tokio::net::TcpListener;

pub use self::door::{Door, Trust};
pub use self::limits::{Pace, ServeLimits};
pub use self::peer::Peer;
pub use self::seats::{Seat, Seats};
use crate::{Drain, Incoming};

mod connection;
mod door;
mod greet;
mod limits;
mod line;
mod peer;
pub mod proxy_protocol;
mod seats;
mod stalled;
#[cfg(test)]
mod tests;
mod wire;

/// Answers requests. One handler serves all connections of a door.
pub trait Handler: Send + Sync + 'static {
    /// The answer's body.
    type Body: Body<Data = bytes::Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + Unpin
        + 'static;

    /// Answers one request; every error has become an answer already.
    fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// Serves a door in the clear: [`Door`] without anything beside its limits.
pub async fn serve<H: Handler>(listener: TcpListener, handler: Arc<H>, limits: ServeLimits, drain: Drain) {
    Door::new(listener).limits(limits).serve(handler, drain).await;
}
