//! The fake provider as a value: started on a free port, asked about what it saw, stopped when dropped.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::journal::{Cancelled, Journal, Seen};
use crate::prerendered::Prerendered;
use crate::service::{State, serve};
use crate::socket::Socket;

/// A provider that answers in every dialect; see the crate's documentation for what model names mean.
/// It speaks HTTP/1.1 without TLS, and runs on the runtime that started it.
#[derive(Debug)]
pub struct FakeProvider {
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

impl FakeProvider {
    /// Starts on a free port of 127.0.0.1.
    pub async fn start() -> io::Result<Self> {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts on the given address; port 0 takes a free one.
    pub async fn start_on(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let state = Arc::new(State {
            address: listener.local_addr()?,
            journal: Arc::new(Journal::default()),
            prerendered: Prerendered::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { state, accepting })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.state.address
    }

    /// `http://127.0.0.1:PORT`, without a path: OpenAI clients add `/v1`, the others nothing.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// The requests so far, oldest first; `bench` models are not recorded.
    pub fn requests(&self) -> Vec<Seen> {
        self.state.journal.seen()
    }

    /// All requests ever answered, those for `bench` models included.
    pub fn request_count(&self) -> usize {
        self.state.journal.requests.load(Ordering::Acquire)
    }

    /// Forgets requests and cancellations, and starts `failfirst` anew.
    pub fn clear(&self) {
        self.state.journal.clear();
    }

    /// Answers that have begun and not ended, stalled ones included.
    pub fn open_streams(&self) -> usize {
        self.state.journal.open.load(Ordering::Acquire)
    }

    /// TCP connections accepted so far.
    pub fn accepts(&self) -> usize {
        self.state.journal.accepts.load(Ordering::Acquire)
    }

    /// Clients that closed before their answer had ended, so far.
    pub fn cancelled(&self) -> usize {
        self.state.journal.cancelled.load(Ordering::Acquire)
    }

    /// Waits for the next client that closes before its answer has ended. Each one is reported once; `None` when
    /// `limit` has passed.
    pub async fn wait_cancelled(&self, limit: Duration) -> Option<Cancelled> {
        let journal = &self.state.journal;
        journal.wait_until(limit, || journal.take_cancellation()).await
    }

    /// Waits until `count` requests have been recorded since the start or the last [`clear`](Self::clear); gives
    /// what was recorded, or `None` when `limit` has passed.
    pub async fn wait_requests(&self, count: usize, limit: Duration) -> Option<Vec<Seen>> {
        let journal = &self.state.journal;
        journal.wait_until(limit, || Some(journal.seen()).filter(|seen| seen.len() >= count)).await
    }

    /// Waits until no answer is open; `false` when `limit` has passed.
    pub async fn wait_idle(&self, limit: Duration) -> bool {
        let open = &self.state.journal.open;
        self.state
            .journal
            .wait_until(limit, || (open.load(Ordering::Acquire) == 0).then_some(()))
            .await
            .is_some()
    }

    /// Serves until the task ends, which it only does when the provider is dropped.
    pub async fn join(&mut self) {
        (&mut self.accepting).await.ok();
    }
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        // Ends the task, and with its set of connections every open answer.
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    state.journal.accepts.fetch_add(1, Ordering::AcqRel);
                    connections.spawn(connection(stream, Arc::clone(&state)));
                }
                // Out of descriptors, most likely: let some connections end first.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection; its errors are what the script or the client wanted.
async fn connection(stream: TcpStream, state: Arc<State>) {
    let socket = Socket::new(stream);
    let for_requests = socket.clone();
    let service = service_fn(move |request| serve(Arc::clone(&state), for_requests.clone(), request));
    http1::Builder::new().serve_connection(socket, service).await.ok();
}
