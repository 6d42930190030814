//! Stop 1 of a request's way: accept a connection, speak HTTP/1 or HTTP/2 on it, hand each request to the handler.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout_at};
use tracing::{debug, warn};

use crate::Drain;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The peer's address as the socket tells it.
    pub address: SocketAddr,
}

/// Limits of a listening door.
#[derive(Clone, Copy, Debug)]
pub struct ServeLimits {
    /// Longest wait for a request's whole head. On HTTP/1 it holds for every request, the idle time of a kept-alive
    /// connection included. A connection of either version whose first head has not come by then is closed; later, an
    /// HTTP/2 connection lives as long as its peer answers pings.
    pub header_read: Duration,
    /// Most bytes of a request's head that are buffered; at least 8192, or hyper panics.
    pub header_bytes: usize,
    /// Whether a peer that has shut down its sending side still gets its answer. Off, the end of its sending counts as
    /// "client gone" and the upstream is cancelled at once, as nginx does; a closed and a half-closed peer look alike.
    pub allow_half_close: bool,
    /// Longest time that open exchanges may take to finish once a drain has begun.
    pub drain: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            header_read: Duration::from_secs(75),
            header_bytes: 64 * 1024,
            allow_half_close: false,
            drain: Duration::from_secs(300),
        }
    }
}

/// Answers requests. One handler serves all connections of a door.
pub trait Handler: Send + Sync + 'static {
    /// The answer's body.
    type Body: Body<Data = bytes::Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + 'static;

    /// Answers one request; every error has become an answer already.
    fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// Accepts connections until the drain starts, then waits for open exchanges up to `limits.drain`.
pub async fn serve<H: Handler>(listener: TcpListener, handler: Arc<H>, limits: ServeLimits, drain: Drain) {
    let door = Arc::new(Door::new(handler, &limits, drain));
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = door.drain.wait() => break,
        };
        match accepted {
            Ok((stream, address)) => {
                spawn_connection(door.clone(), stream, Peer { address }, connections.watcher());
            }
            Err(error) => pause_after(&error).await,
        }
    }
    drop(listener);
    if tokio::time::timeout(limits.drain, connections.shutdown()).await.is_err() {
        warn!("open exchanges were cut: the drain limit of {:?} is over", limits.drain);
    }
}

/// What all connections of a door share.
struct Door<H> {
    handler: Arc<H>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    /// Longest wait for a connection's first head.
    first_head: Duration,
    drain: Drain,
}

impl<H: Handler> Door<H> {
    fn new(handler: Arc<H>, limits: &ServeLimits, drain: Drain) -> Self {
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
            .max_concurrent_streams(250)
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(Duration::from_secs(60));
        Self { handler, http1, http2, first_head: limits.header_read, drain }
    }

    /// A connection that speaks the version that its first bytes are in.
    fn connection(
        &self,
        is_http2: bool,
        stream: TcpStream,
        peer: Peer,
        begun: Arc<AtomicBool>,
        watcher: Watcher,
    ) -> Connection {
        let handler = self.handler.clone();
        let service = service_fn(move |request| {
            begun.store(true, Ordering::Relaxed);
            let handler = handler.clone();
            // In a box of its own: a connection has room for the state of a request, and keeps it while it only streams.
            let answering = Box::pin(handler.handle(request, peer));
            async move { Ok::<_, Infallible>(answering.await) }
        });
        let stream = TokioIo::new(stream);
        if is_http2 {
            Box::pin(watcher.watch(self.http2.serve_connection(stream, service)))
        } else {
            Box::pin(watcher.watch(self.http1.serve_connection(stream, service)))
        }
    }
}

/// In a box: in a future, what is handed on takes its room at every step.
type Connection = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

fn spawn_connection<H: Handler>(door: Arc<Door<H>>, stream: TcpStream, peer: Peer, watcher: Watcher) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "the peer was gone before it was served");
        return;
    }
    tokio::spawn(async move {
        let end = Instant::now() + door.first_head;
        let is_http2 = tokio::select! {
            begins = timeout_at(end, begins_http2(&stream)) => match begins {
                Ok(Ok(is_http2)) => is_http2,
                _ => return debug!(peer = %peer.address, "the peer has gone, or has sent nothing"),
            },
            () = door.drain.wait() => return,
        };
        let begun = Arc::new(AtomicBool::new(false));
        let connection = door.connection(is_http2, stream, peer, begun.clone(), watcher);
        drop(door);
        unless_silent(connection, &begun, end, peer).await;
    });
}

/// What an HTTP/2 connection begins with (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How often the rest of half a preface is looked for.
const PREFACE_LOOK: Duration = Duration::from_millis(10);

/// Whether a connection begins as HTTP/2 does. Its bytes stay where they are: hyper-util's way, to read them and put them
/// back, lets hyper's buffer begin at 16 KiB instead of 8.
async fn begins_http2(stream: &TcpStream) -> std::io::Result<bool> {
    let mut seen = [0; PREFACE.len()];
    loop {
        let count = stream.peek(&mut seen).await?;
        if count == 0 || seen[..count] != PREFACE[..count] {
            return Ok(false);
        }
        if count == PREFACE.len() {
            return Ok(true);
        }
        // It would be told of the same bytes again at once.
        tokio::time::sleep(PREFACE_LOOK).await;
    }
}

/// Drives a connection; drops it when no request has come on it by `end`: HTTP/2 has no limit of its own for its first.
async fn unless_silent(mut connection: Connection, begun: &AtomicBool, end: Instant, peer: Peer) {
    let ended = match timeout_at(end, connection.as_mut()).await {
        Ok(ended) => ended,
        Err(_) if begun.load(Ordering::Relaxed) => connection.await,
        Err(_) => return debug!(peer = %peer.address, "no request has come on the connection"),
    };
    if let Err(error) = ended {
        debug!(%error, peer = %peer.address, "connection ended");
    }
}

/// Out of file descriptors and kin: wait a little instead of spinning. Errors of one peer need no pause.
async fn pause_after(error: &std::io::Error) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        warn!(%error, "cannot accept connections; trying again in 100 ms");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body_util::Full;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Answers after the time in which a first request must have come.
    struct Slow;

    const HEADER_READ: Duration = Duration::from_millis(200);

    impl Handler for Slow {
        type Body = Full<Bytes>;

        async fn handle(self: Arc<Self>, _: Request<Incoming>, _: Peer) -> Response<Self::Body> {
            tokio::time::sleep(HEADER_READ * 2).await;
            Response::new(Full::from("late"))
        }
    }

    /// Sends that and reads to the end.
    async fn told(bytes: &[u8]) -> Vec<u8> {
        let listener = crate::listen::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let limits = ServeLimits { header_read: HEADER_READ, ..ServeLimits::default() };
        tokio::spawn(serve(listener, Arc::new(Slow), limits, Drain::default()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut read = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut read)).await;
        // Closed with bytes unread, a connection is reset.
        assert!(ended.is_ok(), "the connection is kept");
        read
    }

    #[tokio::test]
    async fn a_peer_that_says_nothing_or_half_a_preface_is_let_go() {
        for said in ["", "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HT"] {
            assert!(!told(said.as_bytes()).await.starts_with(b"HTTP/1.1 200"), "{said:?}");
        }
    }

    #[tokio::test]
    async fn a_request_under_way_is_not_cut_by_the_limit_for_the_first() {
        let answer = told(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"late"));
    }

    #[tokio::test]
    async fn a_preface_that_comes_byte_by_byte_is_answered_in_http2() {
        let listener = crate::listen::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, Arc::new(Slow), ServeLimits::default(), Drain::default()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        for byte in PREFACE {
            stream.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(head[3], 4, "no settings frame: {head:?}");
    }

    #[tokio::test]
    async fn a_drain_does_not_wait_for_a_peer_that_has_said_nothing() {
        let listener = crate::listen::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let drain = Drain::default();
        let served = tokio::spawn(serve(listener, Arc::new(Slow), ServeLimits::default(), drain.clone()));
        let silent = TcpStream::connect(address).await.unwrap();
        let mut other = TcpStream::connect(address).await.unwrap();
        // Once this one has its answer, the one before it has been accepted.
        other.write_all(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await.unwrap();
        other.read_to_end(&mut Vec::new()).await.unwrap();
        drain.start();
        tokio::time::timeout(Duration::from_secs(20), served).await.expect("it still waits").unwrap();
        drop(silent);
    }
}
