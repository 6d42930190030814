//! A door: listening sockets with what is spoken on them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tracing::{debug, warn};

use super::connection::{Server, to_its_end, unless_silent};
use super::greet::greet;
use super::limits::Pace;
use super::line::{Holds, Line};
use super::seats::Seats;
use super::{Handler, ServeLimits};
use crate::Drain;
use crate::listen::Listener;
use crate::tls::TlsServer;

/// How long a handshake that was begun before a drain may take.
const LAST_HANDSHAKE: Duration = Duration::from_secs(10);

/// Whom a door believes a PROXY header. Who is trusted must send one; others are read as if there were no such thing.
#[derive(Clone)]
pub struct Trust {
    includes: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    unix: bool,
}

impl Trust {
    /// Trusts the addresses of which that is true; on a Unix socket everybody, if `unix`.
    pub fn new(includes: impl Fn(IpAddr) -> bool + Send + Sync + 'static, unix: bool) -> Self {
        Self { includes: Arc::new(includes), unix }
    }

    pub(super) fn includes(&self, address: IpAddr) -> bool {
        (self.includes)(address.to_canonical())
    }

    pub(super) fn includes_unix(&self) -> bool {
        self.unix
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trust")
    }
}

/// Listening sockets with what is spoken on them.
#[derive(Debug)]
pub struct Door {
    listeners: Vec<Listener>,
    limits: ServeLimits,
    seats: Option<Arc<Seats>>,
    shared: Shared,
}

/// What the beginning of a connection needs of its door.
#[derive(Clone, Debug, Default)]
pub(super) struct Shared {
    pub(super) tls: Option<Arc<TlsServer>>,
    pub(super) trust: Option<Trust>,
}

/// A connection as it comes from a listener.
pub(super) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

impl Door {
    /// A door in the clear with the usual limits.
    pub fn new(listener: impl Into<Listener>) -> Self {
        Self {
            listeners: vec![listener.into()],
            limits: ServeLimits::default(),
            seats: None,
            shared: Shared::default(),
        }
    }

    /// One more listening socket, each with a task of its own: of the same address ([`crate::listen::bind_shards`]), or another.
    #[must_use]
    pub fn and(mut self, listener: impl Into<Listener>) -> Self {
        self.listeners.push(listener.into());
        self
    }

    /// With other limits.
    #[must_use]
    pub fn limits(mut self, limits: ServeLimits) -> Self {
        self.limits = limits;
        self
    }

    /// With TLS on its TCP listeners; a Unix socket stays in the clear.
    #[must_use]
    pub fn tls(mut self, tls: Arc<TlsServer>) -> Self {
        self.shared.tls = Some(tls);
        self
    }

    /// With PROXY headers (versions 1 and 2) from whom it trusts.
    #[must_use]
    pub fn proxy_protocol(mut self, trust: Trust) -> Self {
        self.shared.trust = Some(trust);
        self
    }

    /// With a bound on connections, which other doors may share.
    #[must_use]
    pub fn seats(mut self, seats: Arc<Seats>) -> Self {
        self.seats = Some(seats);
        self
    }

    /// Accepts connections until the drain starts, then waits for open ones, upgraded ones too, up to `limits.drain`.
    pub async fn serve<H: Handler>(self, handler: Arc<H>, drain: Drain) {
        let (presence, mut present) = mpsc::channel::<()>(1);
        let hall = Arc::new(Hall {
            server: Server::new(handler, &self.limits),
            shared: self.shared,
            seats: self.seats,
            first_head: self.limits.header_read,
            pace: self.limits.reading,
            drain: drain.clone(),
        });
        for listener in self.listeners {
            tokio::spawn(hall.clone().accept(listener, presence.clone()));
        }
        drop((presence, hall));
        drain.wait().await;
        // Nothing is ever sent: the channel closes with the last connection.
        if tokio::time::timeout(self.limits.drain, present.recv()).await.is_err() {
            warn!("open exchanges were cut: the drain limit of {:?} is over", self.limits.drain);
        }
    }
}

/// What all connections of a door share.
struct Hall<H> {
    server: Server<H>,
    shared: Shared,
    seats: Option<Arc<Seats>>,
    /// Longest wait for a connection's first head.
    first_head: Duration,
    pace: Pace,
    drain: Drain,
}

impl<H: Handler> Hall<H> {
    async fn accept(self: Arc<Self>, listener: Listener, presence: mpsc::Sender<()>) {
        loop {
            let accepted = tokio::select! {
                accepted = accept(&listener) => accepted,
                () = self.drain.wait() => return,
            };
            match accepted {
                Ok(accepted) => self.seat(accepted, &presence),
                Err(error) => pause_after(&error).await,
            }
        }
    }

    fn seat(self: &Arc<Self>, accepted: Accepted, presence: &mpsc::Sender<()>) {
        let seat = match &self.seats {
            None => None,
            Some(seats) => match seats.take() {
                None => return debug!("all connections are taken"),
                seat => seat,
            },
        };
        let holds = Holds { _presence: presence.clone(), seat };
        tokio::spawn(self.clone().serve(accepted, holds));
    }

    async fn serve(self: Arc<Self>, accepted: Accepted, mut holds: Holds) {
        let end = Instant::now() + self.first_head;
        let greeting = timeout_at(end, Box::pin(greet(&self.shared, accepted, &mut holds.seat)));
        let greeted = tokio::select! {
            biased;
            greeted = greeting => greeted,
            () = self.drained() => return,
        };
        let greeted = match greeted {
            Ok(Ok(Some(greeted))) => greeted,
            Ok(Ok(None)) => return,
            Ok(Err(error)) => return debug!(%error, "a connection ended before its first request"),
            Err(_) => return debug!("a connection took too long to begin"),
        };
        let begun = Arc::new(AtomicBool::new(false));
        let line = Line::new(greeted.socket, self.pace, holds);
        let drain = self.drain.clone();
        if greeted.is_http2 {
            let connection = self.server.http2(line, greeted.peer, begun.clone());
            drop(self);
            unless_silent(connection, &begun, end, &drain).await;
        } else {
            let connection = self.server.http1(line, greeted.peer, begun.clone(), end);
            drop(self);
            to_its_end(connection, &begun, &drain).await;
        }
    }

    /// Over when a connection that has not begun need not be waited for.
    async fn drained(&self) {
        self.drain.wait().await;
        match self.drain.patience() {
            Some(_) if self.shared.tls.is_some() => tokio::time::sleep(LAST_HANDSHAKE).await,
            Some(patience) => tokio::time::sleep(patience).await,
            None => std::future::pending().await,
        }
    }
}

async fn accept(listener: &Listener) -> io::Result<Accepted> {
    match listener {
        Listener::Tcp(listener) => {
            listener.accept().await.map(|(stream, address)| Accepted::Tcp(stream, address))
        }
        Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| Accepted::Unix(stream)),
    }
}

/// Out of file descriptors and kin: wait a little instead of spinning. Errors of one peer need no pause.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        warn!(%error, "cannot accept connections; trying again in 100 ms");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
