//! Asks the upstream about what is kept, or for what is not, and says what becomes of the answer.

use std::sync::Arc;

use http::header::{DATE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use http_body::Body;
use tidegate_net::LaneAnswer;
use tidegate_policy::edge::caching::status::{Done, Forwarded};
use tidegate_policy::edge::caching::{Decision, StaleUse, decide, may_serve_on_error, may_store, validate};
use tidegate_policy::edge::http_date;

use super::answer::{Job, missed};
use super::flight::Flight;
use super::record::{Place, Recorder};
use super::store::Looked;
use super::stored::{Head, Stored};
use super::told::Telling;
use super::{Use, now};
use crate::edge::EdgeError;
use crate::edge::upload::Upload;
use crate::exchange::Exchange;
use crate::headers;

/// What came of it.
pub enum Fetched {
    /// What was kept is given: it still holds, or the upstream failed.
    Kept(Kept),
    /// A new answer, which is written down on its way if it may be kept.
    New {
        /// The answer.
        answer: LaneAnswer,
        /// Who writes it down.
        recorder: Option<Box<Recorder>>,
        /// What was done, for `Cache-Status`.
        done: Done,
        /// The same, for logs and meters.
        used: Use,
    },
}

/// A kept answer, and how it is given.
pub struct Kept {
    /// The answer.
    pub stored: Arc<Stored>,
    /// How.
    pub telling: Telling,
}

/// Asks the upstream.
pub async fn fetch(
    job: &Job<'_>,
    looked: &Looked,
    flight: Option<Flight>,
    exchange: &mut Exchange,
) -> Result<Fetched, EdgeError> {
    let asked = job.cache.store.tick();
    let kept = looked.stored.as_ref();
    let (mut sent, mut answer) = send(job, kept, exchange).await;
    if let Some(kept) = kept {
        if let Some(status) = failed(&answer)
            && let Some(age) = may_be_used_on_error(job, kept)
        {
            return Ok(Fetched::Kept(used_on_error(kept, age, status)));
        }
        if let Some(told) = answer.as_ref().ok().filter(|told| told.status() == StatusCode::NOT_MODIFIED) {
            if validate::concerns(&kept.headers, told.headers()) {
                return Ok(Fetched::Kept(renewed(job, kept, told.headers(), sent, exchange)));
            }
            // It is about another answer than ours, so that we need that one.
            (sent, answer) = send(job, None, exchange).await;
        }
    }
    Ok(new(job, looked, answer?, (asked, sent, flight), exchange))
}

/// Asks, on the condition that what is kept holds no more; gives the time of asking, too.
async fn send(
    job: &Job<'_>,
    kept: Option<&Arc<Stored>>,
    exchange: &mut Exchange,
) -> (i64, Result<LaneAnswer, EdgeError>) {
    let mut outward = job.outward(exchange).clone();
    validate::make_conditional(&mut outward, kept.map(|kept| &kept.headers));
    let sent = now();
    let answer = job.way.send(outward, Upload::none(), exchange).await;
    // An answer without a date gets one (RFC 9110, section 6.6.1).
    let dated = answer.map(|mut answer| {
        let date = || headers::value(&http_date::format(now()));
        answer.headers_mut().entry(DATE).or_insert_with(date);
        answer
    });
    (sent, dated)
}

/// Whether the upstream failed so that something stale is better, and with which status.
fn failed(answer: &Result<LaneAnswer, EdgeError>) -> Option<Option<StatusCode>> {
    match answer {
        Ok(answer) => may_serve_on_error(answer.status()).then(|| Some(answer.status())),
        Err(
            EdgeError::NoServer
            | EdgeError::Busy
            | EdgeError::Unreachable
            | EdgeError::BadAnswer
            | EdgeError::Timeout,
        ) => Some(None),
        Err(_) => None,
    }
}

/// Its age, if it may be used although it is stale, as the upstream fails. Time has passed since it was first looked at.
fn may_be_used_on_error(job: &Job<'_>, kept: &Stored) -> Option<i64> {
    let request = &job.way.visit.head.headers;
    match decide(&job.cache.rules, &Method::GET, request, Some(&kept.freshness), now()) {
        Decision::Stale { age, may: StaleUse { on_error: true, .. } } => Some(age),
        _ => None,
    }
}

fn used_on_error(kept: &Arc<Stored>, age: i64, status: Option<StatusCode>) -> Kept {
    let done = Done {
        forwarded: Some(Forwarded::Stale),
        forwarded_status: status,
        ttl: Some(kept.freshness.lifetime - age),
        ..Done::default()
    };
    Kept { stored: kept.clone(), telling: Telling { age, done, used: Use::Stale } }
}

/// What was kept still holds: it gets the headers that came now.
fn renewed(job: &Job<'_>, kept: &Arc<Stored>, told: &HeaderMap, sent: i64, exchange: &Exchange) -> Kept {
    let (rules, store) = (&job.cache.rules, &job.cache.store);
    let mut headers = kept.headers.clone();
    validate::renew(&mut headers, told);
    let request = (&Method::GET, &job.way.visit.head.headers);
    let is_kept = may_store(rules, request, kept.status, &headers, now()).is_ok();
    let head = Head { status: kept.status, headers, times: (sent, now()) };
    let stored = Arc::new(head.with_body(kept.body.clone(), job.outward(exchange), rules));
    store.replace(&job.key, kept, is_kept.then(|| stored.clone()));
    let age = stored.freshness.age(now());
    let done = Done {
        forwarded: Some(Forwarded::Stale),
        forwarded_status: Some(StatusCode::NOT_MODIFIED),
        ttl: Some(stored.freshness.lifetime - age),
        is_stored: is_kept,
        is_collapsed: false,
    };
    Kept { stored, telling: Telling { age, done, used: Use::Revalidated } }
}

/// A new answer: may it be kept?
fn new(
    job: &Job<'_>,
    looked: &Looked,
    answer: LaneAnswer,
    (asked, sent, flight): (u64, i64, Option<Flight>),
    exchange: &Exchange,
) -> Fetched {
    let recorder = recorder(job, &answer, (asked, sent, flight), exchange);
    if recorder.is_none() {
        let status = answer.status();
        if let Some(kept) = looked.stored.as_ref().filter(|_| !status.is_server_error()) {
            job.cache.store.replace(&job.key, kept, None);
        }
        if !status.is_server_error() {
            job.cache.store.note_passing(&job.key, now());
        }
    }
    let used = if looked.stored.is_some() { Use::Expired } else { Use::Miss };
    let done = Done { forwarded: Some(missed(looked)), is_stored: recorder.is_some(), ..Done::default() };
    Fetched::New { answer, recorder, done, used }
}

fn recorder(
    job: &Job<'_>,
    answer: &LaneAnswer,
    (asked, sent, flight): (u64, i64, Option<Flight>),
    exchange: &Exchange,
) -> Option<Box<Recorder>> {
    let (rules, request) = (&job.cache.rules, (&Method::GET, &job.way.visit.head.headers));
    if !says_its_end(answer) {
        return None;
    }
    may_store(rules, request, answer.status(), answer.headers(), now()).ok()?;
    let store = job.cache.store.clone();
    let place = Place { store, key: job.key.clone(), asked, limit: job.cache.max_object };
    let head = Head { status: answer.status(), headers: answer.headers().clone(), times: (sent, now()) };
    let outward = job.outward(exchange).clone();
    Recorder::begin(place, head, outward, rules.clone(), answer.body().size_hint().exact(), flight)
}

/// Whether a cut answer can be told from a whole one: one that ends with its connection cannot.
fn says_its_end(answer: &LaneAnswer) -> bool {
    let in_chunks = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
    answer.version() == Version::HTTP_2
        || answer.body().size_hint().exact().is_some()
        || answer.headers().get(TRANSFER_ENCODING).is_some_and(in_chunks)
}
