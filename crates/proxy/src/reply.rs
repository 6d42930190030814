//! The answer's head, and the ONLY place where an error becomes HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use tidegate_core::digits::push_number;
use tidegate_core::{FaultKind, NanoUsd};
use tidegate_llm::codec::encode_error;
use tidegate_llm::{Dialect, Problem};

use crate::ask::Failure;
use crate::attempt::Committed;
use crate::body::ReplyBody;
use crate::clock::push_millis;
use crate::error::GatewayError;
use crate::exchange::{Exchange, Outcome};
use crate::sheets::Words;
use crate::told::Told;
use crate::{book, headers, hold};

/// Answers with what a target has committed to; the exchange goes along with the body. Of an answer in one piece it ends here, and
/// [`book::written`] must be awaited before it is sent.
pub fn committed(committed: Committed, mut exchange: Exchange) -> Response<ReplyBody> {
    let Committed { told, headers: from, dropped } = committed;
    let mut map = begin(&exchange);
    headers::copy_downstream(&from, &mut map);
    exchange.upstream_id = map.get(&headers::UPSTREAM_ID).cloned();
    if !dropped.is_empty() {
        map.insert(headers::DROPPED, headers::value(&listed(&dropped)));
    }
    exchange.status = 200;
    let body = match told {
        Told::Stream { mut relay, content_type } => {
            map.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            map.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            map.insert(headers::ACCEL_BUFFERING, HeaderValue::from_static("no"));
            write_head(&exchange, None, &mut map);
            relay.commit(exchange);
            ReplyBody::Relay(relay)
        }
        Told::Whole { body, content_type, usage } => {
            map.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            let cost = usage.as_ref().map(|usage| exchange.cost_of(usage));
            exchange.usage = usage;
            exchange.outcome = Outcome::Complete;
            exchange.row_may_wait = book::is_shared(&exchange.meters);
            write_head(&exchange, cost, &mut map);
            ReplyBody::full(body)
        }
    };
    with_head(200, map, body)
}

/// Longest list of dropped fields in a header: heads of over 8 KiB are refused by many clients and proxies.
const DROPPED_BYTES: usize = 2048;

/// The dropped fields in one line; what does not fit is counted.
fn listed(dropped: &[String]) -> String {
    let mut line = String::new();
    for (place, name) in dropped.iter().enumerate() {
        if line.len() + name.len() > DROPPED_BYTES {
            let more = dropped.len() - place;
            return if line.is_empty() { format!("(+{more})") } else { format!("{line}, (+{more})") };
        }
        if place > 0 {
            line.push_str(", ");
        }
        line.push_str(name);
    }
    line
}

/// Answers with JSON of the gateway's own making.
pub fn own(exchange: &mut Exchange, status: u16, json: Vec<u8>) -> Response<ReplyBody> {
    exchange.status = status;
    exchange.outcome = Outcome::Complete;
    let mut map = begin(exchange);
    map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    write_head(exchange, None, &mut map);
    with_head(status, map, ReplyBody::full(json))
}

/// The answer to HEAD: the head of the one to GET.
pub fn without_body(response: Response<ReplyBody>) -> Response<ReplyBody> {
    let (mut head, body) = response.into_parts();
    if let Some(length) = http_body::Body::size_hint(&body).exact() {
        head.headers.insert(CONTENT_LENGTH, length.into());
    }
    Response::from_parts(head, ReplyBody::Full(None))
}

/// Answers with an error in the caller's dialect.
pub fn failed(dialect: Dialect, failure: &Failure, exchange: &mut Exchange) -> Response<ReplyBody> {
    let error = &failure.error;
    let status = status_for(dialect, error);
    let message = error.to_string();
    let id = exchange.id.text();
    let retry_after = failure.asked.map(whole_seconds);
    let problem = Problem {
        kind: error.kind(),
        status,
        code: error.code(),
        message: &message,
        param: error.param(),
        request_id: &id,
        retry_after_secs: retry_after,
    };
    let body = encode_error(dialect, &problem);
    let mut map = begin(exchange);
    map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let (Some(wait), Some(seconds)) = (failure.asked, retry_after) {
        map.insert(RETRY_AFTER, HeaderValue::from(seconds));
        map.insert(headers::RETRY_AFTER_MS, HeaderValue::from(wait.as_millis() as u64));
    }
    if let GatewayError::MethodNotAllowed { allowed, .. } = error {
        map.insert(ALLOW, HeaderValue::from_static(allowed));
    }
    if let GatewayError::Shed(why) = error {
        exchange.meters.count_shed(why.word(), exchange.class.name());
    }
    // The gateway has tried several times already: the SDK's own retries would multiply with that.
    let is_repeated = exchange.attempts > 1 && error.another_try_may_help();
    if is_repeated || hold::is_hopeless(exchange) {
        map.insert(headers::SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    exchange.status = status;
    exchange.error = Some(error.code().to_owned());
    exchange.outcome = Outcome::Failed;
    write_head(exchange, None, &mut map);
    with_head(status, map, ReplyBody::full(body))
}

/// The HTTP status of an error in a dialect: Anthropic has one of its own for an overload.
pub fn status_for(dialect: Dialect, error: &GatewayError) -> u16 {
    match (dialect, error.kind()) {
        (Dialect::Anthropic, FaultKind::Overloaded) => 529,
        _ => error.status(),
    }
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// An answer's headers to begin with: how the caller's limits stand, which goes before what a provider says of its own.
pub fn begin(exchange: &Exchange) -> HeaderMap {
    let Some(held) = &exchange.held else { return HeaderMap::with_capacity(12) };
    let is_anthropic = matches!(exchange.endpoint, "messages" | "count_tokens");
    let words = if is_anthropic { Words::Anthropic } else { Words::OpenAi };
    held.tell(words, exchange.arrived_micros())
}

/// The headers that every answer has, besides those to [begin] with. `cost`: `None` when there is nothing to price, `Some(None)` for an unpriced model.
pub fn write_head(exchange: &Exchange, cost: Option<Option<NanoUsd>>, map: &mut HeaderMap) {
    let overhead = exchange.started.elapsed().saturating_sub(exchange.waited);
    let [id, overhead, attempts, dollars] = written([
        &|out| out.extend_from_slice(exchange.id.text().as_bytes()),
        &|out| push_millis(out, overhead),
        &|out| push_number(out, exchange.attempts.into(), 1),
        &|out| cost.flatten().into_iter().for_each(|cost| cost.push_to(out)),
    ]);
    if matches!(exchange.endpoint, "messages" | "count_tokens") {
        map.insert(headers::ANTHROPIC_REQUEST_ID, id.clone());
    }
    map.insert(headers::REQUEST_ID, id);
    if let Some(word) = exchange.degraded {
        map.insert(headers::DEGRADED, HeaderValue::from_static(word));
    }
    let Some(target) = &exchange.target else { return };
    let label = target.label_value.clone();
    let cost = cost.map(|cost| if cost.is_some() { dollars } else { HeaderValue::from_static("unpriced") });
    if exchange.snapshot.rules.litellm_headers {
        write_aliases(exchange, &label, cost.as_ref(), &overhead, map);
    }
    map.insert(headers::TARGET, label);
    map.insert(headers::ATTEMPTS, attempts);
    map.insert(headers::OVERHEAD, overhead);
    if let Some(cost) = cost {
        map.insert(headers::COST, cost);
    }
}

/// Appends a header's value.
type Write<'a> = &'a dyn Fn(&mut Vec<u8>);

/// Values for headers, all in one piece of memory.
fn written<const N: usize>(values: [Write<'_>; N]) -> [HeaderValue; N] {
    let mut text = Vec::with_capacity(96);
    let ends = values.map(|write| {
        write(&mut text);
        text.len()
    });
    let (text, mut start) = (Bytes::from(text), 0);
    ends.map(|end| {
        let value = HeaderValue::from_maybe_shared(text.slice(start..end));
        start = end;
        value.unwrap_or(headers::UNKNOWN)
    })
}

/// The same facts under LiteLLM's names, for people who move over.
fn write_aliases(
    exchange: &Exchange,
    label: &HeaderValue,
    cost: Option<&HeaderValue>,
    overhead: &HeaderValue,
    map: &mut HeaderMap,
) {
    let mut add = |name: &'static str, value: HeaderValue| {
        map.insert(HeaderName::from_static(name), value);
    };
    add("x-litellm-call-id", headers::value(&exchange.id.text()));
    add("x-litellm-model-id", label.clone());
    add("x-litellm-overhead-duration-ms", overhead.clone());
    add("x-litellm-attempted-retries", HeaderValue::from(exchange.attempts.saturating_sub(1)));
    if let Some(cost) = cost {
        add("x-litellm-response-cost", cost.clone());
    }
}

/// Puts an answer together.
pub fn with_head(status: u16, map: HeaderMap, body: ReplyBody) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = map;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_dropped_fields_does_not_break_the_head() {
        let many = vec!["messages[1].content[0] (server_tool_use)".to_owned(); 500];
        let line = listed(&many);
        assert!(line.len() < DROPPED_BYTES + 20 && line.ends_with(", (+452)"), "{line}");
        assert_eq!(listed(&["seed".to_owned(), "user".to_owned()]), "seed, user");
        assert_eq!(listed(&["x".repeat(5000)]), "(+1)");
    }
}
