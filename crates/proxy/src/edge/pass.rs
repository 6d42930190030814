//! Stops 4 to 7 of the edge: the request as the upstream gets it, and the servers that are asked, one after the other.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, COOKIE, EXPECT, HOST};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use http_body::Body;
use tidegate_net::{Connected, Heading, Incoming, LaneAnswer, LaneError, LaneLimits};
use tidegate_policy::balance::Outcome as Judged;
use tidegate_policy::edge::headers::{Told, remove_hop_by_hop, tell_upstream};
use tidegate_policy::edge::next_upstream::{Failing, Tried as SoFar};
use tidegate_policy::edge::path::{PathRules, normalise};
use tidegate_policy::edge::rewrite::Rewrite;
use tidegate_policy::edge::route::PathMatch;
use tidegate_policy::edge::variables::Scene;

use super::collected::Collected;
use super::passage::Tried;
use super::site::{Change, HostSent, Proxy, Times};
use super::upload::{Fault, Upload};
use super::visit::{Visit, with_query};
use super::{EdgeError, Route, Server};
use crate::clock::micros;
use crate::exchange::Exchange;
use crate::headers;
use crate::plan::Terms;
use crate::traffic::{Engaged, try_enter};

/// The longest that an attempt may take that is watched by its body's movements.
const UNBOUNDED: Duration = Duration::from_secs(30 * 24 * 3600);

/// So many headers are added at most for a server, but for what a route sets.
const SAID_BESIDES: usize = 8;

/// So many kept connections of a server may turn out to be closed, one after the other.
const STALE_LANES: usize = 3;

/// What is sent to whichever server is asked.
struct Outward {
    headers: HeaderMap,
    path: String,
    upload: Upload,
}

/// The way of a request through a route to its upstream.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// The request.
    pub visit: &'a Visit,
    /// Its route.
    pub route: &'a Arc<Route>,
    /// What the route does.
    pub proxy: &'a Proxy,
    /// How the route fitted.
    pub fitted: PathMatch,
    /// What paths may hold.
    pub paths: PathRules,
}

impl Way<'_> {
    /// The headers for any server.
    pub fn outward(&self, exchange: &Exchange) -> HeaderMap {
        outward_headers(*self, exchange)
    }

    /// What templates see of the request.
    pub fn scene<'s>(&'s self, id: &'s str, exchange: &'s Exchange) -> Scene<'s> {
        let user = exchange.edge.as_ref().and_then(|passage| passage.user.as_deref());
        Scene { user, ..self.visit.scene(id, &self.route.name) }
    }

    /// Asks the upstream's servers, in their order, up to the head of an answer.
    pub async fn send(
        &self,
        headers: HeaderMap,
        upload: Upload,
        exchange: &mut Exchange,
    ) -> Result<LaneAnswer, EdgeError> {
        let path = changed(&self.proxy.change, self.visit, self.fitted, self.paths)?;
        let outward = Outward { headers, path, upload };
        let answer = ask_in_turn(self.proxy, self.visit, &outward, exchange).await;
        if let Some(passage) = &mut exchange.edge {
            passage.received = outward.upload.read();
        }
        answer
    }
}

/// Hands the request to the upstream as it came.
pub async fn pass(
    way: Way<'_>,
    incoming: Incoming,
    exchange: &mut Exchange,
) -> Result<LaneAnswer, EdgeError> {
    let upload = upload(way.proxy, incoming).await?;
    let mut headers = way.outward(exchange);
    if let Some(switch) = &way.visit.switch {
        switch.wish.ask(&mut headers);
    }
    way.send(headers, upload, exchange).await
}

/// The body as servers get it: as it comes, or, where the route wants that, when all of it is here.
async fn upload(proxy: &Proxy, incoming: Incoming) -> Result<Upload, EdgeError> {
    let limit = proxy.body_limit;
    let too_large = EdgeError::BodyTooLarge { limit };
    match &proxy.collects_request {
        Some(_) if incoming.size_hint().lower() > limit => Err(too_large),
        Some(rules) if !incoming.is_end_stream() => {
            let read = Box::pin(Collected::read(incoming, limit, rules, proxy.times.answer));
            Ok(Upload::collected(read.await?))
        }
        _ => Upload::new(incoming, limit).map_err(|_| too_large),
    }
}

async fn ask_in_turn(
    proxy: &Proxy,
    visit: &Visit,
    outward: &Outward,
    exchange: &mut Exchange,
) -> Result<LaneAnswer, EdgeError> {
    let (servers, terms) = proxy.upstream.order(visit.address());
    let count = servers.len();
    let begun = Instant::now();
    let mut sent = begun;
    let mut last: Option<EdgeError> = None;
    let mut is_busy = false;
    for server in servers {
        let Some(engaged) = engage(&server, &terms, &mut is_busy) else { continue };
        exchange.engaged = Some(engaged);
        exchange.attempts += 1;
        let asked = ask(proxy, &server, visit, outward).await;
        let now = Instant::now();
        let took = now.duration_since(std::mem::replace(&mut sent, now));
        exchange.waited += took;
        note(&server, &asked, took, exchange);
        let so_far = |was_sent| SoFar {
            method: &visit.head.method,
            was_sent,
            is_repeatable: outward.upload.is_repeatable(),
            has_begun: false,
            tries: exchange.attempts,
            elapsed: now.duration_since(begun),
        };
        let (failing, goes_on, error) = match asked {
            Ok(answer) => {
                let failing = Failing::Status(answer.status());
                if !proxy.next.may_go_on(failing, so_far(true)) || exchange.attempts as usize >= count {
                    exchange.heard();
                    return Ok(answer);
                }
                (failing, true, EdgeError::BadAnswer)
            }
            Err(Missed { failing, was_sent, error, .. }) => {
                (failing, proxy.next.may_go_on(failing, so_far(was_sent)), error)
            }
        };
        end(exchange, failing, &error);
        if !goes_on {
            return Err(error);
        }
        last = Some(error);
    }
    Err(last.unwrap_or(if is_busy { EdgeError::Busy } else { EdgeError::NoServer }))
}

/// Takes room at the server, unless it is out or full.
fn engage(server: &Arc<Server>, terms: &Terms, is_busy: &mut bool) -> Option<Engaged> {
    let Some(place) = try_enter(&server.live, micros()) else {
        *is_busy = true;
        return None;
    };
    Engaged::begin(&server.live, terms, false, place)
}

/// Judges an attempt that came to nothing. What the client did wrong says nothing of the server.
fn end(exchange: &mut Exchange, failing: Failing, error: &EdgeError) {
    let Some(engaged) = exchange.engaged.take() else { return };
    let is_clients = matches!(
        error,
        EdgeError::BodyTooLarge { .. } | EdgeError::BodyTimeout | EdgeError::BodyBroken | EdgeError::Internal
    );
    if is_clients {
        return drop(engaged);
    }
    engaged.end(Judged::Failure, failing == Failing::Timeout);
}

fn note(server: &Arc<Server>, asked: &Result<LaneAnswer, Missed>, took: Duration, exchange: &mut Exchange) {
    let Some(passage) = &mut exchange.edge else { return };
    let status = asked.as_ref().ok().map(|answer| answer.status());
    let head = asked.is_ok().then_some(took);
    let end = asked.is_err().then_some(took);
    let connected = asked
        .as_ref()
        .ok()
        .map(|answer| answer.extensions().get::<Connected>().map_or(Duration::ZERO, |connected| connected.0));
    passage.tries.push(Tried { server: server.address.clone(), connected, status, received: 0, head, end });
}

/// An attempt without an answer.
struct Missed {
    failing: Failing,
    was_sent: bool,
    /// A kept connection broke without a byte of the answer.
    was_idle: bool,
    error: EdgeError,
}

/// Asks a server. What broke on a kept connection, as its server closed it in the same moment, is asked again on another one.
async fn ask(proxy: &Proxy, server: &Server, visit: &Visit, outward: &Outward) -> Result<LaneAnswer, Missed> {
    for _ in 0..STALE_LANES {
        match ask_once(proxy, server, visit, outward).await {
            Err(missed) if missed.was_idle && is_repeatable(visit, outward) => {}
            asked => return asked,
        }
    }
    ask_once(proxy, server, visit, outward).await
}

fn is_repeatable(visit: &Visit, outward: &Outward) -> bool {
    visit.head.method.is_idempotent() && outward.upload.is_repeatable()
}

async fn ask_once(
    proxy: &Proxy,
    server: &Server,
    visit: &Visit,
    outward: &Outward,
) -> Result<LaneAnswer, Missed> {
    let uri = uri(server, outward).map_err(|error| Missed {
        failing: Failing::Error,
        was_sent: false,
        was_idle: false,
        error,
    })?;
    let method = &visit.head.method;
    let method = visit.switch.as_ref().map_or_else(|| method.clone(), |switch| switch.wish.method(method));
    let host = host(proxy, server, visit);
    let head = Heading { method: &method, uri: &uri, headers: &outward.headers, host: Some(&host) };
    let sent = send(server, &head, &proxy.times, &outward.upload).await;
    sent.map_err(|missed| match outward.upload.fault() {
        Some(Fault::TooLarge) => {
            Missed { error: EdgeError::BodyTooLarge { limit: proxy.body_limit }, ..missed }
        }
        Some(Fault::Broken) => Missed { error: EdgeError::BodyBroken, ..missed },
        None => missed,
    })
}

/// Sends the request. While its body moves, no limit runs out: a slow client's upload is nobody's fault.
async fn send(
    server: &Server,
    head: &Heading<'_>,
    times: &Times,
    upload: &Upload,
) -> Result<LaneAnswer, Missed> {
    if upload.is_empty() {
        let limits = LaneLimits { connect: times.connect, answer: times.answer };
        return server.lanes.send_lent(head, upload.outgoing(), limits).await.map_err(missed);
    }
    let begin = tokio::time::Instant::now();
    let limits = LaneLimits { connect: times.connect, answer: UNBOUNDED };
    let mut sending = std::pin::pin!(server.lanes.send_lent(head, upload.outgoing(), limits));
    let patience = times.answer + times.connect;
    loop {
        let deadline = upload.deadline(patience, begin);
        match tokio::time::timeout_at(deadline, sending.as_mut()).await {
            Ok(sent) => return sent.map_err(missed),
            Err(_) if upload.deadline(patience, begin) > deadline => {}
            Err(_) => {
                let error = if upload.is_waiting() { EdgeError::BodyTimeout } else { EdgeError::Timeout };
                return Err(Missed { failing: Failing::Timeout, was_sent: true, was_idle: false, error });
            }
        }
    }
}

fn missed(error: LaneError) -> Missed {
    tracing::debug!(%error, "a lane gave no answer");
    let was_idle = matches!(error, LaneError::Broken { was_idle: true, .. });
    let (failing, was_sent, error) = match error {
        LaneError::ConnectTimeout { .. } => (Failing::Timeout, false, EdgeError::Timeout),
        LaneError::AnswerTimeout { .. } => (Failing::Timeout, true, EdgeError::Timeout),
        LaneError::Connect { .. } | LaneError::Tls(_) => (Failing::Error, false, EdgeError::Unreachable),
        LaneError::Broken { source: tidegate_net::h1::Error::Malformed(_), .. }
        | LaneError::Broken { source: tidegate_net::h1::Error::TooLarge(_), .. } => {
            (Failing::InvalidHeader, true, EdgeError::BadAnswer)
        }
        LaneError::Broken { .. } => (Failing::Error, true, EdgeError::BadAnswer),
    };
    Missed { failing, was_sent, was_idle, error }
}

/// The path at that server.
fn uri(server: &Server, outward: &Outward) -> Result<Uri, EdgeError> {
    let path = if server.path.is_empty() {
        Bytes::copy_from_slice(outward.path.as_bytes())
    } else {
        Bytes::from([server.path.as_str(), outward.path.as_str()].concat())
    };
    Uri::from_maybe_shared(path).map_err(|_| EdgeError::Internal)
}

/// The `Host` that the server sees, unless a rule of the route has set it.
fn host<'a>(proxy: &'a Proxy, server: &'a Server, visit: &'a Visit) -> Cow<'a, HeaderValue> {
    match &proxy.host {
        HostSent::Fixed(host) => Cow::Borrowed(host),
        HostSent::Server => Cow::Borrowed(&server.host),
        HostSent::Client => visit.host_header().unwrap_or(Cow::Borrowed(&server.host)),
    }
}

/// The headers for any server: without those of this connection, with what is said about the client, as the route wants them.
fn outward_headers(way: Way<'_>, exchange: &Exchange) -> HeaderMap {
    let visit = way.visit;
    let mut map = copied(&visit.head.headers);
    remove_hop_by_hop(&mut map);
    let told = Told {
        peer: visit.peer.address.ip(),
        client: visit.client,
        host: visit.written_host(),
        scheme: visit.scheme(),
        version: visit.head.version,
        writes_forwarded: way.proxy.writes_forwarded,
        via: Some("tidegate"),
    };
    tell_upstream(&mut map, &told);
    let id = exchange.id.text();
    map.insert(headers::REQUEST_ID, headers::value(&id));
    let rules = &way.route.request_headers;
    if !rules.changes.is_empty() {
        rules.apply(&mut map, &way.scene(&id, exchange));
    }
    map
}

/// The client's headers, with room for what is said about it; without those that are written anew (the client is told to go on as soon as its
/// body is wanted), and without what servers read in more than one way: names with `_`, which many of them take for `-` and so for a header
/// that only the gateway may set (nginx's `underscores_in_headers off`), and cookies in pieces, as HTTP/2 may send them (RFC 9113 section 8.2.3).
fn copied(from: &HeaderMap) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(from.len() + SAID_BESIDES);
    for (name, value) in from {
        let is_anew = *name == CONTENT_LENGTH || *name == EXPECT || *name == HOST;
        if !is_anew && !name.as_str().contains('_') {
            map.append(name.clone(), value.clone());
        }
    }
    if map.get_all(COOKIE).iter().nth(1).is_some() {
        let pieces: Vec<&[u8]> = map.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(whole) = HeaderValue::from_bytes(&pieces.join(&b"; "[..])) {
            map.insert(COOKIE, whole);
        }
    }
    map
}

/// The path and query as the upstream gets them.
pub fn changed(
    change: &Change,
    visit: &Visit,
    fitted: PathMatch,
    rules: PathRules,
) -> Result<String, EdgeError> {
    let query = visit.head.uri.query();
    let path = match change.strip.as_deref().and_then(|prefix| stripped(&visit.path, prefix)) {
        Some(rest) => normalise(&rest, rules)?.into_owned(),
        None => visit.path.clone(),
    };
    match &change.rewrite {
        Rewrite::Keep => Ok(with_query(&path, query)),
        rewrite => Ok(rewrite.apply(&path, query, fitted, rules)?),
    }
}

/// A path without its prefix, which ends where a segment does.
fn stripped(path: &str, prefix: &str) -> Option<String> {
    let rest = path.strip_prefix(prefix.trim_end_matches('/'))?;
    match rest.as_bytes().first() {
        None => Some("/".to_owned()),
        Some(b'/') => Some(rest.to_owned()),
        Some(_) => None,
    }
}

/// Whether an answer of that status to that method has no body.
pub fn is_bodiless(method: &http::Method, status: StatusCode) -> bool {
    *method == http::Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}
