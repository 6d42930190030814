//! Stop 1 of a request's way: accept a connection, speak HTTP/1 or HTTP/2 on it, hand each request to the handler.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
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
    /// Longest wait for a request's whole head, the idle time of a kept-alive connection included.
    pub header_read: Duration,
    /// Most bytes of a request's head that are buffered.
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
                spawn_connection(&server, &connections, &handler, stream, Peer { address });
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
        .max_header_list_size(limits.header_bytes as u32)
        .keep_alive_interval(Duration::from_secs(60));
    server
}

fn spawn_connection<H: Handler>(
    server: &Arc<auto::Builder<TokioExecutor>>,
    connections: &GracefulShutdown,
    handler: &Arc<H>,
    stream: TcpStream,
    peer: Peer,
) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "the peer was gone before it was served");
        return;
    }
    let handler = handler.clone();
    let service = service_fn(move |request| {
        let handler = handler.clone();
        async move { Ok::<_, Infallible>(handler.handle(request, peer).await) }
    });
    let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!(%error, peer = %peer.address, "connection ended");
        }
    });
}

/// Out of file descriptors and kin: wait a little instead of spinning. Errors of one peer need no pause.
async fn pause_after(error: &std::io::Error) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        warn!(%error, "cannot accept connections; trying again in 100 ms");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
