//! The caller's side of an upgrade: the raw connection, once HTTP is over on it.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use http::Request;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

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
    Http1(oneshot::Receiver<CallerStream>),
    Http2(hyper::upgrade::OnUpgrade),
}

impl Future for OnUpgrade {
    type Output = io::Result<CallerStream>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match &mut self.0 {
            Promise::Http1(promise) => {
                let refused = |_| io::Error::other("the upgrade was not granted");
                ready!(Pin::new(promise).poll(context)).map_err(refused)
            }
            Promise::Http2(promise) => {
                let upgraded = ready!(Pin::new(promise).poll(context)).map_err(io::Error::other)?;
                Ok(CallerStream { read: BytesMut::new(), stream: Box::new(TokioIo::new(upgraded)) })
            }
        })
    }
}

/// The caller's connection as bytes in both directions; what came behind the request is read first.
pub struct CallerStream {
    read: BytesMut,
    stream: Box<dyn Duplex>,
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// What stands in a request's extensions. In a lock, as extensions must be clonable.
#[derive(Clone)]
struct Offered(std::sync::Arc<std::sync::Mutex<Option<oneshot::Receiver<CallerStream>>>>);

/// The connection's side of [`OnUpgrade`] in HTTP/1. Dropped, it refuses.
#[derive(Debug)]
pub(crate) struct Grant(oneshot::Sender<CallerStream>);

/// Puts a handle into a request in HTTP/1.
pub(crate) fn offer<B>(request: &mut Request<B>) -> Grant {
    let (grant, promise) = oneshot::channel();
    request.extensions_mut().insert(Offered(std::sync::Arc::new(std::sync::Mutex::new(Some(promise)))));
    Grant(grant)
}

impl Grant {
    /// Hands over the connection with what was read of it.
    pub(crate) fn give<T: AsyncRead + AsyncWrite + Send + Unpin + 'static>(self, read: BytesMut, stream: T) {
        // Nobody may be there who wants it: then it is closed.
        let _ = self.0.send(CallerStream { read, stream: Box::new(stream) });
    }
}

impl fmt::Debug for CallerStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallerStream({} bytes read)", self.read.len())
    }
}

impl AsyncRead for CallerStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.read.is_empty() {
            return Pin::new(&mut this.stream).poll_read(context, into);
        }
        let count = this.read.len().min(into.remaining());
        into.put_slice(&this.read[..count]);
        this.read.advance(count);
        if this.read.is_empty() {
            this.read = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for CallerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
