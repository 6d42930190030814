//! Lanes in HTTP/2: several requests at once on each of a few connections.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONNECTION, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{Request, Response, StatusCode, Uri, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::Notify;

use super::switch::{Switch, TrunkTunnel};
use super::{
    Connected, LaneAnswer, LaneBody, LaneError, LaneLimits, LaneOptions, LanePool, LaneProtocol, with,
};
use crate::h1::connection::Connection;
use crate::h1::stream::Stream;
use crate::h1::{BodyError, Error, Outgoing};

/// How often an open connection is asked whether it lives, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);
/// How long a fresh connection's settings are waited for, where it matters what they say.
const SETTINGS: Duration = Duration::from_secs(1);
/// How often they are looked for.
const LOOK: Duration = Duration::from_millis(10);
/// Most bytes of an answer that wait for whoever reads it.
const WINDOW: u32 = 256 * 1024;

/// The connections of a pool in HTTP/2.
#[derive(Debug)]
pub(super) struct Trunks {
    open: Mutex<Vec<Arc<Trunk>>>,
    /// One connection is opened at a time: who comes meanwhile gets a place on it.
    opening: tokio::sync::Mutex<()>,
    streams: usize,
    connections: usize,
    /// Whether the upstream has picked HTTP/1.1.
    is_refused: AtomicBool,
}

#[derive(Debug)]
struct Trunk {
    sender: http2::SendRequest<Outgoing>,
    taken: AtomicUsize,
    terms: Arc<Terms>,
}

/// What an upstream says of a connection in its settings.
#[derive(Debug)]
struct Terms {
    /// Most requests at once.
    streams: AtomicUsize,
    /// Whether it takes `CONNECT` with `:protocol` (RFC 8441).
    takes_connect: AtomicBool,
    changed: Notify,
    since: Instant,
}

/// A connection that is driven in a task of its own.
type Driven = http2::Connection<TokioIo<Stream>, Outgoing, TokioExecutor>;

/// A place on a trunk.
#[derive(Debug)]
pub(super) struct Place {
    trunk: Arc<Trunk>,
    is_fresh: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.trunk.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Trunks {
    pub(super) fn new(options: &LaneOptions) -> Self {
        Self {
            open: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            streams: options.streams.max(1),
            connections: options.connections.max(1),
            is_refused: AtomicBool::new(false),
        }
    }

    pub(super) fn may_be_used(&self) -> bool {
        !self.is_refused.load(Ordering::Relaxed)
    }

    /// A place on the open connection with the fewest requests; none where another one is to be opened.
    fn place(&self) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|trunk| !trunk.sender.is_closed());
        let least = open.iter().min_by_key(|trunk| trunk.taken.load(Ordering::Relaxed))?;
        let most = self.streams.min(least.terms.streams.load(Ordering::Relaxed)).max(1);
        let has_room = least.taken.load(Ordering::Relaxed) < most;
        (has_room || open.len() >= self.connections).then(|| Place::on(least.clone(), false))
    }

    fn add(&self, sender: http2::SendRequest<Outgoing>, terms: Arc<Terms>) -> Place {
        let trunk = Arc::new(Trunk { sender, taken: AtomicUsize::new(0), terms });
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(trunk.clone());
        Place::on(trunk, true)
    }
}

impl Terms {
    /// What holds before the upstream has said anything.
    fn unsaid() -> Arc<Self> {
        Arc::new(Self {
            streams: AtomicUsize::new(usize::MAX),
            takes_connect: AtomicBool::new(false),
            changed: Notify::new(),
            since: Instant::now(),
        })
    }

    fn learn(&self, connection: &Driven) {
        self.streams.store(connection.current_max_send_streams(), Ordering::Relaxed);
        let takes_connect = connection.is_extended_connect_protocol_enabled();
        if takes_connect && !self.takes_connect.swap(true, Ordering::Relaxed) {
            self.changed.notify_waiters();
        }
    }

    /// Whether `CONNECT` with `:protocol` may be sent. A fresh connection's settings are waited for.
    async fn takes_connect(&self) -> bool {
        let changed = self.changed.notified();
        if self.takes_connect.load(Ordering::Relaxed) {
            return true;
        }
        tokio::time::timeout_at((self.since + SETTINGS).into(), changed).await.is_ok()
    }
}

impl Place {
    /// Called under the pool's lock, so that no two take the last place.
    fn on(trunk: Arc<Trunk>, is_fresh: bool) -> Self {
        trunk.taken.fetch_add(1, Ordering::Relaxed);
        Self { trunk, is_fresh }
    }
}

/// Where a request goes.
enum Way {
    Trunk(Place),
    /// The upstream picked HTTP/1.1.
    Lane,
}

impl LanePool {
    pub(super) async fn send_on_trunk(
        self: &Arc<Self>,
        request: Request<Outgoing>,
        limits: LaneLimits,
    ) -> Result<LaneAnswer, LaneError> {
        let Some(trunks) = &self.trunks else { return self.send_again(request, limits).await };
        let mut request = request;
        if self.options.protocol == LaneProtocol::Offered && request.headers().contains_key(UPGRADE) {
            return self.older().send_again(request, limits).await;
        }
        let begun = Instant::now();
        loop {
            let Way::Trunk(place) = self.place_within(trunks, limits.connect).await? else {
                return self.send_again(request, limits).await;
            };
            let connected = place.is_fresh.then(|| Connected(begun.elapsed()));
            let switch = Switch::of(&request);
            let switch = match switch {
                Some(switch) if place.trunk.terms.takes_connect().await => Some(switch),
                _ => None,
            };
            request = translated(request, self.origin.tls, switch.as_ref());
            let answer = place.trunk.sender.clone().try_send_request(request);
            let mut error = match self.within(limits.answer, answer).await? {
                Ok(answer) => {
                    return match switch.filter(|_| answer.status() == StatusCode::OK) {
                        Some(switch) => self.switched(switch, answer, place).await,
                        None => {
                            let body = |body| LaneBody::on_trunk(TrunkBody { body, place });
                            Ok(with(connected, answer.map(body)))
                        }
                    };
                }
                Err(error) => error,
            };
            match error.take_message() {
                // It never left: the connection had ended.
                Some(unsent) if !place.is_fresh => request = unsent,
                _ => {
                    return Err(LaneError::Broken {
                        origin: self.origin.to_string(),
                        was_idle: !place.is_fresh && is_unprocessed(error.error()),
                        source: broken(error.into_error()),
                    });
                }
            }
        }
    }

    /// Lanes to the same origin that offer HTTP/1.1 alone. Where it may choose, a request to speak another protocol goes there: many speak
    /// HTTP/2, few of them RFC 8441.
    fn older(&self) -> &Arc<LanePool> {
        self.older.get_or_init(|| {
            let options = LaneOptions { protocol: LaneProtocol::Http1, ..self.options.clone() };
            self.connector.pool_with(&self.origin, &options)
        })
    }

    /// On an HTTP/1.1 lane after all.
    async fn send_again(
        self: &Arc<Self>,
        request: Request<Outgoing>,
        limits: LaneLimits,
    ) -> Result<LaneAnswer, LaneError> {
        self.send_message(super::Message::new(request), limits).await
    }

    async fn place_within(&self, trunks: &Trunks, limit: Duration) -> Result<Way, LaneError> {
        if let Some(place) = trunks.place() {
            return Ok(Way::Trunk(place));
        }
        match tokio::time::timeout(limit, self.open_trunk(trunks)).await {
            Ok(way) => way,
            Err(_) => Err(LaneError::ConnectTimeout { origin: self.origin.to_string(), limit }),
        }
    }

    async fn open_trunk(&self, trunks: &Trunks) -> Result<Way, LaneError> {
        let _one = trunks.opening.lock().await;
        if !trunks.may_be_used() {
            return Ok(Way::Lane);
        }
        if let Some(place) = trunks.place() {
            return Ok(Way::Trunk(place));
        }
        let stream = self.open().await?;
        let offered = self.options.protocol == LaneProtocol::Offered;
        if offered && !stream.is_http2() {
            trunks.is_refused.store(true, Ordering::Relaxed);
            self.keep(Box::new(Connection::new(stream)));
            return Ok(Way::Lane);
        }
        let shaken = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW * 16)
            .handshake::<_, Outgoing>(TokioIo::new(stream))
            .await;
        let (sender, connection) = shaken.map_err(|error| LaneError::Broken {
            origin: self.origin.to_string(),
            was_idle: false,
            source: broken(error),
        })?;
        let terms = Terms::unsaid();
        tokio::spawn(drive(connection, terms.clone()));
        Ok(Way::Trunk(trunks.add(sender, terms)))
    }

    /// The upstream has granted a switch: the answer is what it would be in HTTP/1.1.
    async fn switched(
        &self,
        switch: Switch,
        answer: Response<Incoming>,
        place: Place,
    ) -> Result<LaneAnswer, LaneError> {
        let (mut head, body) = answer.into_parts();
        switch.grant(&mut head.headers);
        head.status = StatusCode::SWITCHING_PROTOCOLS;
        let mut answer = Response::from_parts(head, body);
        let upgraded = hyper::upgrade::on(&mut answer).await.map_err(|error| LaneError::Broken {
            origin: self.origin.to_string(),
            was_idle: false,
            source: broken(error),
        })?;
        let tunnel = TrunkTunnel::new(upgraded, place);
        Ok(answer.map(|_| LaneBody::tunnel(tunnel)))
    }
}

/// Drives a connection to its end, and learns what the upstream says of it.
async fn drive(mut connection: Driven, terms: Arc<Terms>) {
    // Settings that come wake nobody here: at the begin they are looked for.
    let mut looks = tokio::time::interval(LOOK);
    let end = poll_fn(|context| {
        let end = Pin::new(&mut connection).poll(context);
        terms.learn(&connection);
        while terms.since.elapsed() < SETTINGS && looks.poll_tick(context).is_ready() {}
        end
    });
    if let Err(error) = end.await {
        tracing::debug!(%error, "trunk ended");
    }
}

/// The request as HTTP/2 has it: an absolute URI instead of `Host`, nothing that concerns a connection (RFC 9113 section 8.2.2).
fn translated(mut request: Request<Outgoing>, tls: bool, switch: Option<&Switch>) -> Request<Outgoing> {
    if let Some(switch) = switch {
        switch.ask(&mut request);
    }
    let host = request.headers_mut().remove(HOST);
    for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE] {
        request.headers_mut().remove(name);
    }
    for name in ["keep-alive", "proxy-connection"] {
        request.headers_mut().remove(name);
    }
    let mut parts = request.uri().clone().into_parts();
    if let Some(authority) = host.and_then(|host| host.as_bytes().try_into().ok()) {
        parts.authority = Some(authority);
        parts.scheme = Some(if tls { http::uri::Scheme::HTTPS } else { http::uri::Scheme::HTTP });
    }
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    *request.version_mut() = Version::HTTP_2;
    request
}

/// Whether the upstream has said that it did not look at the request, or was closing the connection when it came.
fn is_unprocessed(error: &hyper::Error) -> bool {
    error.is_canceled() || error.is_closed() || error.to_string().contains("refused")
}

fn broken(error: hyper::Error) -> Error {
    Error::Io(std::io::Error::other(error))
}

/// An answer's body on its trunk.
#[derive(Debug)]
pub(super) struct TrunkBody {
    body: Incoming,
    /// Held to the body's end.
    place: Place,
}

impl TrunkBody {
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body).poll_frame(context).map_err(broken)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.body.is_end_stream()
    }

    pub(super) fn left(&self) -> SizeHint {
        debug_assert!(self.place.trunk.taken.load(Ordering::Relaxed) > 0, "a place that is not taken");
        self.body.size_hint()
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Full(pieces) => Poll::Ready(pieces.pop().map(|piece| Ok(Frame::data(piece)))),
            Self::Stream(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(pieces) => pieces.is_empty(),
            Self::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(pieces) => SizeHint::with_exact(pieces.len() as u64),
            Self::Stream(body) => body.size_hint(),
        }
    }
}
