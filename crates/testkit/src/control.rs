//! The fake provider's own paths, for tests in other languages: `/_seen`, `/_stats` and the redirect's `/_trap`.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value, json};

use crate::journal::Seen;
use crate::respond::Outgoing;
use crate::service::State;

/// Answers a control path; `None` for all other paths.
pub(crate) fn answer(state: &State, method: &Method, path: &str) -> Option<Outgoing> {
    let journal = &state.journal;
    let body = match (method, path) {
        (&Method::GET, "/_seen") => Value::Array(journal.seen().iter().map(seen).collect()),
        (&Method::DELETE, "/_seen") => {
            journal.clear();
            json!([])
        }
        (&Method::GET, "/_stats") => json!({
            "open": journal.open.load(Ordering::Acquire).saturating_sub(1),
            "cancelled": journal.cancelled.load(Ordering::Acquire),
            "accepts": journal.accepts.load(Ordering::Acquire),
            "requests": journal.requests.load(Ordering::Acquire),
        }),
        _ => return None,
    };
    Some(Outgoing::plain(200, "application/json", Bytes::from(body.to_string())))
}

fn seen(seen: &Seen) -> Value {
    let mut headers = Map::new();
    for (name, value) in &seen.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let joined = match headers.get(name.as_str()).and_then(Value::as_str) {
            Some(before) => format!("{before}, {value}"),
            None => value.into_owned(),
        };
        headers.insert(name.to_string(), joined.into());
    }
    json!({
        "method": seen.method.as_str(),
        "path": seen.path_and_query,
        "headers": headers,
        "body": String::from_utf8_lossy(&seen.body),
        "json": seen.json(),
    })
}
