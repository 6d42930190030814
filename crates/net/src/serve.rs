//! Stop 1 of a request's way: accept a connection, speak HTTP/1 or HTTP/2 on it, hand each request to the handler.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
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
    let server = Arc::new(http_server(&limits));
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = drain.wait() => break,
        };
        match accepted {
            Ok((stream, address)) => {
                let peer = Peer { address };
                spawn_connection(&server, &connections, &handler, stream, peer, limits.header_read);
            }
            Err(error) => pause_after(&error).await,
        }
    }
    drop(listener);
    if tokio::time::timeout(limits.drain, connections.shutdown()).await.is_err() {
        warn!("open exchanges were cut: the drain limit of {:?} is over", limits.drain);
    }
}

fn http_server(limits: &ServeLimits) -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_buf_size(limits.header_bytes)
        .half_close(limits.allow_half_close)
        // Copying small pieces together is cheaper than many small vectors. Never `pipeline_flush`: it would do the same, but
        // also lift hyper's bound on unsent bytes, and hold a stream back while a pipelined request waits behind it.
        .writev(false);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(250)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_secs(60));
    server
}

fn spawn_connection<H: Handler>(
    server: &Arc<auto::Builder<TokioExecutor>>,
    connections: &GracefulShutdown,
    handler: &Arc<H>,
    stream: TcpStream,
    peer: Peer,
    first_head: Duration,
) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "the peer was gone before it was served");
        return;
    }
    let handler = handler.clone();
    let begun = Arc::new(AtomicBool::new(false));
    let told = begun.clone();
    let service = service_fn(move |request| {
        told.store(true, Ordering::Relaxed);
        let handler = handler.clone();
        // In a box of its own: a connection has room for the state of a request, and keeps it while it only streams.
        let answering = Box::pin(handler.handle(request, peer));
        async move { Ok::<_, Infallible>(answering.await) }
    });
    let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = unless_silent(connection, &begun, first_head).await {
            debug!(%error, peer = %peer.address, "connection ended");
        }
    });
}

/// Drives a connection; drops it when no request has come on it within the limit. While it waits to learn the version of
/// HTTP, hyper-util has no limit of its own (hyper#3756).
async fn unless_silent<E: From<&'static str>>(
    connection: impl Future<Output = Result<(), E>>,
    begun: &AtomicBool,
    limit: Duration,
) -> Result<(), E> {
    let mut connection = pin!(connection);
    match tokio::time::timeout(limit, connection.as_mut()).await {
        Ok(ended) => ended,
        Err(_) if begun.load(Ordering::Relaxed) => connection.await,
        Err(_) => Err("no request has come on it".into()),
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
}
