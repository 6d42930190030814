//! Stop 7 of a request's way: lanes to an upstream, kept alive and used again.
//!
//! Not hyper-util's pool: there a request races a fresh connect against a returned connection (hyper#4134), and each
//! return costs a task. Here a lane goes back when the last byte of its answer has been read, without a task, and no lane
//! has a task at all ([`crate::driven`]).

use std::collections::{HashMap, VecDeque};
use std::future::{Future, poll_fn};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::future::Either;
use http::{Request, Response};
use tokio_rustls::TlsConnector;

pub use self::body::LaneBody;
pub use self::options::{LaneOptions, LaneProtocol};
use self::trunk::Trunks;
use crate::h1::connection::Connection;
use crate::h1::stream::Stream;
use crate::h1::write::Message;
use crate::h1::{self, Heading, Outgoing};
use crate::names::Names;
use crate::origin::Origin;
use crate::tls;

mod body;
mod connect;
mod options;
mod switch;
#[cfg(test)]
mod tests;
mod trunk;

/// How long an unused lane may be taken up again: less than servers such as nginx (75 s) keep theirs. Servers that close
/// sooner (Node after 5 s) are noticed when the lane is taken up. Older lanes are closed when another comes back.
const IDLE_LIMIT: Duration = Duration::from_secs(50);
/// Most unused lanes kept for one origin.
const IDLE_LANES: usize = 1024;

/// Why no answer came over a lane.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// The name has no address, nobody listens, the network is down.
    #[error("cannot connect to {origin}: {source}")]
    Connect {
        /// Where to.
        origin: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// No connection within the limit.
    #[error("no connection to {origin} within {} ms", limit.as_millis())]
    ConnectTimeout {
        /// Where to.
        origin: String,
        /// The limit.
        limit: Duration,
    },
    /// No head of an answer within the limit, counted from the open lane.
    #[error("no answer from {origin} within {} ms", limit.as_millis())]
    AnswerTimeout {
        /// Who was asked.
        origin: String,
        /// The limit.
        limit: Duration,
    },
    /// TLS is not available at all (no trusted roots on this system).
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The connection broke before the answer's head was complete, or what came is no answer.
    #[error("no answer from {origin}: {source}")]
    Broken {
        /// Who was asked.
        origin: String,
        /// Whether a lane that was used before broke without a byte of the answer. Likely its upstream was closing it when
        /// the request came, and has not seen the request; what is safe to repeat can be sent again.
        was_idle: bool,
        /// What happened.
        source: h1::Error,
    },
}

/// Opens lanes; one for the whole process, so that a reload keeps every lane.
#[derive(Debug, Default)]
pub struct Connector {
    pools: Mutex<HashMap<(Origin, LaneOptions), Weak<LanePool>>>,
    tls: OnceLock<TlsConnectorSlot>,
    names: Names,
}

/// Keeps `Connector: Debug` without showing the TLS state.
struct TlsConnectorSlot(TlsConnector);

impl std::fmt::Debug for TlsConnectorSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsConnector")
    }
}

impl Connector {
    /// One that finds hosts by those names.
    pub fn with_names(names: Names) -> Self {
        Self { names, ..Self::default() }
    }

    /// The addresses of hosts.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The pool of that origin in HTTP/1.1; the same one as long as somebody holds it.
    pub fn pool(self: &Arc<Self>, origin: &Origin) -> Arc<LanePool> {
        self.pool_with(origin, &LaneOptions::default())
    }

    /// The pool of that origin with those options; the same one as long as somebody holds it.
    pub fn pool_with(self: &Arc<Self>, origin: &Origin, options: &LaneOptions) -> Arc<LanePool> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|_, pool| pool.strong_count() > 0);
        let place = (origin.clone(), options.clone());
        if let Some(pool) = pools.get(&place).and_then(Weak::upgrade) {
            return pool;
        }
        let pool = Arc::new(LanePool {
            origin: origin.clone(),
            connector: self.clone(),
            idle: Mutex::default(),
            trunks: (options.protocol != LaneProtocol::Http1).then(|| Box::new(Trunks::new(options))),
            options: options.clone(),
            tls: OnceLock::new(),
            older: OnceLock::new(),
        });
        pools.insert(place, Arc::downgrade(&pool));
        pool
    }

    fn tls(&self) -> Result<&TlsConnector, LaneError> {
        if let Some(slot) = self.tls.get() {
            return Ok(&slot.0);
        }
        let client = tls::client().map_err(|error| LaneError::Tls(error.to_string()))?;
        Ok(&self.tls.get_or_init(|| TlsConnectorSlot(client)).0)
    }
}

/// The lanes to one origin.
#[derive(Debug)]
pub struct LanePool {
    origin: Origin,
    connector: Arc<Connector>,
    idle: Mutex<VecDeque<Idle>>,
    options: LaneOptions,
    /// Connections in HTTP/2, where they may be.
    trunks: Option<Box<Trunks>>,
    /// How TLS is spoken, where the options say more than the connector's own way.
    tls: OnceLock<TlsConnectorSlot>,
    /// The same in HTTP/1.1, for what cannot go over HTTP/2.
    older: OnceLock<Arc<LanePool>>,
}

/// A connection to the origin; in a box, as it goes from hand to hand.
type Lane = Box<Connection<Stream>>;

#[derive(Debug)]
struct Idle {
    lane: Lane,
    since: Instant,
}

/// How long the stages of one request may take.
#[derive(Clone, Copy, Debug)]
pub struct LaneLimits {
    /// Opening a fresh lane, TLS included.
    pub connect: Duration,
    /// From the open lane to the answer's head.
    pub answer: Duration,
}

/// How long it took to open the lane of an answer, TLS included; among the answer's extensions where a lane was opened for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connected(pub Duration);

/// An answer whose body is still on its lane.
pub type LaneAnswer = Response<LaneBody>;

fn with(connected: Option<Connected>, mut answer: LaneAnswer) -> LaneAnswer {
    if let Some(connected) = connected {
        answer.extensions_mut().insert(connected);
    }
    answer
}

impl LanePool {
    /// Where the lanes lead.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Sends a request (with its `Host` header and a path-only URI) and waits for the answer's head. Dropping the future
    /// closes the lane, and with it the upstream's work. What has begun to leave is not sent again.
    pub fn send(
        self: &Arc<Self>,
        request: Request<Outgoing>,
        limits: LaneLimits,
    ) -> impl Future<Output = Result<LaneAnswer, LaneError>> + Send {
        if self.trunks.as_ref().is_some_and(|trunks| trunks.may_be_used()) {
            return Either::Right(Box::pin(self.send_on_trunk(request, limits)));
        }
        // The request is bytes before anything waits: while it does, there is no room for both.
        Either::Left(self.send_message(Message::new(request), limits))
    }

    /// The same with a head that is only lent: on HTTP/1.1 nothing of it is copied but into the bytes that leave.
    pub fn send_lent<'s>(
        self: &'s Arc<Self>,
        head: &Heading<'_>,
        body: Outgoing,
        limits: LaneLimits,
    ) -> impl Future<Output = Result<LaneAnswer, LaneError>> + Send + use<'s> {
        if self.trunks.as_ref().is_some_and(|trunks| trunks.may_be_used()) {
            return Either::Right(Box::pin(self.send_on_trunk(head.with(body), limits)));
        }
        Either::Left(self.send_message(Message::of(head, body), limits))
    }

    async fn send_message(
        self: &Arc<Self>,
        mut message: Message,
        limits: LaneLimits,
    ) -> Result<LaneAnswer, LaneError> {
        loop {
            let idle = self.take_idle();
            let was_idle = idle.is_some();
            let (mut lane, connected) = match idle {
                Some(lane) => (lane, None),
                None => {
                    let begun = Instant::now();
                    let lane = self.connect_within(limits.connect).await?;
                    (lane, Some(Connected(begun.elapsed())))
                }
            };
            lane.begin(message);
            lane.bound(limits.answer);
            let error = match poll_fn(|context| lane.poll_head_in_time(context)).await {
                Some(Ok(head)) => return Ok(with(connected, LaneBody::answer(head, lane, self.clone()))),
                Some(Err(error)) => error,
                None => return Err(self.too_late(limits.answer)),
            };
            match lane.take_untouched() {
                // The upstream closed the idle lane at the same moment; nothing was sent (fault 59).
                Some(untouched) if was_idle => message = untouched,
                _ => {
                    let was_idle = was_idle && !lane.has_heard() && error.is_breakage();
                    return Err(LaneError::Broken {
                        origin: self.origin.to_string(),
                        was_idle,
                        source: error,
                    });
                }
            }
        }
    }

    async fn within<T>(&self, limit: Duration, answer: impl Future<Output = T>) -> Result<T, LaneError> {
        tokio::time::timeout(limit, answer).await.map_err(|_| self.too_late(limit))
    }

    fn too_late(&self, limit: Duration) -> LaneError {
        LaneError::AnswerTimeout { origin: self.origin.to_string(), limit }
    }

    fn take_idle(&self) -> Option<Lane> {
        loop {
            let mut idle = self.lock().pop_back()?;
            if idle.since.elapsed() <= IDLE_LIMIT && idle.lane.is_quiet() {
                return Some(idle.lane);
            }
        }
    }

    /// Keeps a lane for the next request.
    fn keep(&self, lane: Lane) {
        let since = Instant::now();
        let is_old = |idle: &Idle| since.saturating_duration_since(idle.since) > IDLE_LIMIT;
        let mut idle = self.lock();
        // The front has waited longest: lanes nobody needed for so long are closed as new ones come back.
        while idle.len() >= IDLE_LANES || idle.front().is_some_and(is_old) {
            idle.pop_front();
        }
        idle.push_back(Idle { lane, since });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect_within(&self, limit: Duration) -> Result<Lane, LaneError> {
        // In a box: most requests find a lane that is open, and should not carry the room for opening one.
        match tokio::time::timeout(limit, Box::pin(self.connect())).await {
            Ok(result) => result,
            Err(_) => Err(LaneError::ConnectTimeout { origin: self.origin.to_string(), limit }),
        }
    }

    async fn connect(&self) -> Result<Lane, LaneError> {
        Ok(Box::new(Connection::new(self.open().await?)))
    }
}
