//! The caller's side of an upgrade: the raw connection, once HTTP is over on it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Request;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use crate::ahead::{Duplex, Upgraded};

/// Takes the handle on the caller's connection out of a request. It must be taken before the request is answered.
pub fn on<B>(request: &mut Request<B>) -> OnUpgrade {
    match request.extensions_mut().remove::<Offered>().and_then(|offered| offered.0.lock().ok()?.take()) {
        Some(promise) => OnUpgrade(Promise::Http1(promise)),
        None => OnUpgrade(Promise::Http2(hyper::upgrade::on(request))),
    }
}

/// Gives the caller's connection once the answer that grants the upgrade has left: `101`, or a good one to `CONNECT` with
/// `:protocol`. Fails when another answer has been given, or the connection has ended.
#[derive(Debug)]
pub struct OnUpgrade(Promise);

#[derive(Debug)]
enum Promise {
    Http1(oneshot::Receiver<Upgraded>),
    Http2(hyper::upgrade::OnUpgrade),
}

impl Future for OnUpgrade {
    type Output = io::Result<Upgraded>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match &mut self.0 {
            Promise::Http1(promise) => {
                let refused = |_| io::Error::other("the upgrade was not granted");
                ready!(Pin::new(promise).poll(context)).map_err(refused)
            }
            Promise::Http2(promise) => {
                let upgraded = ready!(Pin::new(promise).poll(context)).map_err(io::Error::other)?;
                Ok(Upgraded::of(Bytes::new(), TokioIo::new(upgraded)))
            }
        })
    }
}

/// What stands in a request's extensions. In a lock, as extensions must be clonable.
#[derive(Clone)]
struct Offered(std::sync::Arc<std::sync::Mutex<Option<oneshot::Receiver<Upgraded>>>>);

/// The connection's side of [`OnUpgrade`] in HTTP/1. Dropped, it refuses.
#[derive(Debug)]
pub(crate) struct Grant(oneshot::Sender<Upgraded>);

/// Puts a handle into a request in HTTP/1.
pub(crate) fn offer<B>(request: &mut Request<B>) -> Grant {
    let (grant, promise) = oneshot::channel();
    request.extensions_mut().insert(Offered(std::sync::Arc::new(std::sync::Mutex::new(Some(promise)))));
    Grant(grant)
}

impl Grant {
    /// Hands over the connection with what was read of it.
    pub(crate) fn give(self, read: Bytes, stream: impl Duplex + 'static) {
        // Nobody may be there who wants it: then it is closed.
        let _ = self.0.send(Upgraded::of(read, stream));
    }
}
