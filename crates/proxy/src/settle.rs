//! The end of every exchange, in one place: metrics, limits, ledger, log line.

use std::time::Duration;

use crate::access_log::LogLine;
use crate::edge::cache::Use;
use crate::estimate;
use crate::exchange::{Exchange, Outcome};
use crate::{book, hold};

/// The status under which an exchange is written down when its caller went away: nginx's 499.
const CLIENT_CLOSED: u16 = 499;

/// Counts and writes down an exchange that has ended.
pub fn settle(exchange: &mut Exchange) {
    exchange.meters.in_flight().dec();
    exchange.disengage();
    exchange.desk.memory.release(exchange.charged);
    if exchange.outcome == Outcome::Cancelled && exchange.status == 0 {
        exchange.status = CLIENT_CLOSED;
        // A provider had the prompt already, and will bill it (fault 63).
        if exchange.target.is_some() && exchange.attempts > 0 && exchange.endpoint != "forward" {
            exchange.usage = Some(estimate::tokens(None, false, exchange.request_bytes, 0));
        }
    }
    let elapsed = exchange.started.elapsed();
    let cost = exchange.cost();
    match &exchange.target {
        Some(target) => {
            let first_token = exchange.first_token.map(|wait| wait.as_secs_f64());
            target.meters.count_request(
                exchange.endpoint,
                exchange.status,
                elapsed.as_secs_f64(),
                first_token,
            );
            if let Some(usage) = &exchange.usage {
                target.meters.count_usage(usage, cost.map(|cost| cost.as_dollars()));
            }
            if exchange.malformed > 0 {
                target.meters.count_malformed(exchange.malformed);
            }
        }
        None => exchange.meters.count_refused(exchange.endpoint, exchange.status),
    }
    let usage = exchange.usage.take();
    hold::settle(exchange, usage.as_ref(), cost);
    let is_ai = exchange.edge.as_ref().is_none_or(|passage| passage.is_ai);
    if is_ai {
        book::close(exchange, usage.as_ref(), cost, elapsed);
    }
    let (server, connected, cache) = match &mut exchange.edge {
        None => (None, None, None),
        Some(passage) => {
            passage.settle();
            if !passage.is_logged() {
                return;
            }
            let last = passage.tries.last();
            (
                last.map(|tried| tried.server.clone()),
                last.and_then(|tried| tried.connected).filter(|time| !time.is_zero()),
                passage.cache.map(Use::word),
            )
        }
    };
    if let Some(line) = written(exchange, elapsed) {
        if !exchange.log.push_text(&line) {
            exchange.meters.count_dropped_line();
        }
        return;
    }
    let taken = exchange.log.push(LogLine {
        arrived: exchange.arrived,
        id: exchange.id,
        peer: exchange.peer,
        endpoint: exchange.endpoint,
        status: exchange.status,
        outcome: exchange.outcome,
        error: exchange.error.take(),
        model: std::mem::take(&mut exchange.model),
        key: exchange.caller.key.as_ref().map(|key| key.id.clone()),
        target: exchange.target.as_ref().map(|target| target.label.clone()).or(server),
        cache,
        attempts: exchange.attempts,
        stream: exchange.stream,
        duration: elapsed,
        connected,
        waited: exchange.waited,
        first_token: exchange.first_token,
        usage,
        cost,
    });
    if !taken {
        exchange.meters.count_dropped_line();
    }
}

/// The line of a log that has a template.
fn written(exchange: &Exchange, elapsed: Duration) -> Option<Vec<u8>> {
    let passage = exchange.edge.as_deref()?;
    let template = exchange.snapshot.edge.as_ref()?.log.as_ref()?;
    Some(passage.seen.as_ref()?.write_line(template, exchange, passage, elapsed))
}
