//! The ACME library's requests, over lanes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request};
use http_body_util::BodyExt;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};

use crate::{Connector, LaneLimits, LaneOptions, Origin, Outgoing};

/// How long an ACME server may take for one answer.
const LIMITS: LaneLimits = LaneLimits { connect: Duration::from_secs(15), answer: Duration::from_secs(60) };

/// Asks an ACME server over lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    pub(super) connector: Arc<Connector>,
    pub(super) options: LaneOptions,
}

impl HttpClient for Lanes {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let (connector, options) = (self.connector.clone(), self.options.clone());
        Box::pin(async move {
            let other = |error: Box<dyn std::error::Error + Send + Sync>| Error::Other(error);
            let (mut head, body) = request.into_parts();
            let (origin, _) = Origin::parse(&head.uri.to_string()).map_err(|error| other(error.into()))?;
            let host = HeaderValue::from_str(&origin.host_header()).map_err(|error| other(error.into()))?;
            head.headers.insert(HOST, host);
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let request = Request::from_parts(head, Outgoing::full(body));
            let answer = connector.pool_with(&origin, &options).send(request, LIMITS).await;
            answer.map(BytesResponse::from).map_err(|error| other(error.into()))
        })
    }
}
