//! The ledger's rows: one for each attempt, written into the journal before the caller has seen the end of his answer.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tidegate_core::NanoUsd;
use tidegate_llm::Usage;
use tidegate_llm::price::Class;
use tidegate_store::ledger::{Row, Tokens};

use crate::ask::Failure;
use crate::error::GatewayError;
use crate::exchange::Exchange;
use crate::snapshot::Target;

/// An attempt that came to nothing and is not written down yet: it may have been the last.
#[derive(Debug)]
pub struct Fruitless {
    target: Arc<Target>,
    attempt: u32,
    status: u16,
    code: String,
    duration: Duration,
}

/// Begins an attempt: the one before was not the last, and is written down.
pub fn begin(exchange: &mut Exchange) {
    if let Some(before) = exchange.fruitless.take() {
        let ended = micros(SystemTime::now());
        let row = Row {
            attempt: before.attempt,
            ended,
            outcome: "failed".to_owned(),
            status: before.status,
            error: before.code,
            duration: micros_of(before.duration),
            ..row(exchange, Some(&before.target))
        };
        append(&row, exchange);
    }
    exchange.attempt_begun = Instant::now();
}

/// Takes note of an attempt that came to nothing.
pub fn came_to_nothing(target: &Arc<Target>, failure: &Failure, exchange: &mut Exchange) {
    let status = match &failure.error {
        GatewayError::Provider(fault) => fault.status,
        GatewayError::ProviderCredentials { status } => *status,
        _ => 0,
    };
    exchange.fruitless = Some(Fruitless {
        target: target.clone(),
        attempt: exchange.attempts,
        status,
        code: failure.error.code().to_owned(),
        duration: exchange.attempt_begun.elapsed(),
    });
}

/// Writes down the exchange's last row.
pub fn close(exchange: &mut Exchange, usage: Option<&Usage>, cost: Option<NanoUsd>) {
    if exchange.desk.journal.is_none() {
        return;
    }
    let fruitless = exchange.fruitless.take();
    let target = fruitless.as_ref().map(|before| &before.target).or(exchange.target.as_ref());
    let (duration, attempt) = match &fruitless {
        Some(before) => (before.duration, before.attempt),
        None if exchange.attempts > 0 => (exchange.attempt_begun.elapsed(), exchange.attempts),
        None => (exchange.started.elapsed(), 0),
    };
    let mut row = Row {
        attempt,
        last: true,
        ended: micros(SystemTime::now()),
        outcome: exchange.outcome.word().to_owned(),
        status: exchange.status,
        error: exchange.error.clone().unwrap_or_default(),
        tokens: usage.map(tokens).unwrap_or_default(),
        estimated: usage.is_some_and(|usage| usage.estimated),
        cost: cost.map(|cost| cost.0),
        first_token: exchange.first_token.map(micros_of),
        duration: micros_of(duration),
        ..row(exchange, target.filter(|_| attempt > 0))
    };
    if let Some(id) = exchange.upstream_id.as_ref().and_then(|id| id.to_str().ok()) {
        id.clone_into(&mut row.upstream_id);
    }
    append(&row, exchange);
}

/// What all rows of an exchange share, and what is known of the target.
fn row(exchange: &Exchange, target: Option<&Arc<Target>>) -> Row {
    let mut row = Row {
        request_id: exchange.id.to_string(),
        key: exchange.caller.key_id().to_owned(),
        team: exchange.caller.team_id().to_owned(),
        user: exchange.user.clone().unwrap_or_default(),
        tags: exchange.caller.key.as_ref().map(|key| key.tags.clone()).unwrap_or_default(),
        client: exchange.caller.address.to_string(),
        endpoint: exchange.endpoint.to_owned(),
        model: exchange.model.clone(),
        stream: exchange.stream,
        ..Row::default()
    };
    if let Some(target) = target {
        row.provider = target.provider.name.to_string();
        row.target_model.clone_from(&target.model);
        if let Some(price) = exchange.snapshot.price_of(target, exchange.arrived) {
            let classes = [Class::Input, Class::Output, Class::CacheRead, Class::CacheWrite];
            let rates = classes.map(|class| price.rates.of(class).map_or(0, |rate| rate.0));
            row.prices = format!("{}/{}/{}/{}", rates[0], rates[1], rates[2], rates[3]);
            exchange.snapshot.prices.version().clone_into(&mut row.price_version);
        }
    }
    row
}

fn append(row: &Row, exchange: &Exchange) {
    let Some(journal) = &exchange.desk.journal else { return };
    if let Err(error) = journal.append(row) {
        exchange.meters.count_lost_row();
        tracing::error!(%error, request_id = %row.request_id, "a row of the ledger could not be written");
    }
}

fn tokens(usage: &Usage) -> Tokens {
    let number = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    Tokens {
        input: number(usage.input),
        output: number(usage.output),
        cache_read: number(usage.cache_read),
        cache_write: number(usage.cache_write),
        reasoning: number(usage.reasoning),
        audio: number(usage.input_audio.saturating_add(usage.output_audio)),
        image: number(usage.input_image),
    }
}

fn micros(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, micros_of)
}

fn micros_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
