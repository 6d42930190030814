//! The way of a request through the edge: which route it takes, and what that makes of it.

use std::sync::Arc;

use http::header::{CONTENT_TYPE, VIA};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use tidegate_net::{Incoming, LaneAnswer, Peer, boxed};
use tidegate_policy::edge::headers::remove_hop_by_hop;
use tidegate_policy::edge::route::{Found, PathMatch};
use tidegate_policy::edge::security_headers::secure;
use tidegate_policy::edge::variables::Escape;

use super::body::{EdgeBody, Patience, Source};
use super::cache::{self, Recorder};
use super::checks::check;
use super::finish::{finish, identify};
use super::pack::{self, Packer};
use super::pass::{Way, changed, is_bodiless, pass};
use super::read_ahead::ReadAhead;
use super::seen::Seen;
use super::site::AiPath;
use super::switch::{Switch, carry};
use super::visit::{Visit, expect_plain, with_path, with_query};
use super::{Action, EdgeError, Passage, Proxy, Route, Site, files, own};
use crate::body::ReplyBody;
use crate::entry::Gateway;
use crate::exchange::Exchange;
use crate::reply;
use crate::snapshot::Snapshot;

/// Answers a request by the site's routes; what none of them takes is the AI gateway's.
pub async fn answer(
    gateway: Arc<Gateway>,
    snapshot: Arc<Snapshot>,
    site: Arc<Site>,
    request: Request<Incoming>,
    peer: Peer,
) -> Response<ReplyBody> {
    let is_tls = peer.scheme() == "https";
    let mut response = answered(&gateway, snapshot, &site, request, peer).await;
    if let Some(hsts) = site.security {
        secure(response.headers_mut(), hsts, is_tls);
    }
    response
}

async fn answered(
    gateway: &Arc<Gateway>,
    snapshot: Arc<Snapshot>,
    site: &Site,
    mut request: Request<Incoming>,
    peer: Peer,
) -> Response<ReplyBody> {
    let switch = Switch::of(&mut request);
    let (head, incoming) = request.into_parts();
    let visit = match Visit::of(head, switch, peer.clone(), site) {
        // In a box: it goes from hand to hand.
        Ok(visit) => Box::new(visit),
        Err((error, head)) => {
            let mut exchange = gateway.open("unknown", peer.clone(), snapshot);
            let mut passage = Passage::refused(None, exchange.caller.address, peer);
            passage.seen = site.log.is_some().then(|| Seen::of_head(*head));
            exchange.edge = Some(passage);
            let mut response = own::failed(&error, site, &mut exchange);
            identify(&mut response, &exchange.id.text());
            return response;
        }
    };
    let opened = Opened { gateway, snapshot, site };
    let found = visit.route(site);
    if let Some((place, to)) = visit.with_slash(site, &found) {
        return opened.to_folder(site.routes[place].clone(), &to, &visit);
    }
    match found {
        Found::Route(place, fitted) => {
            let route = site.routes[place].clone();
            opened.along(route, fitted, visit, incoming).await
        }
        Found::OtherMethods(methods) => opened.refused(None, &EdgeError::Method(methods), &visit),
        Found::Nothing => boxed(|| opened.ai(None, None, visit, incoming)).await,
    }
}

/// What a request of the edge is answered with.
struct Opened<'g> {
    gateway: &'g Arc<Gateway>,
    snapshot: Arc<Snapshot>,
    site: &'g Site,
}

impl Opened<'_> {
    /// In a box: it goes from hand to hand, and at last along with the body.
    fn exchange(&self, word: &'static str, passage: Box<Passage>) -> Box<Exchange> {
        let mut exchange = Box::new(self.gateway.open(word, passage.peer.clone(), self.snapshot.clone()));
        exchange.caller.address = passage.client;
        exchange.edge = Some(passage);
        exchange
    }

    /// What the log needs of the request.
    fn seen(&self, visit: &Visit) -> Option<Box<Seen>> {
        self.site.log.is_some().then(|| Seen::of(visit))
    }

    fn refused(&self, route: Option<Arc<Route>>, error: &EdgeError, visit: &Visit) -> Response<ReplyBody> {
        let word = route.as_ref().map_or("unknown", |route| route.action.word());
        let mut passage = Passage::refused(route, visit.address(), visit.peer.clone());
        passage.seen = self.seen(visit);
        let mut exchange = self.exchange(word, passage);
        self.failed(error, visit, &mut exchange)
    }

    /// Sends the client to the same path with a slash at its end. What is not safe keeps its method and body.
    fn to_folder(&self, route: Arc<Route>, to: &str, visit: &Visit) -> Response<ReplyBody> {
        let is_safe = visit.head.method.is_safe();
        let status = if is_safe { StatusCode::MOVED_PERMANENTLY } else { StatusCode::PERMANENT_REDIRECT };
        let mut passage = Passage::refused(Some(route), visit.address(), visit.peer.clone());
        passage.seen = self.seen(visit);
        let mut exchange = self.exchange("redirect", passage);
        let mut response = match http::HeaderValue::from_str(to) {
            Ok(to) => own::redirect(status, to, &mut exchange),
            Err(_) => own::failed(&EdgeError::Internal, self.site, &mut exchange),
        };
        finished(&mut response, visit, &exchange);
        response
    }

    fn failed(&self, error: &EdgeError, visit: &Visit, exchange: &mut Exchange) -> Response<ReplyBody> {
        let mut response = own::failed(error, self.site, exchange);
        finished(&mut response, visit, exchange);
        response
    }

    async fn along(
        self,
        route: Arc<Route>,
        fitted: PathMatch,
        visit: Box<Visit>,
        incoming: Incoming,
    ) -> Response<ReplyBody> {
        let mut passage = Passage::new(Some(route.clone()), visit.address(), visit.peer.clone());
        passage.seen = self.seen(&visit);
        let is_ai = passage.is_ai;
        if !is_ai && let Err(error) = expect_plain(&visit.path, self.site.paths) {
            return self.refused(Some(route), &error, &visit);
        }
        // Browsers ask without credentials, and before anything is done.
        let preflight =
            route.cors.as_ref().and_then(|cors| cors.preflight(&visit.head.method, &visit.head.headers));
        if let Some(map) = preflight {
            let mut exchange = self.exchange(route.action.word(), passage);
            let mut response = own::whole(StatusCode::NO_CONTENT, map, Default::default(), &mut exchange);
            identify(&mut response, &exchange.id.text());
            return response;
        }
        let checked = check(&route, &visit, self.gateway.desk(), &mut passage).await;
        if is_ai && checked.is_ok() {
            // In a box, as all the AI gateway is in it: what is only passed on does not pay for its room.
            return boxed(|| self.ai(Some((route, fitted)), Some(passage), visit, incoming)).await;
        }
        let mut exchange = self.exchange(route.action.word(), passage);
        match checked {
            Ok(()) => self.act(&route, fitted, visit, incoming, exchange).await,
            Err(error) => self.failed(&error, &visit, &mut exchange),
        }
    }

    async fn act(
        &self,
        route: &Arc<Route>,
        fitted: PathMatch,
        visit: Box<Visit>,
        incoming: Incoming,
        mut exchange: Box<Exchange>,
    ) -> Response<ReplyBody> {
        let id = exchange.id.text();
        let mut response = match &route.action {
            Action::Proxy(proxy) => {
                return self.proxied(proxy, route, (visit, fitted), incoming, exchange).await;
            }
            Action::Files(files) => {
                let rules = route.compression.as_ref();
                match boxed(|| files::answer(files, &visit, fitted, rules, exchange)).await {
                    Ok(mut response) => {
                        // The exchange has gone along with the body; limits of files are told with errors only.
                        finish(&mut response, Some(route), &visit, None, &id);
                        return response;
                    }
                    Err((error, back)) => {
                        exchange = back;
                        own::failed(&error, self.site, &mut exchange)
                    }
                }
            }
            Action::Redirect { to, status } => {
                let mut out = Vec::new();
                to.render(&visit.scene(&id, &route.name), Escape::None, &mut out);
                match http::HeaderValue::from_bytes(&out) {
                    Ok(to) => own::redirect(*status, to, &mut exchange),
                    Err(_) => own::failed(&EdgeError::Internal, self.site, &mut exchange),
                }
            }
            Action::Respond { status, content_type, body } => {
                let mut map = HeaderMap::with_capacity(4);
                map.insert(CONTENT_TYPE, content_type.clone());
                own::whole(*status, map, body.clone(), &mut exchange)
            }
            Action::Ai(_) => own::failed(&EdgeError::Internal, self.site, &mut exchange),
        };
        finished(&mut response, &visit, &exchange);
        response
    }

    /// Answers with what an upstream says, or has said.
    async fn proxied(
        &self,
        proxy: &Proxy,
        route: &Arc<Route>,
        (visit, fitted): (Box<Visit>, PathMatch),
        incoming: Incoming,
        mut exchange: Box<Exchange>,
    ) -> Response<ReplyBody> {
        let way = Way { visit: &visit, route, proxy, fitted, paths: self.site.paths };
        let only_reads = matches!(visit.head.method, Method::GET | Method::HEAD) && visit.switch.is_none();
        if let Some(cache) = proxy.cache.as_ref().filter(|_| only_reads) {
            let answered =
                boxed(|| cache::answer::answer(self.gateway, way, cache, incoming, exchange)).await;
            return answered.unwrap_or_else(|(error, mut back)| self.failed(&error, &visit, &mut back));
        }
        match pass(way, incoming, &mut exchange).await {
            Ok(answer) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => {
                self.switched(answer, proxy, route, visit, exchange)
            }
            Ok(answer) => {
                cache::forget_written(self.site, &visit, answer.status(), answer.headers());
                relayed(answer, way, None, exchange)
            }
            Err(error) => self.failed(&error, &visit, &mut exchange),
        }
    }

    /// The upstream has switched protocols: the answer says so, and what follows is carried in a task of its own.
    fn switched(
        &self,
        answer: LaneAnswer,
        proxy: &Proxy,
        route: &Route,
        mut visit: Box<Visit>,
        mut exchange: Box<Exchange>,
    ) -> Response<ReplyBody> {
        let id = exchange.id.text();
        let (mut head, lane) = answer.into_parts();
        let granted = visit.switch.take().filter(|switch| switch.wish.is_granted(head.status, &head.headers));
        let Some((switch, upstream)) = granted.zip(lane.upgraded()) else {
            return self.failed(&EdgeError::BadAnswer, &visit, &mut exchange);
        };
        remove_hop_by_hop(&mut head.headers);
        let status = switch.wish.grant(&mut head.headers);
        exchange.status = status.as_u16();
        let drain = self.gateway.drain().clone();
        tokio::spawn(carry(switch.caller, upstream, (proxy.times.idle, drain), exchange));
        let none = ReplyBody::full(bytes::Bytes::new());
        let mut response = reply::with_head(status.as_u16(), head.headers, none);
        finish(&mut response, Some(route), &visit, None, &id);
        response
    }

    /// Hands a request to the AI gateway, under the path that the route gives it.
    async fn ai(
        self,
        taken: Option<(Arc<Route>, PathMatch)>,
        passage: Option<Box<Passage>>,
        visit: Box<Visit>,
        incoming: Incoming,
    ) -> Response<ReplyBody> {
        let route = taken.as_ref().map(|(route, _)| route.clone());
        let path = match &taken {
            None => Ok(with_query(&visit.path, visit.head.uri.query())),
            Some((route, fitted)) => match &route.action {
                Action::Ai(AiPath::As(path)) => Ok(with_query(path, visit.head.uri.query())),
                Action::Ai(AiPath::Own(change)) => {
                    let rules =
                        tidegate_policy::edge::path::PathRules { encoded_slash: true, ..self.site.paths };
                    changed(change, &visit, *fitted, rules)
                }
                _ => Err(EdgeError::Internal),
            },
        };
        let uri = path.map(|path| with_path(&visit.head.uri, &path));
        let uri = match uri {
            Ok(Some(uri)) => uri,
            Ok(None) => return self.refused(route, &EdgeError::Internal, &visit),
            Err(error) => return self.refused(route, &error, &visit),
        };
        let mut request = Request::new(incoming);
        *request.method_mut() = visit.head.method.clone();
        *request.version_mut() = visit.head.version;
        *request.headers_mut() = visit.head.headers.clone();
        *request.uri_mut() = uri;
        let passage = passage.unwrap_or_else(|| {
            let mut passage = Passage::new(None, visit.address(), visit.peer.clone());
            passage.seen = self.seen(&visit);
            passage
        });
        let limits = passage.limits.clone();
        let peer = visit.peer.clone();
        let mut response = self.gateway.clone().answer(self.snapshot, request, peer, Some(passage)).await;
        let id = response.headers().get(crate::headers::REQUEST_ID).cloned();
        let id = id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
        if let Some(route) = &route {
            finish(&mut response, Some(route), &visit, limits.as_ref(), &id);
        }
        response
    }
}

fn finished(response: &mut Response<ReplyBody>, visit: &Visit, exchange: &Exchange) {
    let id = exchange.id.text();
    let passage = exchange.edge.as_ref();
    let route = passage.and_then(|passage| passage.route.as_deref());
    let limits = passage.and_then(|passage| passage.limits.as_ref());
    finish(response, route, visit, limits, &id);
}

/// The upstream's answer, relayed, and written down on its way.
pub(super) fn relayed(
    answer: LaneAnswer,
    way: Way<'_>,
    recorder: Option<Box<Recorder>>,
    mut exchange: Box<Exchange>,
) -> Response<ReplyBody> {
    let Way { visit, route, proxy, .. } = way;
    let (mut head, lane) = answer.into_parts();
    remove_hop_by_hop(&mut head.headers);
    head.headers.remove(VIA);
    exchange.status = head.status.as_u16();
    let id = exchange.id.text();
    let limits = exchange.edge.as_ref().and_then(|passage| passage.limits.clone());
    let mut response = if is_bodiless(&visit.head.method, head.status) {
        if let Some(recorder) = recorder {
            recorder.finish();
        }
        own::whole(head.status, head.headers, Default::default(), &mut exchange)
    } else {
        let length = http_body::Body::size_hint(&lane).exact();
        let packer = packer(route, visit, &mut head, length);
        let source = match proxy.reads_ahead.clone().filter(|_| may_wait(&head.headers)) {
            Some(rules) => Source::Ahead(Box::new(ReadAhead::start(lane, rules, proxy.times.idle))),
            None => Source::Lane(Box::new(lane), Patience::new(proxy.times.idle)),
        };
        let body = EdgeBody::new(source, packer, exchange).recorded(recorder);
        let body = if body.is_end_stream() { body.ended() } else { ReplyBody::Edge(Box::new(body)) };
        reply::with_head(head.status.as_u16(), head.headers, body)
    };
    finish(&mut response, Some(route), visit, limits.as_ref(), &id);
    response
}

/// Whether an answer may be read ahead: events are for now, and a server may say so of others (nginx's `X-Accel-Buffering: no`).
fn may_wait(map: &HeaderMap) -> bool {
    let is_events =
        map.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let is_refused =
        map.get("x-accel-buffering").is_some_and(|said| said.as_bytes().eq_ignore_ascii_case(b"no"));
    !is_events && !is_refused
}

fn packer(
    route: &Route,
    visit: &Visit,
    head: &mut http::response::Parts,
    length: Option<u64>,
) -> Option<Packer> {
    let rules = route.compression.as_ref().filter(|_| visit.head.method != Method::HEAD)?;
    pack::packer(rules, &visit.head.headers, head.status, &mut head.headers, length)
}
