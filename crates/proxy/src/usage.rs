//! `GET /v1/usage`: what a caller's own key has used.

use std::time::{Duration, SystemTime};

use http::{Request, Response};
use serde_json::{Value, json};
use tidegate_core::NanoUsd;
use tidegate_llm::BadRequest;
use tidegate_net::Incoming;
use tidegate_store::ledger::{By, Filter, Order, Question, Sums, UsageError, UsageRow, ask};

use crate::ask::Failure;
use crate::body::ReplyBody;
use crate::error::GatewayError;
use crate::exchange::Exchange;
use crate::reply;

/// The days that are told when nobody says otherwise.
const USUAL_DAYS: u64 = 30;
/// The most days that can be asked for.
const MOST_DAYS: u64 = 366;

/// Answers with sums per day and model, or per what `group_by` says, of the last `days`; and with one sum over all.
pub async fn answer(
    request: Request<Incoming>,
    exchange: &mut Exchange,
) -> Result<Response<ReplyBody>, Failure> {
    let question = question(request.uri().query().unwrap_or_default(), exchange)?;
    let Some(database) = &exchange.desk.database else {
        return Err(GatewayError::StoreUnavailable("there is no ledger").into());
    };
    let total = Question { by: Vec::new(), ..question.clone() };
    let (rows, total) =
        tokio::try_join!(ask(database, &question), ask(database, &total)).map_err(unanswered)?;
    let sum = total.first().map(|row| row.sums).unwrap_or_default();
    let data: Vec<Value> = rows.iter().map(|row| shown(row, &question.by)).collect();
    let body = json!({ "object": "list", "data": data, "total": sums(&sum) });
    Ok(reply::own(exchange, 200, body.to_string().into_bytes()))
}

fn question(query: &str, exchange: &Exchange) -> Result<Question, GatewayError> {
    let mut by = vec![By::Day, By::Model];
    let mut days = USUAL_DAYS;
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            "days" => {
                let read = value.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
                days = read.ok_or_else(|| {
                    wrong("days", &format!("`days` must be a number from 1 to {MOST_DAYS}"))
                })?;
            }
            "group_by" => by = value.split(',').map(dimension).collect::<Result<_, _>>()?,
            // A way to show the key, and whatever SDKs add.
            _ => {}
        }
    }
    let now = exchange.arrived.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let from = now.saturating_sub(Duration::from_secs(days * 86_400));
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Ok(Question {
        by,
        from: seconds(from),
        to: seconds(now).saturating_add(1),
        filter: Filter { key: Some(exchange.caller.key_id().to_owned()), ..Filter::default() },
        order: Order::Group,
        limit: 10_000,
    })
}

/// What a caller may group by; whose key it is, is settled.
fn dimension(word: &str) -> Result<By, GatewayError> {
    By::parse(word).filter(|by| !matches!(by, By::Key | By::Team | By::Tag)).ok_or_else(|| {
        wrong(
            "group_by",
            "`group_by` takes day, hour, model, provider, target_model, endpoint, outcome and user",
        )
    })
}

fn wrong(field: &str, message: &str) -> GatewayError {
    BadRequest::field(field, message).into()
}

fn unanswered(error: UsageError) -> GatewayError {
    match error {
        UsageError::Store(error) => {
            tracing::warn!(%error, "usage cannot be told");
            GatewayError::StoreUnavailable("the ledger cannot be read at the moment")
        }
        other => wrong("group_by", &other.to_string()),
    }
}

fn shown(row: &UsageRow, by: &[By]) -> Value {
    let mut shown = sums(&row.sums);
    for (by, text) in by.iter().zip(&row.group) {
        shown[by.word()] = text.as_str().into();
    }
    shown
}

fn sums(sums: &Sums) -> Value {
    json!({
        "requests": sums.requests, "input_tokens": sums.input, "output_tokens": sums.output,
        "cached_tokens": sums.cache_read, "reasoning_tokens": sums.reasoning,
        "cost_usd": NanoUsd(sums.cost).as_dollars(), "unpriced_requests": sums.unpriced,
    })
}
