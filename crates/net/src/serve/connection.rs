//! What all connections of a door share, and one connection that speaks HTTP.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use hyper::server::conn::http2;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use super::line::Line;
use super::stalled::{Noted, Streams};
use super::{Handler, Peer, ServeLimits};
use crate::Drain;
use crate::h1::server::connection::{self as http1, Ended};

/// What an HTTP/2 connection begins with (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What is held of an answer for a peer that gives no room for it, on each of its streams.
const UNSENT: usize = 64 * 1024;
/// Streams that a peer has reset before they were looked at, and streams reset for the peer's own errors: more than that and
/// the connection ends with ENHANCE_YOUR_CALM ("rapid reset", "made you reset").
const PENDING_RESETS: usize = 20;
const ERROR_RESETS: usize = 256;

/// How long a connection in HTTP/2 that was accepted before a drain may take to say its first word: told to finish before, it would
/// close at once. Later its caller is told that no more requests are taken.
const FIRST_WORD: Duration = Duration::from_secs(1);

/// What all connections of a door share.
pub(super) struct Server<H> {
    http1: Arc<http1::Shared<H>>,
    http2: http2::Builder<Streams>,
}

impl<H: Handler> Server<H> {
    pub(super) fn new(handler: Arc<H>, limits: &ServeLimits) -> Self {
        let mut http2 = http2::Builder::new(Streams(limits.reading));
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
        Self { http1: Arc::new(http1::Shared { handler, limits: *limits }), http2 }
    }

    /// A connection in HTTP/1 whose first head must have come by `end`.
    pub(super) fn http1(&self, line: Line, peer: Peer, begun: Arc<AtomicBool>, end: Instant) -> Connection {
        Box::new(http1::Connection::new(line, self.http1.clone(), peer, begun, end))
    }

    /// A connection in HTTP/2.
    pub(super) fn http2(&self, line: Line, peer: Peer, begun: Arc<AtomicBool>) -> Connection {
        let handler = self.http1.handler.clone();
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            begun.store(true, Ordering::Relaxed);
            let answering = handler.clone().handle(request.map(Into::into), peer.clone());
            async move { Ok::<_, Infallible>(answering.await.map(Noted)) }
        });
        Box::new(Box::pin(self.http2.serve_connection(TokioIo::new(line), service)))
    }
}

/// In a box: in a future, what is handed on takes its room at every step.
pub(super) type Connection = Box<dyn Speaking>;

/// A connection of either version.
pub(super) trait Speaking: Send {
    /// Serves it; ready when it has ended.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Ended>>;

    /// Ends after the exchanges that are open. On HTTP/1, where only an answer can say so, one more request is waited for: that long, or
    /// as long as ever.
    fn finish(&mut self, patience: Option<Duration>);

    /// Whether it can be told to finish before its first request.
    fn can_finish_early(&self) -> bool;
}

impl<H: Handler> Speaking for http1::Connection<H, Line> {
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        http1::Connection::poll_end(self, context)
    }

    fn finish(&mut self, patience: Option<Duration>) {
        http1::Connection::finish(self, patience);
    }

    fn can_finish_early(&self) -> bool {
        true
    }
}

impl<S, B> Speaking for Pin<Box<http2::Connection<TokioIo<Line>, S, Streams>>>
where
    S: HttpService<hyper::body::Incoming, ResBody = B, Future: Send + 'static> + Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: hyper::body::Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        self.as_mut().poll(context).map_err(Into::into)
    }

    fn finish(&mut self, _: Option<Duration>) {
        self.as_mut().graceful_shutdown();
    }

    fn can_finish_early(&self) -> bool {
        false
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
    told(ended);
}

/// Drives a connection that has all its limits itself.
pub(super) async fn to_its_end(mut connection: Connection, begun: &AtomicBool, drain: &Drain) {
    told(until_drained(&mut connection, begun, drain).await);
}

fn told(ended: Result<(), Ended>) {
    if let Err(error) = ended {
        debug!(%error, "connection ended");
    }
}

async fn until_drained(connection: &mut Connection, begun: &AtomicBool, drain: &Drain) -> Result<(), Ended> {
    // A first answer that comes after the start of the drain says that it is the last.
    if !drain.started()
        && let Some(ended) = unless_drained(connection, drain).await
    {
        return ended;
    }
    if !begun.load(Ordering::Relaxed)
        && !connection.can_finish_early()
        && let Ok(ended) = timeout(FIRST_WORD, poll_fn(|context| connection.poll_end(context))).await
    {
        return ended;
    }
    connection.finish(drain.patience());
    poll_fn(|context| connection.poll_end(context)).await
}

/// `None` when the drain has begun before the connection has ended.
async fn unless_drained(connection: &mut Connection, drain: &Drain) -> Option<Result<(), Ended>> {
    let mut drained = pin!(drain.wait());
    let mut is_asked = false;
    poll_fn(|context| {
        if let Poll::Ready(ended) = connection.poll_end(context) {
            return Poll::Ready(Some(ended));
        }
        // Asked once, it wakes this task by itself: to ask it again whenever a byte comes would cost more than the byte.
        if is_asked && !drain.started() {
            return Poll::Pending;
        }
        is_asked = true;
        drained.as_mut().poll(context).map(|()| None)
    })
    .await
}
