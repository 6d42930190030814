//! Stop 5: the fall-back loop. Tries targets until one has committed to an answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Response};
use hyper::body::Body;
use tidegate_llm::Dialect;
use tidegate_llm::codec::decode_error;
use tokio::time::Instant;

use crate::body::read_bounded;
use crate::encode::{Encoded, encode};
use crate::error::GatewayError;
use crate::exchange::Exchange;
use crate::inflate::{Encoding, inflate_whole};
use crate::plan::Plan;
use crate::prompt::Prompt;
use crate::relay::{Relay, Source, Stopwatch};
use crate::snapshot::Target;
use crate::told::{Told, tell_stream, tell_whole};
use crate::tries::Tries;
use crate::upstream::{UpstreamBody, asked_wait, send};

/// Most bytes of a provider's error answer that are read.
const ERROR_BODY: usize = 64 * 1024;
/// Longest wait for them.
const ERROR_BODY_TIME: Duration = Duration::from_secs(5);

/// An answer that a target has committed to.
#[derive(Debug)]
pub struct Committed {
    /// What the caller is told.
    pub told: Told,
    /// The provider's headers.
    pub headers: HeaderMap,
    /// Fields that could not be carried over.
    pub dropped: Vec<String>,
}

/// An attempt that came to nothing.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Why.
    pub error: GatewayError,
    /// How long the provider asks to wait.
    pub asked: Option<Duration>,
}

impl From<GatewayError> for Failure {
    fn from(error: GatewayError) -> Self {
        Self { error, asked: None }
    }
}

/// Answers a chat request with the first target that commits.
pub async fn answer(prompt: &Prompt, plan: &Plan, exchange: &mut Exchange) -> Result<Committed, Failure> {
    let mut tries = Tries::new(plan, &prompt.headers, exchange.snapshot.rules.retry);
    while let Some(target) = tries.next(exchange).await {
        match attempt(prompt, target, exchange).await {
            Ok(committed) => return Ok(committed),
            Err(failure) => tries.failed(target, failure, exchange)?,
        }
    }
    Err(tries.into_last())
}

async fn attempt(
    prompt: &Prompt,
    target: &Arc<Target>,
    exchange: &mut Exchange,
) -> Result<Committed, Failure> {
    let line = target.provider.line_for(prompt.dialect());
    let Encoded { outbound, dialect, way, dropped } = encode(prompt, target, line)?;
    let end = Instant::from_std(exchange.started) + target.limits.total;
    let watch = Stopwatch::start();
    let limits = target.limits.left_after(exchange.started.elapsed());
    let answer = send(&target.provider, line, outbound, &prompt.headers, &limits).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            watch.add_to(&mut exchange.waited);
            return Err(error.into());
        }
    };
    let (head, body) = answer.into_parts();
    if !head.status.is_success() {
        let failure = read_failure(dialect, Response::from_parts(head, body)).await;
        watch.add_to(&mut exchange.waited);
        return Err(failure);
    }
    let source = open(body, &head.headers, target, end)?;
    let told = if is_event_stream(&head.headers, prompt.stream()) {
        tell_stream(prompt, dialect, way, source, exchange).await
    } else {
        tell_whole(prompt, dialect, way, source, exchange).await
    };
    watch.add_to(&mut exchange.waited);
    let told = told?;
    target.meters.count_attempt(true);
    Ok(Committed { told, headers: head.headers, dropped })
}

/// An answer's body under its time limits.
pub fn open(
    body: UpstreamBody,
    map: &HeaderMap,
    target: &Target,
    end: Instant,
) -> Result<Source, GatewayError> {
    let encoding = encoding_of(map)?;
    Ok(Source::new(body, encoding, target.limits.idle, end, target.limits.total))
}

fn encoding_of(map: &HeaderMap) -> Result<Encoding, GatewayError> {
    let Some(name) = map.get(CONTENT_ENCODING) else { return Ok(Encoding::Identity) };
    let name = name.to_str().unwrap_or("?");
    Encoding::named(name).ok_or_else(|| GatewayError::Nonsense(format!("it is encoded as `{name}`")))
}

/// Whether the body is a stream of events. A provider that does not say so is believed to do what it was asked, unless it
/// says JSON (fault 48).
fn is_event_stream(map: &HeaderMap, asked_for: bool) -> bool {
    let content_type = map.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.contains("event-stream") || (asked_for && !content_type.contains("json"))
}

/// Reads a provider's error answer: its kind, its words, its wish to wait.
pub async fn read_failure(dialect: Dialect, answer: Response<UpstreamBody>) -> Failure {
    let (head, body) = answer.into_parts();
    let status = head.status.as_u16();
    if head.status.is_redirection() || head.status.is_informational() {
        return GatewayError::Nonsense(format!("it redirects (status {status}), which is not followed"))
            .into();
    }
    let is_small = body.size_hint().lower() <= ERROR_BODY as u64;
    let read = async { if is_small { read_bounded(body, ERROR_BODY).await.ok() } else { None } };
    let raw = tokio::time::timeout(ERROR_BODY_TIME, read).await.ok().flatten().unwrap_or_default();
    let plain = match encoding_of(&head.headers) {
        Ok(encoding) => inflate_whole(encoding, &raw, ERROR_BODY).unwrap_or_default(),
        Err(_) => Bytes::new(),
    };
    let fault = decode_error(dialect, status, &plain);
    let asked = asked_wait(&head.headers).or(fault.retry_after_ms.map(Duration::from_millis));
    Failure { error: fault.into(), asked }
}

/// A relay of raw bytes, for paths that are not looked into.
pub fn raw_relay(source: Source) -> Relay {
    Relay::new(source, crate::relay::Voice::raw())
}
