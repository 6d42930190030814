//! Counting tokens before a call: by the provider where it speaks the caller's dialect, else by estimate.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use tidegate_llm::passage::{Edits, Endpoint as Kind, peek};
use tidegate_llm::{Dialect, anthropic as messages, gemini as generate, tokens};
use tidegate_net::Incoming;

use crate::admit::admit_model;
use crate::ask::{Failure, Good, ask};
use crate::body::{ReplyBody, expect_json};
use crate::encode::gemini_path;
use crate::error::GatewayError;
use crate::exchange::Exchange;
use crate::plan::Plan;
use crate::reply;
use crate::snapshot::{Target, cut_name};
use crate::take_in::take_in;
use crate::traffic::Wish;
use crate::upstream::Outbound;

/// `POST /v1/messages/count_tokens`.
pub async fn anthropic(
    request: Request<Incoming>,
    exchange: &mut Exchange,
) -> Result<Response<ReplyBody>, Failure> {
    let (head, body) = request.into_parts();
    let body = take_in(&head.headers, body, exchange).await?;
    expect_json(&head.headers)?;
    let peeked = peek(Kind::CountTokens, &body).map_err(GatewayError::from)?;
    exchange.model = cut_name(peeked.model.as_deref().unwrap_or_default()).to_owned();
    let target = first_target(&head.headers, exchange)?;
    if target.provider.line(Dialect::Anthropic).is_some() {
        let mut edits = Edits::new(&body, &peeked);
        edits.model(&target.model);
        let outbound = Outbound::json("/messages/count_tokens", edits.apply());
        if let Some(answer) = fetch(&target, Dialect::Anthropic, outbound, &head.headers, exchange).await? {
            return Ok(reply::own(exchange, 200, answer.into()));
        }
    }
    let decoded = messages::count_tokens::decode(&body).map_err(GatewayError::from)?;
    let answer = messages::count_tokens::encode(tokens::estimate_request(&decoded));
    Ok(reply::own(exchange, 200, answer))
}

/// `POST /v1beta/models/{model}:countTokens`.
pub async fn gemini(
    model: &str,
    request: Request<Incoming>,
    exchange: &mut Exchange,
) -> Result<Response<ReplyBody>, Failure> {
    let (head, body) = request.into_parts();
    let body = take_in(&head.headers, body, exchange).await?;
    expect_json(&head.headers)?;
    peek(Kind::GeminiCountTokens, &body).map_err(GatewayError::from)?;
    cut_name(model).clone_into(&mut exchange.model);
    let target = first_target(&head.headers, exchange)?;
    if target.provider.line(Dialect::Gemini).is_some() {
        let outbound = Outbound::json(gemini_path(&target.model, "countTokens"), body.clone());
        if let Some(answer) = fetch(&target, Dialect::Gemini, outbound, &head.headers, exchange).await? {
            return Ok(reply::own(exchange, 200, answer.into()));
        }
    }
    let decoded = generate::count_tokens::decode_request(&body).map_err(GatewayError::from)?;
    let answer = generate::count_tokens::encode_response(tokens::estimate_request(&decoded));
    Ok(reply::own(exchange, 200, answer))
}

fn first_target(map: &HeaderMap, exchange: &mut Exchange) -> Result<std::sync::Arc<Target>, GatewayError> {
    let wish = Wish { headers: map, body: &[], exchange };
    let plan = Plan::make(&exchange.snapshot.models, &exchange.model, &wish)?;
    admit_model(plan.only_label(), exchange)?;
    let target = plan.targets.into_iter().next().ok_or(GatewayError::NoProvider)?;
    exchange.target = Some(target.clone());
    Ok(target)
}

/// Asks the provider; `None` when it does not count (many who speak the dialect do not).
async fn fetch(
    target: &Target,
    dialect: Dialect,
    outbound: Outbound,
    map: &HeaderMap,
    exchange: &mut Exchange,
) -> Result<Option<Bytes>, Failure> {
    exchange.attempts += 1;
    let line = target.provider.line(dialect);
    match ask(target, line, outbound, map, exchange).await {
        Ok(Good { source, .. }) => Ok(Some(source.read_whole(exchange.snapshot.rules.answer_body).await?)),
        Err(failure) if matches!(failure.error.status(), 404 | 405 | 501) => Ok(None),
        Err(failure) => Err(failure),
    }
}
