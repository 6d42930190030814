//! Stop 7 of a request's way: lanes to an upstream, kept alive and used again.
//!
//! Not hyper-util's pool: there a request races a fresh connect against a returned connection (hyper#4134), and each
//! return costs a task. Here a lane goes back when the last byte of its answer has been read, without a task, and no lane
//! has a task at all ([`crate::driven`]).

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::driven::Driven;
use crate::origin::Origin;
use crate::tls;

/// How long an unused lane may be taken up again: less than servers such as nginx (75 s) keep theirs. Servers that close
/// sooner (Node after 5 s) are noticed when the lane is taken up. Older lanes are closed when another comes back.
const IDLE_LIMIT: Duration = Duration::from_secs(50);
/// Longest wait for a lane to turn ready after its last answer was read.
const READY_LIMIT: Duration = Duration::from_millis(50);
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
    /// The connection broke before the answer's head was complete.
    #[error("the upstream closed the connection before it answered")]
    Broken(#[source] hyper::Error),
}

/// The body of a request that goes upstream.
#[derive(Debug)]
pub struct Outgoing(Option<Bytes>);

impl Outgoing {
    /// A whole body in memory.
    pub fn full(bytes: Bytes) -> Self {
        Self(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, Bytes::len) as u64)
    }
}

/// Opens lanes; one for the whole process, so that a reload keeps every lane.
#[derive(Debug, Default)]
pub struct Connector {
    pools: Mutex<HashMap<Origin, Weak<LanePool>>>,
    tls: OnceLock<TlsConnectorSlot>,
}

/// Keeps `Connector: Debug` without showing the TLS state.
struct TlsConnectorSlot(TlsConnector);

impl std::fmt::Debug for TlsConnectorSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsConnector")
    }
}

impl Connector {
    /// The pool of that origin; the same one as long as somebody holds it.
    pub fn pool(self: &Arc<Self>, origin: &Origin) -> Arc<LanePool> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|_, pool| pool.strong_count() > 0);
        if let Some(pool) = pools.get(origin).and_then(Weak::upgrade) {
            return pool;
        }
        let pool =
            Arc::new(LanePool { origin: origin.clone(), connector: self.clone(), idle: Mutex::default() });
        pools.insert(origin.clone(), Arc::downgrade(&pool));
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
}

#[derive(Debug)]
struct Idle {
    lane: Driven,
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

/// An answer whose body is still on its lane.
pub type LaneAnswer = Response<LaneBody>;

impl LanePool {
    /// Where the lanes lead.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Sends a request (with its `Host` header and a path-only URI) and waits for the answer's head. Dropping the future
    /// closes the lane, and with it the upstream's work.
    pub async fn send(
        self: &Arc<Self>,
        mut request: Request<Outgoing>,
        limits: LaneLimits,
    ) -> Result<LaneAnswer, LaneError> {
        while let Some(mut lane) = self.take_idle().await {
            match self.within(limits.answer, lane.send(request)).await? {
                Ok(response) => return Ok(self.answer(lane, response)),
                Err(mut failed) => match failed.take_message() {
                    // The upstream closed the idle lane at the same moment; nothing was sent (fault 59).
                    Some(unsent) => request = unsent,
                    None => return Err(LaneError::Broken(failed.into_error())),
                },
            }
        }
        let mut lane = self.connect_within(limits.connect).await?;
        let sent = self.within(limits.answer, lane.send(request)).await?;
        Ok(self.answer(lane, sent.map_err(|failed| LaneError::Broken(failed.into_error()))?))
    }

    async fn within<T>(&self, limit: Duration, answer: impl Future<Output = T>) -> Result<T, LaneError> {
        tokio::time::timeout(limit, answer)
            .await
            .map_err(|_| LaneError::AnswerTimeout { origin: self.origin.to_string(), limit })
    }

    fn answer(self: &Arc<Self>, lane: Driven, response: Response<Incoming>) -> LaneAnswer {
        response.map(|incoming| {
            let mut body = LaneBody { incoming, lane: Some((lane, self.clone())) };
            body.give_back_at_end();
            body
        })
    }

    async fn take_idle(&self) -> Option<Driven> {
        loop {
            let mut idle = self.lock().pop_back()?;
            if idle.since.elapsed() > IDLE_LIMIT || idle.lane.has_ended() {
                continue;
            }
            // The answer has been read to its end, so the lane turns ready at once; or never, if the upstream answered before
            // it had taken the whole request.
            if tokio::time::timeout(READY_LIMIT, idle.lane.turns_ready()).await == Ok(true) {
                return Some(idle.lane);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect_within(&self, limit: Duration) -> Result<Driven, LaneError> {
        match tokio::time::timeout(limit, self.connect()).await {
            Ok(result) => result,
            Err(_) => Err(LaneError::ConnectTimeout { origin: self.origin.to_string(), limit }),
        }
    }

    async fn connect(&self) -> Result<Driven, LaneError> {
        let failed = |source| LaneError::Connect { origin: self.origin.to_string(), source };
        let stream =
            TcpStream::connect((self.origin.host.as_str(), self.origin.port)).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        if self.origin.tls {
            let name = rustls::pki_types::ServerName::try_from(self.origin.host.clone())
                .map_err(|error| LaneError::Tls(error.to_string()))?;
            let stream = self.connector.tls()?.connect(name, stream).await.map_err(failed)?;
            Driven::open(TokioIo::new(stream)).await.map_err(LaneError::Broken)
        } else {
            Driven::open(TokioIo::new(stream)).await.map_err(LaneError::Broken)
        }
    }
}

/// An answer's body. When it has been read to its end, its lane is used again; dropped before, the lane is closed, which
/// is how an upstream learns that nobody listens any more.
#[derive(Debug)]
pub struct LaneBody {
    incoming: Incoming,
    lane: Option<(Driven, Arc<LanePool>)>,
}

impl LaneBody {
    fn give_back_at_end(&mut self) {
        if self.incoming.is_end_stream() {
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        if let Some((lane, pool)) = self.lane.take()
            && !lane.has_ended()
        {
            let mut idle = pool.lock();
            // The front has waited longest: lanes nobody needed for so long are closed as new ones come back.
            while idle.len() >= IDLE_LANES
                || idle.front().is_some_and(|lane| lane.since.elapsed() > IDLE_LIMIT)
            {
                idle.pop_front();
            }
            idle.push_back(Idle { lane, since: Instant::now() });
        }
    }
}

impl Body for LaneBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let body = &mut *self;
        let mut polled = Pin::new(&mut body.incoming).poll_frame(context);
        if polled.is_pending()
            && let Some((lane, _)) = &mut body.lane
        {
            // Nothing is ready: let the lane read on, and look again.
            lane.drive(context);
            polled = Pin::new(&mut body.incoming).poll_frame(context);
        }
        let Poll::Ready(frame) = polled else { return Poll::Pending };
        match &frame {
            None => self.give_back(),
            Some(Ok(_)) => self.give_back_at_end(),
            Some(Err(_)) => self.lane = None,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
