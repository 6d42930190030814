//! Paths of OpenAI-compatible servers that are not translated (images, audio, moderations, rerank, files, batches, …): handed
//! to the provider of the named model, or to the default provider where no model is named. The answer is relayed raw.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, Response, Uri};
use tidegate_core::pieces::Pieces;
use tidegate_llm::passage::{Edits, Endpoint as Kind, peek};
use tidegate_llm::{BadRequest, Dialect};
use tidegate_net::Incoming;

use crate::admit::admit_model;
use crate::ask::{Failure, Good, ask};
use crate::body::ReplyBody;
use crate::book;
use crate::endpoint::openai_path;
use crate::error::GatewayError;
use crate::exchange::{Exchange, Outcome};
use crate::hold::{self, Size, hold};
use crate::multipart;
use crate::plan::Plan;
use crate::relay::{Relay, Voice};
use crate::snapshot::{Line, Provider, Target};
use crate::take_in::take_in;
use crate::traffic::Wish;
use crate::upstream::Outbound;
use crate::{headers, reply};

/// An answer that is relayed raw.
#[derive(Debug)]
pub struct Forwarded {
    status: u16,
    headers: HeaderMap,
    relay: Box<Relay>,
}

impl Forwarded {
    /// The answer; the exchange goes along with its body.
    pub fn reply(mut self, mut exchange: Exchange) -> Response<ReplyBody> {
        exchange.status = self.status;
        let mut map = reply::begin(&exchange);
        headers::copy_downstream(&self.headers, &mut map);
        for name in [CONTENT_TYPE, CONTENT_DISPOSITION] {
            if let Some(value) = self.headers.get(&name) {
                map.insert(name, value.clone());
            }
        }
        reply::write_head(&exchange, None, &mut map);
        if self.status == 204 {
            // Nobody asks for its body, so a relay would never learn that the answer has ended.
            exchange.outcome = Outcome::Complete;
            return reply::with_head(self.status, map, ReplyBody::full(Bytes::new()));
        }
        self.relay.commit(exchange);
        reply::with_head(self.status, map, ReplyBody::Relay(self.relay))
    }
}

/// Hands the request on, once: these paths may not be safe to repeat.
pub async fn answer(request: Request<Incoming>, exchange: &mut Exchange) -> Result<Forwarded, Failure> {
    let (head, body) = request.into_parts();
    let body = take_in(&head.headers, body, exchange).await?;
    let (target, body) = choose(&head.headers, &head.method, body, exchange)?;
    exchange.model.clone_from(&target.model);
    admit_model(Some(&target.label), exchange)?;
    hold(&Size::of_input(0), &target.model, std::slice::from_ref(&target), exchange).await?;
    hold::enter(&target, exchange).await?;
    book::begin(exchange);
    exchange.target = Some(target.clone());
    exchange.attempts = 1;
    let line = openai_line(&target.provider)?;
    let path = path_upstream(&head.uri).into();
    let content_type = head.headers.get(CONTENT_TYPE).cloned();
    let outbound = Outbound { method: head.method, path, content_type, body };
    let Good { head, source, .. } = ask(&target, Some(line), outbound, &head.headers, exchange)
        .await
        .inspect_err(|_| target.meters.count_attempt(false))?;
    target.meters.count_attempt(true);
    let relay = Box::new(Relay::new(source, Voice::raw()));
    Ok(Forwarded { status: head.status.as_u16(), headers: head.headers, relay })
}

/// The path behind a provider's base URL, with the caller's query but for a key in it, which is the caller's own.
fn path_upstream(uri: &Uri) -> String {
    let rest = openai_path(uri.path()).unwrap_or_else(|| uri.path().trim_start_matches('/'));
    let query = uri.query().unwrap_or_default();
    let kept: Vec<&str> =
        query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("key=")).collect();
    if kept.is_empty() { format!("/{rest}") } else { format!("/{rest}?{}", kept.join("&")) }
}

/// The provider's line for OpenAI's other paths.
pub fn openai_line(provider: &Provider) -> Result<&Line, GatewayError> {
    provider
        .line(Dialect::OpenaiChat)
        .or_else(|| provider.line(Dialect::OpenaiResponses))
        .ok_or(GatewayError::NoProvider)
}

/// Finds the target by the model that the body names, and writes the target's own name of the model into the body.
fn choose(
    map: &HeaderMap,
    method: &Method,
    body: Bytes,
    exchange: &Exchange,
) -> Result<(Arc<Target>, Pieces), GatewayError> {
    let content_type = map.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_form = content_type.get(..19).is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/form-data"));
    if is_form && let Some(field) = multipart::model(content_type, &body)? {
        let target = target_of(&field.value, map, exchange)?;
        let body = field.replace(&body, &target.model);
        return Ok((target, body.into()));
    }
    if *method == Method::POST && content_type.contains("json") && !body.is_empty() {
        match peek(Kind::Other, &body) {
            Ok(peek) => {
                let target = target_of(peek.model.as_deref().unwrap_or_default(), map, exchange)?;
                let mut edits = Edits::new(&body, &peek);
                edits.model(&target.model);
                return Ok((target, edits.apply()));
            }
            // A path whose requests name no model (batches, vector stores).
            Err(bad) if bad.param.as_deref() == Some("model") && !names_model(&body) => {}
            Err(bad) => return Err(bad.into()),
        }
    }
    Ok((default_target(map, exchange)?, body.into()))
}

fn names_model(body: &[u8]) -> bool {
    memchr::memmem::find(body, b"\"model\"").is_some()
}

fn target_of(model: &str, map: &HeaderMap, exchange: &Exchange) -> Result<Arc<Target>, GatewayError> {
    let plan = Plan::make(&exchange.snapshot.models, model, &Wish { headers: map, body: &[], exchange })?;
    let speaks = |target: &&Arc<Target>| openai_line(&target.provider).is_ok();
    plan.targets.iter().find(speaks).cloned().ok_or_else(|| {
        let message =
            format!("the provider of `{model}` does not speak OpenAI's dialect, as this path needs");
        BadRequest::field("model", message).into()
    })
}

/// The provider that `x-tidegate-provider` names, or the default one.
pub fn default_target(map: &HeaderMap, exchange: &Exchange) -> Result<Arc<Target>, GatewayError> {
    let snapshot = &exchange.snapshot;
    let provider = match map.get(&headers::PROVIDER) {
        Some(name) => {
            let named = |provider: &&Arc<Provider>| provider.name.as_bytes() == name.as_bytes();
            snapshot.providers.iter().find(named).ok_or_else(|| {
                BadRequest::field(
                    headers::PROVIDER.as_str(),
                    "`x-tidegate-provider` names no provider of the config",
                )
            })?
        }
        None => snapshot.default_provider.as_ref().ok_or(GatewayError::NoProvider)?,
    };
    Ok(snapshot.models.target_without_model(provider))
}
