//! Stop 2: takes one snapshot, opens the exchange, matches the path, and turns every error into an answer.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use tidegate_llm::Dialect;
use tidegate_net::{Answering, Drain, Handler, Incoming, Peer, boxed};
use tidegate_policy::overload::Class;

use crate::access_log::AccessLog;
use crate::admit::admit;
use crate::attempt::Committed;
use crate::body::ReplyBody;
use crate::caller::Caller;
use crate::chance::request_id;
use crate::desk::Desk;
use crate::edge::{self, Passage};
use crate::endpoint::Endpoint;
use crate::exchange::{Exchange, Outcome};
use crate::forward::Forwarded;
use crate::meters::Meters;
use crate::snapshot::Snapshot;
use crate::{book, count, embed, forward, headers, inference, model_list, reply, usage};

/// The data plane: answers requests by the snapshot of the moment.
#[derive(Debug)]
pub struct Gateway {
    snapshot: ArcSwap<Snapshot>,
    meters: Meters,
    log: Arc<AccessLog>,
    desk: Arc<Desk>,
    drain: Drain,
}

impl Gateway {
    /// A gateway that answers by `snapshot`.
    pub fn new(snapshot: Arc<Snapshot>, meters: Meters, log: Arc<AccessLog>, desk: Arc<Desk>) -> Arc<Self> {
        desk.bound(&snapshot);
        Arc::new(Self { snapshot: ArcSwap::new(snapshot), meters, log, desk, drain: Drain::default() })
    }

    /// From the next request on, answers by `snapshot`. Requests under way keep theirs.
    pub fn swap(&self, snapshot: Arc<Snapshot>) {
        self.desk.bound(&snapshot);
        self.snapshot.store(snapshot);
    }

    /// The snapshot of the moment.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Keys, counters, ledger.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// The meters.
    pub fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Turns `/ready` red, so that balancers send no more.
    pub fn set_draining(&self) {
        self.drain.start();
    }

    /// Tells those who hold a connection longer than an answer that the gateway wants to end.
    pub(crate) fn drain(&self) -> &Drain {
        &self.drain
    }

    /// Why new requests are not welcome, in one word; `None`: they are.
    pub fn unready(&self) -> Option<&'static str> {
        if self.drain.started() {
            return Some("draining");
        }
        (!self.desk.memory.is_ready()).then_some("overloaded")
    }

    /// Opens an exchange that uses that snapshot to its end.
    pub(crate) fn open(&self, endpoint: &'static str, peer: Peer, snapshot: Arc<Snapshot>) -> Exchange {
        self.meters.in_flight().inc();
        let (started, arrived) = (Instant::now(), SystemTime::now());
        Exchange {
            id: request_id(arrived),
            snapshot,
            meters: self.meters.clone(),
            log: self.log.clone(),
            started,
            arrived,
            peer: peer.address,
            caller: Caller { key: None, address: peer.address.ip().to_canonical() },
            desk: self.desk.clone(),
            endpoint,
            model: String::new(),
            user: None,
            stream: false,
            charged: 0,
            request_bytes: 0,
            class: Class::default(),
            engaged: None,
            target: None,
            attempts: 0,
            attempt_begun: started,
            fruitless: None,
            upstream_id: None,
            row_may_wait: false,
            held: None,
            at_provider: None,
            estimated_input: 0,
            is_output_bounded: false,
            degraded: None,
            waited: Duration::ZERO,
            first_token: None,
            status: 0,
            error: None,
            usage: None,
            malformed: 0,
            edge: None,
            outcome: Outcome::Cancelled,
        }
    }

    fn health(&self, trouble: Option<&'static str>) -> Response<ReplyBody> {
        let mut map = HeaderMap::new();
        map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (status, body) = match trouble {
            None => (200, r#"{"status":"ok"}"#),
            Some("draining") => (503, r#"{"status":"draining"}"#),
            Some(_) => (503, r#"{"status":"overloaded"}"#),
        };
        reply::with_head(status, map, ReplyBody::full(body))
    }
}

/// What an endpoint answers with. The first two take the exchange along with their body.
enum Answer {
    Committed(Committed),
    Forwarded(Forwarded),
    Own(Response<ReplyBody>),
}

/// Whose SDK is asking, by its headers.
fn vendor(map: &HeaderMap) -> Dialect {
    if map.contains_key(&headers::ANTHROPIC_VERSION) {
        Dialect::Anthropic
    } else if map.contains_key(&headers::GOOGLE_KEY) {
        Dialect::Gemini
    } else {
        Dialect::OpenaiChat
    }
}

impl Handler for Gateway {
    type Body = ReplyBody;

    fn handle(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> Answering<ReplyBody> {
        let snapshot = self.snapshot.load_full();
        match snapshot.edge.clone() {
            Some(site) => boxed(|| edge::answer::answer(self, snapshot, site, request, peer)),
            None => boxed(|| self.answer(snapshot, request, peer, None)),
        }
    }
}

impl Gateway {
    /// Answers a request of the AI gateway; `passage`: what the edge knows of it.
    pub(crate) async fn answer(
        self: Arc<Self>,
        snapshot: Arc<Snapshot>,
        request: Request<Incoming>,
        peer: Peer,
        passage: Option<Box<Passage>>,
    ) -> Response<ReplyBody> {
        let vendor = vendor(request.headers());
        let uri = request.uri();
        let endpoint = match Endpoint::of(request.method(), uri.path(), uri.query(), vendor) {
            Ok(Endpoint::Health) => return self.health(None),
            Ok(Endpoint::Ready) => return self.health(self.unready()),
            Ok(endpoint) => endpoint,
            Err(error) => {
                let mut exchange = self.open("unknown", peer, snapshot);
                exchange.edge = passage;
                return reply::failed(vendor, &error.into(), &mut exchange);
            }
        };
        let mut exchange = self.open(endpoint.name(), peer, snapshot);
        if let Some(passage) = passage {
            exchange.caller.address = passage.client;
            exchange.edge = Some(passage);
        }
        let (dialect, is_head) = (endpoint.dialect(), *request.method() == http::Method::HEAD);
        if let Err(failure) = admit(&request, &mut exchange).await {
            return reply::failed(dialect, &failure, &mut exchange);
        }
        let answered = match endpoint {
            Endpoint::Chat(surface) => {
                inference::answer(surface, request, &mut exchange).await.map(Answer::Committed)
            }
            Endpoint::Embeddings => embed::openai(request, &mut exchange).await.map(Answer::Committed),
            Endpoint::GeminiEmbeddings { model, batch } => {
                embed::gemini(&model, batch, request, &mut exchange).await.map(Answer::Committed)
            }
            Endpoint::Forward => forward::answer(request, &mut exchange).await.map(Answer::Forwarded),
            Endpoint::CountTokens => count::anthropic(request, &mut exchange).await.map(Answer::Own),
            Endpoint::GeminiCountTokens { model } => {
                count::gemini(&model, request, &mut exchange).await.map(Answer::Own)
            }
            Endpoint::Models { dialect, model } => {
                model_list::answer(dialect, model.as_deref(), request, &mut exchange).await.map(Answer::Own)
            }
            Endpoint::Usage => usage::answer(request, &mut exchange).await.map(Answer::Own),
            Endpoint::Health | Endpoint::Ready => Ok(Answer::Own(self.health(None))),
        };
        match answered {
            Ok(Answer::Committed(committed)) => {
                let response = reply::committed(committed, exchange);
                book::written(&self.desk, &self.meters).await;
                response
            }
            Ok(Answer::Forwarded(forwarded)) => forwarded.reply(exchange),
            Ok(Answer::Own(response)) if is_head => reply::without_body(response),
            Ok(Answer::Own(response)) => response,
            Err(failure) => reply::failed(dialect, &failure, &mut exchange),
        }
    }
}
