//! Vectors: OpenAI's `/v1/embeddings` and Gemini's `:embedContent`, in either dialect, from providers of either.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request};
use tidegate_llm::codec::Encoded;
use tidegate_llm::embeddings::{EmbeddingRequest, EmbeddingResponse, EncodingFormat, gemini, openai};
use tidegate_llm::passage::{Edits, Endpoint as Kind, Peek, peek, read_answer};
use tidegate_llm::{BadRequest, Dialect, Profile, Usage};
use tidegate_net::Incoming;

use crate::admit::admit_model;
use crate::ask::{Failure, Good, ask};
use crate::attempt::Committed;
use crate::body::expect_json;
use crate::book;
use crate::encode::gemini_path;
use crate::error::GatewayError;
use crate::exchange::Exchange;
use crate::headers;
use crate::hold::{self, Size, hold};
use crate::plan::Plan;
use crate::relay::Stopwatch;
use crate::snapshot::{Line, Target, cut_name};
use crate::take_in::take_in;
use crate::told::Told;
use crate::traffic::Wish;
use crate::tries::Tries;
use crate::upstream::Outbound;

/// A request for vectors as it was read.
struct Asked {
    surface: Surface,
    body: Bytes,
    peek: Peek,
    headers: HeaderMap,
    strict: bool,
}

/// Whose words the caller uses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Surface {
    OpenAi,
    Gemini { batch: bool },
}

/// Answers `POST /v1/embeddings`.
pub async fn openai(request: Request<Incoming>, exchange: &mut Exchange) -> Result<Committed, Failure> {
    let asked = read(Surface::OpenAi, request, exchange).await?;
    exchange.model = cut_name(asked.peek.model.as_deref().unwrap_or_default()).to_owned();
    answer(&asked, exchange).await
}

/// Answers `POST /v1beta/models/{model}:embedContent` and `:batchEmbedContents`.
pub async fn gemini(
    model: &str,
    batch: bool,
    request: Request<Incoming>,
    exchange: &mut Exchange,
) -> Result<Committed, Failure> {
    let asked = read(Surface::Gemini { batch }, request, exchange).await?;
    cut_name(model).clone_into(&mut exchange.model);
    answer(&asked, exchange).await
}

async fn read(
    surface: Surface,
    request: Request<Incoming>,
    exchange: &mut Exchange,
) -> Result<Asked, Failure> {
    let (head, body) = request.into_parts();
    let body = take_in(&head.headers, body, exchange).await?;
    expect_json(&head.headers)?;
    let kind = if surface == Surface::OpenAi { Kind::Embeddings } else { Kind::GeminiEmbed };
    let peek = peek(kind, &body).map_err(GatewayError::from)?;
    exchange.user.clone_from(&peek.end_user);
    let strict = exchange.snapshot.rules.strict || headers::says_yes(&head.headers, &headers::STRICT);
    Ok(Asked { surface, body, peek, headers: head.headers, strict })
}

async fn answer(asked: &Asked, exchange: &mut Exchange) -> Result<Committed, Failure> {
    let wish = Wish { headers: &asked.headers, body: &asked.body, exchange };
    let plan = Plan::make(&exchange.snapshot.models, &exchange.model, &wish)?;
    admit_model(plan.only_label(), exchange)?;
    let size = Size::of_input(exchange.request_bytes);
    hold(&size, &exchange.model.clone(), &plan.targets, exchange).await?;
    let mut tries = Tries::new(&plan, &asked.headers, exchange);
    while let Some(target) = tries.next(exchange).await {
        if let Err(refusal) = hold::enter(target, exchange).await {
            tries.passed_over(refusal, exchange);
            continue;
        }
        match attempt(asked, target, exchange).await {
            Ok(committed) => return Ok(committed),
            Err(failure) => tries.failed(target, failure, exchange)?,
        }
    }
    Err(tries.into_last())
}

async fn attempt(asked: &Asked, target: &Arc<Target>, exchange: &mut Exchange) -> Result<Committed, Failure> {
    let line = line_for(asked, target)?;
    let dialect = line.map_or(Dialect::OpenaiChat, |line| line.dialect);
    let (outbound, dropped) = encode(asked, target, dialect)?;
    book::begin(exchange);
    let watch = Stopwatch::start();
    let result = fetch(target, line, outbound, asked, exchange).await;
    watch.add_to(&mut exchange.waited);
    let (map, body) = result?;
    let (body, usage) = tell(asked, target, dialect, body)?;
    target.meters.count_attempt(true);
    let usage = Some(usage).filter(|usage| usage.input > 0);
    Ok(Committed {
        told: Told::Whole { body, content_type: "application/json", usage },
        headers: map,
        dropped,
    })
}

async fn fetch(
    target: &Target,
    line: Option<&Line>,
    outbound: Outbound,
    asked: &Asked,
    exchange: &Exchange,
) -> Result<(HeaderMap, Bytes), Failure> {
    let Good { head, source, .. } = ask(target, line, outbound, &asked.headers, exchange).await?;
    Ok((head.headers, source.read_whole(exchange.snapshot.rules.answer_body).await?))
}

/// The line that has embeddings, preferably in the caller's dialect; `None` for the built-in demo.
fn line_for<'a>(asked: &Asked, target: &'a Target) -> Result<Option<&'a Line>, GatewayError> {
    let provider = &target.provider;
    if provider.is_demo() {
        return Ok(None);
    }
    let openai = provider
        .line(Dialect::OpenaiChat)
        .or_else(|| provider.line(Dialect::OpenaiResponses))
        .filter(|_| provider.embeddings);
    let gemini = provider.line(Dialect::Gemini);
    let line = if asked.surface == Surface::OpenAi { openai.or(gemini) } else { gemini.or(openai) };
    line.map(Some).ok_or_else(|| {
        let message = format!(
            "`{}` has no embeddings: its provider speaks neither OpenAI's nor Gemini's",
            target.label
        );
        GatewayError::BadRequest(BadRequest::field("model", message))
    })
}

fn encode(asked: &Asked, target: &Target, dialect: Dialect) -> Result<(Outbound, Vec<String>), GatewayError> {
    let to_gemini = dialect == Dialect::Gemini;
    let profile = Profile {
        model: &target.model,
        quirks: target.provider.quirks,
        max_output_tokens: target.max_output_tokens,
    };
    match asked.surface {
        Surface::OpenAi if !to_gemini => {
            let mut edits = Edits::new(&asked.body, &asked.peek);
            edits.model(&target.model);
            if target.provider.quirks.no_null_fields {
                edits.remove_nulls();
            }
            Ok((Outbound::json("/embeddings", edits.apply()), Vec::new()))
        }
        Surface::Gemini { batch } if to_gemini => {
            let action = if batch { "batchEmbedContents" } else { "embedContent" };
            Ok((Outbound::json(gemini_path(&target.model, action), asked.body.clone()), Vec::new()))
        }
        _ => {
            let request = decode(asked)?;
            let (path, encoded) = if to_gemini {
                (
                    gemini_path(&target.model, "batchEmbedContents"),
                    gemini::encode_request(&request, &profile)?,
                )
            } else {
                ("/embeddings".to_owned(), openai::encode_request(&request, &profile)?)
            };
            let Encoded { body, dropped } = encoded;
            if asked.strict && !dropped.is_empty() {
                let message = format!("strict mode: {dialect} cannot carry `{}`", dropped.join("`, `"));
                return Err(BadRequest::field(dropped[0].clone(), message).into());
            }
            Ok((Outbound::json(path, body), dropped))
        }
    }
}

fn decode(asked: &Asked) -> Result<EmbeddingRequest, BadRequest> {
    match asked.surface {
        Surface::OpenAi => openai::decode_request(&asked.body),
        Surface::Gemini { batch: true } => gemini::decode_batch(&asked.body),
        Surface::Gemini { batch: false } => gemini::decode_request(&asked.body),
    }
}

/// The caller's body, and the tokens.
fn tell(
    asked: &Asked,
    target: &Target,
    dialect: Dialect,
    body: Bytes,
) -> Result<(Bytes, Usage), GatewayError> {
    let to_gemini = dialect == Dialect::Gemini;
    if to_gemini != (asked.surface == Surface::OpenAi) {
        let kind = if to_gemini { Kind::GeminiEmbed } else { Kind::Embeddings };
        let usage = read_answer(kind, &body)?.usage.unwrap_or_default();
        return Ok((body, usage));
    }
    let response: EmbeddingResponse =
        if to_gemini { gemini::decode_response(&body)? } else { openai::decode_response(&body)? };
    let usage = response.usage.clone().unwrap_or_default();
    let body = match asked.surface {
        Surface::OpenAi => {
            let format = decode(asked)?.encoding_format.unwrap_or(EncodingFormat::Float);
            openai::encode_response(&response, format, &target.model)
        }
        Surface::Gemini { batch: true } => gemini::encode_batch(&response),
        Surface::Gemini { batch: false } => gemini::encode_response(&response),
    };
    Ok((body.into(), usage))
}
