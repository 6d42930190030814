//! Stop 1 of a request's way: accept a connection, speak HTTP/1 or HTTP/2 on it, hand each request to the handler.

use std::future::Future;
use std::pin::Pin;
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
    fn handle(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> Answering<Self::Body>;
}

/// A request that is being answered, in a box of its own, which is gone once there is an answer: a connection that waits or streams
/// has no room for it.
pub type Answering<B> = Pin<Box<dyn Future<Output = Response<B>> + Send>>;

/// A future that is made in its box. What `Box::pin` is given is made before there is a box and then copied, with all its room, of
/// which only what it begins with is in use: kilobytes for a request.
pub fn boxed<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::into_pin(Box::write(Box::new_uninit(), make()))
}

/// Serves a door in the clear: [`Door`] without anything beside its limits.
pub async fn serve<H: Handler>(listener: TcpListener, handler: Arc<H>, limits: ServeLimits, drain: Drain) {
    Door::new(listener).limits(limits).serve(handler, drain).await;
}
