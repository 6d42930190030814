//! The caller's side of an upgrade: the raw connection, once HTTP is over on it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Request;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Takes the handle on the caller's connection out of a request. It must be taken before the request is answered.
pub fn on<B>(request: &mut Request<B>) -> OnUpgrade {
    OnUpgrade(hyper::upgrade::on(request))
}

/// Gives the caller's connection once the answer that grants the upgrade has left: `101`, or a good one to `CONNECT` with
/// `:protocol`. Fails when another answer has been given, or the connection has ended.
#[derive(Debug)]
pub struct OnUpgrade(hyper::upgrade::OnUpgrade);

impl Future for OnUpgrade {
    type Output = io::Result<CallerStream>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let upgraded = ready!(Pin::new(&mut self.0).poll(context)).map_err(io::Error::other)?;
        Poll::Ready(Ok(CallerStream(TokioIo::new(upgraded))))
    }
}

/// The caller's connection as bytes in both directions; what came behind the request is read first.
#[derive(Debug)]
pub struct CallerStream(TokioIo<hyper::upgrade::Upgraded>);

impl AsyncRead for CallerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for CallerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
