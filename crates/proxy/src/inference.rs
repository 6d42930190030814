//! Stop 4: reads a chat request and makes the plan; stop 5 carries it out.

use http::Request;
use hyper::body::Incoming;

use crate::attempt::{self, Committed, Failure};
use crate::body::{expect_json, read_request};
use crate::chance::chance;
use crate::endpoint::Surface;
use crate::error::GatewayError;
use crate::exchange::Exchange;
use crate::plan::Plan;
use crate::prompt::Prompt;

/// Answers a chat request.
pub async fn answer(
    surface: Surface,
    request: Request<Incoming>,
    exchange: &mut Exchange,
) -> Result<Committed, Failure> {
    let (head, body) = request.into_parts();
    let body = read_request(&head.headers, body, exchange.snapshot.rules.request_body).await?;
    expect_json(&head.headers)?;
    exchange.request_bytes = body.len();
    let prompt = Prompt::read(surface, body, head.headers, &exchange.snapshot.rules)?;
    exchange.model = prompt.model().to_owned();
    exchange.stream = prompt.stream();
    let plan = Plan::make(&exchange.snapshot.models, prompt.model(), chance).map_err(GatewayError::from)?;
    attempt::answer(&prompt, &plan, exchange).await
}
