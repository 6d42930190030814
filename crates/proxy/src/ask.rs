//! Stop 7, whole: one request to one target, up to the head of a good answer; anything else is a [`Failure`].

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::response::Parts;
use http::{HeaderMap, Response};
use hyper::body::Body;
use tidegate_llm::Dialect;
use tidegate_llm::codec::decode_error;
use tidegate_policy::LONGEST_RETRY_AFTER;
use tokio::time::Instant;

use crate::body::read_bounded;
use crate::error::GatewayError;
use crate::exchange::Exchange;
use crate::inflate::{Encoding, inflate_whole};
use crate::relay::Source;
use crate::snapshot::{Line, Target};
use crate::traffic::ask_in_turn;
use crate::upstream::{Outbound, UpstreamBody, Way, asked_wait, send};

/// Most bytes of a provider's error answer that are read.
const ERROR_BODY: usize = 64 * 1024;
/// Longest wait for them.
const ERROR_BODY_TIME: Duration = Duration::from_secs(5);

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

/// A good answer: its head, and its body under the target's time limits.
#[derive(Debug)]
pub struct Good {
    /// Status and headers.
    pub head: Parts,
    /// The body.
    pub source: Source,
    /// When the request was sent.
    pub sent: std::time::Instant,
}

/// Sends `outbound` to `target` over `line` (`None`: the built-in demo) with those of the caller's headers that go on, and
/// waits for the head of a good answer within what is left of the time limits.
pub async fn ask(
    target: &Target,
    line: Option<&Line>,
    outbound: Outbound,
    callers: &HeaderMap,
    exchange: &Exchange,
) -> Result<Good, Failure> {
    match (line, &target.provider.keys) {
        (Some(line), Some(keys)) => ask_in_turn(keys, target, line, outbound, callers, exchange).await,
        (Some(line), None) => {
            let way = Way { line, auth: line.auth.first() };
            ask_once(target, Some(way), outbound, callers, exchange).await
        }
        (None, _) => ask_once(target, None, outbound, callers, exchange).await,
    }
}

/// The same with one key.
pub async fn ask_once(
    target: &Target,
    way: Option<Way<'_>>,
    outbound: Outbound,
    callers: &HeaderMap,
    exchange: &Exchange,
) -> Result<Good, Failure> {
    let sent = std::time::Instant::now();
    let end = Instant::from_std(exchange.started) + target.limits.total;
    let left = end.saturating_duration_since(Instant::from_std(sent));
    let mut limits = target.limits;
    limits.connect = limits.connect.min(left);
    limits.first_byte = limits.first_byte.min(left);
    let answer = match send(&target.provider, way, outbound, callers, &limits).await {
        // What ran out was not this stage's limit, but the total.
        Err(GatewayError::Timeout { limit, .. }) if limit == left => {
            return Err(GatewayError::Timeout { stage: "end", limit: target.limits.total }.into());
        }
        answer => answer?,
    };
    if let Some(engaged) = &exchange.engaged {
        engaged.saw_head(answer.headers());
    }
    if !answer.status().is_success() {
        let dialect = way.map_or(Dialect::OpenaiChat, |way| way.line.dialect);
        return Err(read_failure(dialect, answer).await);
    }
    let (head, body) = answer.into_parts();
    let encoding = encoding_of(&head.headers)?;
    let source = Source::new(body, encoding, target.limits.idle, end, target.limits.total);
    Ok(Good { head, source, sent })
}

fn encoding_of(map: &HeaderMap) -> Result<Encoding, GatewayError> {
    let Some(name) = map.get(CONTENT_ENCODING) else { return Ok(Encoding::Identity) };
    let name = name.to_str().unwrap_or("?");
    Encoding::named(name).ok_or_else(|| GatewayError::Nonsense(format!("it is encoded as `{name}`")))
}

/// Reads a provider's error answer: its kind, its words, its wish to wait.
async fn read_failure(dialect: Dialect, answer: Response<UpstreamBody>) -> Failure {
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
    let asked = asked_wait(&head.headers)
        .or(fault.retry_after_ms.map(|ms| Duration::from_millis(ms).min(LONGEST_RETRY_AFTER)));
    Failure { error: fault.into(), asked }
}
