//! Stop 7: one request to one provider, over a lane or to the built-in demo, up to the head of its answer.

use std::borrow::Cow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use hyper::body::{Body, Frame, SizeHint};
use tidegate_core::pieces::Pieces;
use tidegate_net::{LaneBody, LaneError, LaneLimits, Outgoing};
use tidegate_policy::{TimeLimits, retry_after};

use crate::clock::http_date;
use crate::demo::{self, DemoBody};
use crate::error::GatewayError;
use crate::headers;
use crate::snapshot::{Auth, Line, Provider};

/// A request ready to be sent.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// The method.
    pub method: Method,
    /// Path behind the line's own, with query: `/chat/completions`.
    pub path: Cow<'static, str>,
    /// Its type; `None` when there is no body.
    pub content_type: Option<HeaderValue>,
    /// The body.
    pub body: Pieces,
}

impl Outbound {
    /// A JSON body posted.
    pub fn json(path: impl Into<Cow<'static, str>>, body: impl Into<Pieces>) -> Self {
        let content_type = Some(HeaderValue::from_static("application/json"));
        Self { method: Method::POST, path: path.into(), content_type, body: body.into() }
    }
}

/// The body of a provider's answer.
#[derive(Debug)]
pub enum UpstreamBody {
    /// Over a lane.
    Lane(LaneBody),
    /// From the built-in demo.
    Demo(DemoBody),
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Lane(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
            Self::Demo(body) => Pin::new(body).poll_frame(context).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Lane(body) => body.is_end_stream(),
            Self::Demo(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Lane(body) => body.size_hint(),
            Self::Demo(_) => SizeHint::default(),
        }
    }
}

/// Where a request goes, and with which key.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// The line.
    pub line: &'a Line,
    /// The key; `None` when none is needed.
    pub auth: Option<&'a Auth>,
}

/// Sends `outbound` and waits for the head of the answer. `way` is `None` for the built-in demo; `forwarded` are the caller's headers that go on.
pub async fn send(
    provider: &Provider,
    way: Option<Way<'_>>,
    outbound: Outbound,
    forwarded: &HeaderMap,
    limits: &TimeLimits,
) -> Result<Response<UpstreamBody>, GatewayError> {
    let Some(way) = way else {
        return Ok(ask_demo(&outbound));
    };
    let request = build(provider, way, outbound, forwarded)?;
    let lane_limits = LaneLimits { connect: limits.connect, answer: limits.first_byte };
    match way.line.lanes.send(request, lane_limits).await {
        Ok(answer) => Ok(answer.map(UpstreamBody::Lane)),
        Err(error) => Err(lane_error(error)),
    }
}

fn ask_demo(outbound: &Outbound) -> Response<UpstreamBody> {
    let answer = match &*outbound.path {
        "/embeddings" => demo::embeddings(&outbound.body.whole()),
        _ => demo::chat(&outbound.body.whole()),
    };
    let mut response = Response::new(UpstreamBody::Demo(answer.body));
    *response.status_mut() = http::StatusCode::from_u16(answer.status).unwrap_or_default();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    response
}

fn build(
    provider: &Provider,
    way: Way<'_>,
    outbound: Outbound,
    forwarded: &HeaderMap,
) -> Result<Request<Outgoing>, GatewayError> {
    let line = way.line;
    let mut request = Request::new(Outgoing::pieces(outbound.body));
    *request.method_mut() = outbound.method;
    *request.uri_mut() = Uri::from_maybe_shared(Bytes::from([&*line.path, &*outbound.path].concat()))
        .map_err(|error| GatewayError::Internal(format!("the target's path is no path: {error}")))?;
    let map = request.headers_mut();
    map.reserve(12);
    map.insert(HOST, line.host.clone());
    map.insert(ACCEPT, HeaderValue::from_static("*/*"));
    map.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(content_type) = outbound.content_type {
        map.insert(CONTENT_TYPE, content_type);
    }
    headers::copy_upstream(forwarded, map);
    map.entry(USER_AGENT).or_insert(HeaderValue::from_static("tidegate"));
    if line.dialect == tidegate_llm::Dialect::Anthropic && !map.contains_key("anthropic-version") {
        map.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    if let Some(auth) = way.auth {
        map.insert(auth.header.clone(), auth.value.clone());
    }
    for (name, value) in &provider.headers {
        map.insert(name.clone(), value.clone());
    }
    Ok(request)
}

fn lane_error(error: LaneError) -> GatewayError {
    tracing::debug!(%error, "a lane gave no answer");
    match error {
        LaneError::ConnectTimeout { limit, .. } => GatewayError::Timeout { stage: "connection", limit },
        LaneError::AnswerTimeout { limit, .. } => GatewayError::Timeout { stage: "first byte", limit },
        LaneError::Broken { .. } => GatewayError::Broken,
        // Where our providers are is nobody's business: the caller learns the cause, the log has the address.
        LaneError::Connect { source, .. } => GatewayError::Unreachable(source.to_string()),
        LaneError::Tls(cause) => GatewayError::Unreachable(cause),
    }
}

/// How long the provider asks to wait, by its headers.
pub fn asked_wait(map: &HeaderMap) -> Option<Duration> {
    let text = |name: &http::HeaderName| map.get(name).and_then(|value| value.to_str().ok());
    let now = std::time::SystemTime::now()
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64());
    retry_after(text(&headers::RETRY_AFTER_MS), text(&http::header::RETRY_AFTER), now, http_date)
}
