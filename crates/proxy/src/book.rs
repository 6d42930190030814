//! The ledger's rows: one for each attempt, written into the journal before the caller has seen the end of his answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tidegate_core::NanoUsd;
use tidegate_core::digits::Dotted;
use tidegate_llm::Usage;
use tidegate_store::ledger::{Journal, Row, Tokens};

use crate::ask::Failure;
use crate::desk::Desk;
use crate::error::GatewayError;
use crate::exchange::Exchange;
use crate::meters::Meters;
use crate::snapshot::{Target, TargetPrice};

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
    if let Some(before) = exchange.fruitless.take().filter(|_| exchange.desk.journal.is_some()) {
        let ended = micros(SystemTime::now());
        let mut texts = Texts::of(exchange, Some(&before.target));
        let row = Row {
            attempt: before.attempt,
            ended,
            outcome: "failed".into(),
            status: before.status,
            error: before.code.into(),
            duration: micros_of(before.duration),
            ..row(exchange, Some(&before.target), &mut texts)
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

/// Writes down the exchange's last row, so long after it began.
pub fn close(exchange: &mut Exchange, usage: Option<&Usage>, cost: Option<NanoUsd>, elapsed: Duration) {
    if exchange.desk.journal.is_none() {
        return;
    }
    let fruitless = exchange.fruitless.take();
    let target = fruitless.as_ref().map(|before| &before.target).or(exchange.target.as_ref());
    let (duration, attempt) = match &fruitless {
        Some(before) => (before.duration, before.attempt),
        None if exchange.attempts > 0 => {
            let before = exchange.attempt_begun.saturating_duration_since(exchange.started);
            (elapsed.saturating_sub(before), exchange.attempts)
        }
        None => (elapsed, 0),
    };
    let upstream_id = exchange.upstream_id.as_ref().and_then(|id| id.to_str().ok());
    let target = target.filter(|_| attempt > 0);
    let mut texts = Texts::of(exchange, target);
    let row = Row {
        attempt,
        last: true,
        ended: micros(exchange.arrived + elapsed),
        upstream_id: upstream_id.unwrap_or_default().into(),
        outcome: exchange.outcome.word().into(),
        status: exchange.status,
        error: exchange.error.as_deref().unwrap_or_default().into(),
        tokens: usage.map(tokens).unwrap_or_default(),
        estimated: usage.is_some_and(|usage| usage.estimated),
        cost: cost.map(|cost| cost.0),
        first_token: exchange.first_token.map(micros_of),
        duration: micros_of(duration),
        ..row(exchange, target, &mut texts)
    };
    append(&row, exchange);
}

/// What a row says that does not stand anywhere as text.
struct Texts {
    id: [u8; 32],
    client: Client,
    price: Option<Arc<TargetPrice>>,
}

impl Texts {
    fn of(exchange: &Exchange, target: Option<&Arc<Target>>) -> Self {
        let client = Client::of(exchange.caller.address);
        let price = target.and_then(|target| exchange.snapshot.price_of(target, exchange.arrived));
        Self { id: [0; 32], client, price }
    }
}

/// What all rows of an exchange share, and what is known of the target.
fn row<'r>(exchange: &'r Exchange, target: Option<&'r Arc<Target>>, texts: &'r mut Texts) -> Row<'r> {
    let mut row = Row {
        request_id: exchange.id.encode(&mut texts.id).into(),
        key: exchange.caller.key_id().into(),
        team: exchange.caller.team_id().into(),
        user: exchange.user.as_deref().unwrap_or_default().into(),
        tags: exchange.caller.key.as_ref().map_or(&[][..], |key| &key.tags).into(),
        client: texts.client.text().into(),
        endpoint: exchange.endpoint.into(),
        model: exchange.model.as_str().into(),
        stream: exchange.stream,
        ..Row::default()
    };
    if let Some(target) = target {
        row.provider = target.provider.name.as_ref().into();
        row.target_model = target.model.as_str().into();
    }
    if let Some(price) = &texts.price {
        row.prices = price.unit_prices.as_str().into();
        row.price_version = exchange.snapshot.prices.version().into();
    }
    row
}

/// With so many exchanges under way some end in the same turn of the event loop; with fewer, waiting for others costs more than a write.
const MANY: i64 = 8;

/// Whether rows are worth writing together now.
pub fn is_shared(meters: &Meters) -> bool {
    meters.in_flight().get() > MANY
}

/// Completes when the rows that wait are in the journal, in one write for all that ended in this turn of the event loop. Given up, it
/// writes them at once.
pub async fn written(desk: &Desk, meters: &Meters) {
    let Some(journal) = desk.journal.as_deref().filter(|journal| journal.has_waiting()) else { return };
    let _flush = Flush { journal, meters };
    tokio::task::yield_now().await;
}

struct Flush<'a> {
    journal: &'a Journal,
    meters: &'a Meters,
}

impl Drop for Flush<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.journal.flush() {
            self.meters.count_lost_rows(error.rows());
            tracing::error!(%error, "rows of the ledger could not be written");
        }
    }
}

fn append(row: &Row<'_>, exchange: &Exchange) {
    let Some(journal) = &exchange.desk.journal else { return };
    let written = if row.last && exchange.row_may_wait { journal.put(row) } else { journal.append(row) };
    if let Err(error) = written {
        exchange.meters.count_lost_rows(error.rows());
        tracing::error!(%error, request_id = %row.request_id, "a row of the ledger could not be written");
    }
}

/// An address as text; the usual kind without an allocation.
enum Client {
    V4(Dotted),
    V6(String),
}

impl Client {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(Dotted::new(address.octets())),
            IpAddr::V6(address) => Self::V6(address.to_string()),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::V4(text) => text.as_str(),
            Self::V6(text) => text,
        }
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
