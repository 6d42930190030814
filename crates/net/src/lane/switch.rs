//! Switches of protocol over HTTP/2: what asks for one in the words of HTTP/1.1 is sent as `CONNECT` with `:protocol` (RFC 8441), and the
//! answer turned back.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request};
use hyper::ext::Protocol;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::trunk::Place;
use crate::h1::Outgoing;
use crate::upgrade::accept;

/// What a request asks to speak instead of HTTP.
#[derive(Debug)]
pub(super) struct Switch {
    protocol: HeaderValue,
    key: Option<HeaderValue>,
}

impl Switch {
    /// Reads it from the headers.
    pub(super) fn of(request: &Request<Outgoing>) -> Option<Self> {
        let protocol = request.headers().get(UPGRADE)?.clone();
        Some(Self { protocol, key: request.headers().get(SEC_WEBSOCKET_KEY).cloned() })
    }

    /// Asks for it in HTTP/2's words.
    pub(super) fn ask(&self, request: &mut Request<Outgoing>) {
        let Ok(protocol) = self.protocol.to_str() else { return };
        request.headers_mut().remove(SEC_WEBSOCKET_KEY);
        *request.method_mut() = Method::CONNECT;
        request.extensions_mut().insert(Protocol::from(protocol));
    }

    /// Turns the headers of a granting answer into HTTP/1.1's.
    pub(super) fn grant(&self, headers: &mut HeaderMap) {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, self.protocol.clone());
        if let Some(accept) = self.key.as_ref().and_then(|key| HeaderValue::from_str(&accept(key)).ok()) {
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
    }
}

/// A stream of an HTTP/2 connection that carries another protocol, on its place.
#[derive(Debug)]
pub(super) struct TrunkTunnel {
    stream: TokioIo<hyper::upgrade::Upgraded>,
    /// Held to the tunnel's end.
    _place: Place,
}

impl TrunkTunnel {
    pub(super) fn new(stream: hyper::upgrade::Upgraded, place: Place) -> Self {
        Self { stream: TokioIo::new(stream), _place: place }
    }
}

impl AsyncRead for TrunkTunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for TrunkTunnel {
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
