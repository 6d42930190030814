//! What all connections of a door share, and one connection that speaks HTTP.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use super::line::Line;
use super::{Handler, Peer, ServeLimits};
use crate::Drain;

/// What an HTTP/2 connection begins with (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What is held of an answer for a peer that gives no room for it, on each of its streams.
const UNSENT: usize = 64 * 1024;
/// Streams that a peer has reset before they were looked at, and streams reset for the peer's own errors: more than that and
/// the connection ends with ENHANCE_YOUR_CALM ("rapid reset", "made you reset").
const PENDING_RESETS: usize = 20;
const ERROR_RESETS: usize = 256;

/// How long a connection that was accepted before a drain may take to say its first word. A caller whose connection has been
/// accepted has sent its request, or is about to: it is no caller to turn away.
pub(super) const LAST_WORD: Duration = Duration::from_secs(1);

/// What all connections of a door share.
pub(super) struct Server<H> {
    handler: Arc<H>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl<H: Handler> Server<H> {
    pub(super) fn new(handler: Arc<H>, limits: &ServeLimits) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_read)
            .max_buf_size(limits.header_bytes)
            .half_close(limits.allow_half_close)
            // Copying small pieces together is cheaper than many small vectors. Never `pipeline_flush`: it would do the same,
            // but also lift hyper's bound on unsent bytes, and hold a stream back while a pipelined request waits behind it.
            .writev(false);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
            .max_send_buf_size(UNSENT)
            .max_pending_accept_reset_streams(PENDING_RESETS)
            .max_local_error_reset_streams(ERROR_RESETS)
            .keep_alive_interval(Duration::from_secs(60));
        if limits.extended_connect {
            http2.enable_connect_protocol();
        }
        Self { handler, http1, http2 }
    }

    /// A connection that speaks the version that its first bytes are in.
    pub(super) fn connection(
        &self,
        is_http2: bool,
        line: Line,
        peer: Peer,
        begun: Arc<AtomicBool>,
    ) -> Connection {
        let handler = self.handler.clone();
        let service = service_fn(move |request| {
            begun.store(true, Ordering::Relaxed);
            // In a box of its own: a connection has room for the state of a request, and keeps it while it only streams.
            let answering = Box::pin(handler.clone().handle(request, peer.clone()));
            async move { Ok::<_, Infallible>(answering.await) }
        });
        let stream = TokioIo::new(line);
        if is_http2 {
            Box::pin(self.http2.serve_connection(stream, service))
        } else {
            Box::pin(self.http1.serve_connection(stream, service).with_upgrades())
        }
    }
}

/// In a box: in a future, what is handed on takes its room at every step.
pub(super) type Connection = Pin<Box<dyn Speaking>>;

/// A connection of either version.
pub(super) trait Speaking: Future<Output = hyper::Result<()>> + Send {
    /// Ends after the exchanges that are open.
    fn finish(self: Pin<&mut Self>);
}

impl<S, B> Speaking for http1::UpgradeableConnection<TokioIo<Line>, S>
where
    S: HttpService<hyper::body::Incoming, ResBody = B, Future: Send> + Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: hyper::body::Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S, B> Speaking for http2::Connection<TokioIo<Line>, S, TokioExecutor>
where
    S: HttpService<hyper::body::Incoming, ResBody = B, Future: Send + 'static> + Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: hyper::body::Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Drives a connection; drops it when no request has come on it by `end`: HTTP/2 has no limit of its own for its first.
pub(super) async fn unless_silent(
    mut connection: Connection,
    begun: &AtomicBool,
    end: Instant,
    drain: &Drain,
) {
    let ended = match timeout_at(end, until_drained(&mut connection, begun, drain)).await {
        Ok(ended) => ended,
        Err(_) if begun.load(Ordering::Relaxed) => until_drained(&mut connection, begun, drain).await,
        Err(_) => return debug!("no request has come on the connection"),
    };
    if let Err(error) = ended {
        debug!(%error, "connection ended");
    }
}

async fn until_drained(connection: &mut Connection, begun: &AtomicBool, drain: &Drain) -> hyper::Result<()> {
    tokio::select! {
        biased;
        ended = connection.as_mut() => return ended,
        () = drain.wait() => {}
    }
    // Told to finish before its first request, hyper closes at once.
    if !begun.load(Ordering::Relaxed)
        && let Ok(ended) = timeout(LAST_WORD, connection.as_mut()).await
    {
        return ended;
    }
    connection.as_mut().finish();
    connection.as_mut().await
}
