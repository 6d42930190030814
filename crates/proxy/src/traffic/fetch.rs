//! A small GET of the gateway's own: metrics and probes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, HOST, USER_AGENT};
use http::{HeaderName, HeaderValue, Request, Uri};
use tidegate_net::{LaneLimits, LanePool, Outgoing};

use crate::body::read_bounded;
use crate::error::GatewayError;
use crate::snapshot::Auth;

/// What is asked for.
pub(super) struct Fetch<'a> {
    pub(super) lanes: &'a Arc<LanePool>,
    pub(super) host: &'a HeaderValue,
    pub(super) path: &'a str,
    pub(super) auth: Option<&'a Auth>,
    pub(super) headers: &'a [(HeaderName, HeaderValue)],
}

/// Asks, and reads the answer within `wait` and up to `most` bytes: its status and its body.
pub(super) async fn fetch(
    asked: Fetch<'_>,
    wait: Duration,
    most: usize,
) -> Result<(u16, Bytes), GatewayError> {
    let mut request = Request::new(Outgoing::full(Bytes::new()));
    *request.uri_mut() =
        asked.path.parse::<Uri>().map_err(|error| GatewayError::Internal(format!("no path: {error}")))?;
    let map = request.headers_mut();
    map.insert(HOST, asked.host.clone());
    map.insert(ACCEPT, HeaderValue::from_static("*/*"));
    map.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    map.insert(USER_AGENT, HeaderValue::from_static("tidegate"));
    if let Some(auth) = asked.auth {
        map.insert(auth.header.clone(), auth.value.clone());
    }
    for (name, value) in asked.headers {
        map.insert(name.clone(), value.clone());
    }
    let answer = async {
        let answer = asked.lanes.send(request, LaneLimits { connect: wait, answer: wait }).await;
        let answer = answer.map_err(|error| GatewayError::Unreachable(error.to_string()))?;
        let status = answer.status().as_u16();
        Ok((status, read_bounded(answer.into_body(), most).await.map_err(|_| GatewayError::Broken)?))
    };
    let late = || GatewayError::Timeout { stage: "end", limit: wait };
    tokio::time::timeout(wait, answer).await.map_err(|_| late())?
}
