//! Answers a request that only reads from what is kept, or fetches it.

use std::sync::{Arc, OnceLock};

use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Body;
use tidegate_net::Incoming;
use tidegate_policy::edge::caching::status::{Done, Forwarded};
use tidegate_policy::edge::caching::{Decision, decide};
use tidegate_policy::edge::variables::Escape;

use super::fetch::{Fetched, Kept, fetch};
use super::flight::{Flight, come_back};
use super::key::Key;
use super::record::Recorder;
use super::store::Looked;
use super::told::{Telling, mark, still_holds, tell};
use super::{RouteCache, Use, now, refresh};
use crate::body::ReplyBody;
use crate::edge::answer::relayed;
use crate::edge::finish::finish;
use crate::edge::pass::{Way, pass};
use crate::edge::{EdgeError, own};
use crate::entry::Gateway;
use crate::exchange::Exchange;

/// The answer, or why there is none and the exchange.
type Answered = Result<Response<ReplyBody>, (EdgeError, Box<Exchange>)>;

/// One request on its way through the cache.
pub struct Job<'a> {
    /// Its way to the upstream.
    pub way: Way<'a>,
    /// The route's cache.
    pub cache: &'a RouteCache,
    /// The request's key.
    pub key: Key,
    /// The request's headers as the upstream sees them, once they are needed.
    outward: OnceLock<HeaderMap>,
}

impl<'a> Job<'a> {
    /// A request with that way.
    pub fn new(way: Way<'a>, cache: &'a RouteCache) -> Self {
        Self { way, cache, key: cache.key(way.visit), outward: OnceLock::new() }
    }

    /// The request's headers as the upstream sees them: answers depend on these, not on what the client wrote.
    pub fn outward(&self, exchange: &Exchange) -> &HeaderMap {
        self.outward.get_or_init(|| self.way.outward(exchange))
    }

    /// What is kept for it.
    pub fn look(&self, exchange: &Exchange) -> Looked {
        self.cache.store.look(&self.key, now(), || self.outward(exchange))
    }

    /// The same on the disk, where the memory has nothing; what is found there is lifted into the memory.
    async fn look_deeper(&self, looked: Looked, exchange: &Exchange) -> Looked {
        let Some(disk) = self.cache.store.disk().filter(|_| looked.stored.is_none()) else { return looked };
        let asked = self.cache.store.tick();
        let Some(file) = disk.find(&self.key, || self.outward(exchange).clone()) else { return looked };
        let key = self.key.clone();
        let read = tokio::task::spawn_blocking(move || disk.read(&key, file)).await;
        let Ok(Some(stored)) = read else { return looked };
        self.cache.store.lift(&self.key, Arc::new(stored), asked);
        self.look(exchange)
    }

    fn decide(&self, looked: &Looked) -> Decision {
        let head = &self.way.visit.head;
        let stored = looked.stored.as_deref().map(|stored| &stored.freshness);
        decide(&self.cache.rules, &head.method, &head.headers, stored, now())
    }

    /// Under which key those wait for each other who miss the same.
    pub fn flight_key(&self, looked: &Looked) -> Key {
        match &looked.variant {
            None => self.key.clone(),
            Some(variant) => format!("{}\n{}", self.key, String::from_utf8_lossy(variant)).into(),
        }
    }

    fn has(&self, names: &[http::HeaderName]) -> bool {
        names.iter().any(|name| self.way.visit.head.headers.contains_key(name))
    }
}

/// Answers a GET or HEAD.
pub async fn answer(
    gateway: &Arc<Gateway>,
    way: Way<'_>,
    cache: &RouteCache,
    incoming: Incoming,
    exchange: Box<Exchange>,
) -> Answered {
    let job = Job::new(way, cache);
    if goes_by(&job, &incoming, &exchange) {
        return go_by(&job, incoming, exchange, (Forwarded::Bypass, Use::Bypass)).await;
    }
    let mut looked = job.look_deeper(job.look(&exchange), &exchange).await;
    // Who waited for another one's answer, and for want of what.
    let (mut flight, mut waited) = (None, None);
    loop {
        match job.decide(&looked) {
            Decision::Fresh { age } => return given(&job, &looked, age, (Use::Hit, waited), exchange),
            Decision::Stale { age, may } if may.as_it_is => {
                return given(&job, &looked, age, (Use::Stale, waited), exchange);
            }
            Decision::Stale { age, may } if may.while_revalidating => {
                refresh::behind(gateway, &job, &looked, &exchange);
                return given(&job, &looked, age, (Use::Updating, waited), exchange);
            }
            Decision::OnlyIfCached => return Err((EdgeError::NotKept, exchange)),
            Decision::Bypass(_) => {
                return go_by(&job, incoming, exchange, (Forwarded::Request, Use::Bypass)).await;
            }
            Decision::Stale { .. } | Decision::Miss => {}
        }
        if flight.is_some() || waited.is_some() || cache.wait.is_zero() || looked.passes {
            break;
        }
        if let Some(why) = is_not_fetched(&job, &looked) {
            return go_by(&job, incoming, exchange, why).await;
        }
        match cache.store.flights.go(&job.flight_key(&looked)) {
            Ok(mine) => flight = Some(mine),
            Err(other) => {
                waited = Some(missed(&looked));
                // Whoever has waited long enough goes alone.
                let _ = tokio::time::timeout(cache.wait, come_back(other)).await;
            }
        }
        looked = job.look(&exchange);
    }
    if let Some(why) = is_not_fetched(&job, &looked) {
        return go_by(&job, incoming, exchange, why).await;
    }
    fetched(&job, &looked, flight, exchange).await
}

/// Whether the request has nothing to do with the cache: the route says so, it has a body, or it has conditions that only an upstream can weigh.
fn goes_by(job: &Job<'_>, incoming: &Incoming, exchange: &Exchange) -> bool {
    if !incoming.is_end_stream() || job.has(&[IF_MATCH, IF_UNMODIFIED_SINCE]) {
        return true;
    }
    if job.cache.bypass.is_empty() {
        return false;
    }
    let id = exchange.id.text();
    let scene = job.way.scene(&id, exchange);
    job.cache.bypass.iter().any(|template| {
        let mut value = Vec::new();
        template.render(&scene, Escape::None, &mut value);
        !value.is_empty() && value != b"0"
    })
}

/// Whether what is not kept is asked for as the client wants it, as its answer would not be kept either.
fn is_not_fetched(job: &Job<'_>, looked: &Looked) -> Option<(Forwarded, Use)> {
    let is_head = job.way.visit.head.method == Method::HEAD;
    if looked.stored.is_some() {
        return is_head.then_some((Forwarded::Stale, Use::Expired));
    }
    let is_part = job.has(&[RANGE, IF_RANGE]);
    let is_conditional = looked.passes && job.has(&[IF_NONE_MATCH, IF_MODIFIED_SINCE]);
    (is_head || is_part || is_conditional).then_some((missed(looked), Use::Miss))
}

/// Why nothing that is kept was given.
pub fn missed(looked: &Looked) -> Forwarded {
    if looked.stored.is_some() {
        Forwarded::Stale
    } else if looked.variant.is_some() {
        Forwarded::VaryMiss
    } else {
        Forwarded::UriMiss
    }
}

/// The request goes to the upstream as it came, and its answer to the client.
async fn go_by(
    job: &Job<'_>,
    incoming: Incoming,
    mut exchange: Box<Exchange>,
    (why, used): (Forwarded, Use),
) -> Answered {
    match pass(job.way, incoming, &mut exchange).await {
        Ok(mut answer) => {
            let done = Done { forwarded: Some(why), ..Done::default() };
            mark(job.cache, done, used, answer.headers_mut(), &mut exchange);
            Ok(relayed(answer, job.way, None, exchange))
        }
        Err(error) => Err((error, exchange)),
    }
}

fn given(
    job: &Job<'_>,
    looked: &Looked,
    age: i64,
    (used, waited): (Use, Option<Forwarded>),
    exchange: Box<Exchange>,
) -> Answered {
    let Some(stored) = &looked.stored else { return Err((EdgeError::Internal, exchange)) };
    let done = Done {
        forwarded: waited,
        ttl: Some(stored.freshness.lifetime - age),
        is_collapsed: waited.is_some(),
        ..Done::default()
    };
    tell(job.way, job.cache, stored, Telling { age, done, used }, exchange)
}

async fn fetched(
    job: &Job<'_>,
    looked: &Looked,
    flight: Option<Flight>,
    mut exchange: Box<Exchange>,
) -> Answered {
    match fetch(job, looked, flight, &mut exchange).await {
        Err(error) => Err((error, exchange)),
        Ok(Fetched::Kept(Kept { stored, telling })) => tell(job.way, job.cache, &stored, telling, exchange),
        Ok(Fetched::New { mut answer, recorder, done, used }) => {
            let is_held = recorder.is_some() && still_holds(job.way, answer.status(), answer.headers());
            mark(job.cache, done, used, answer.headers_mut(), &mut exchange);
            if is_held {
                return Ok(only_kept(job, answer, recorder, exchange));
            }
            Ok(relayed(answer, job.way, recorder, exchange))
        }
    }
}

/// The client has it already, but the cache does not: it is read for the cache alone.
fn only_kept(
    job: &Job<'_>,
    answer: tidegate_net::LaneAnswer,
    recorder: Option<Box<Recorder>>,
    mut exchange: Box<Exchange>,
) -> Response<ReplyBody> {
    let id = exchange.id.text();
    let limits = exchange.edge.as_ref().and_then(|passage| passage.limits.clone());
    let (mut head, lane) = answer.into_parts();
    tokio::spawn(refresh::take_in(lane, recorder, job.way.proxy.times.idle));
    debug_assert_eq!(head.status, StatusCode::OK);
    tidegate_policy::edge::headers::remove_hop_by_hop(&mut head.headers);
    let mut response = own::not_modified(head.headers, &mut exchange);
    finish(&mut response, Some(job.way.route), job.way.visit, limits.as_ref(), &id);
    response
}
