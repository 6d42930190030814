//! `/admin/v1/keys`: callers' keys.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use tidegate_store::keys::{FieldError, KeyFilter, KeyRecord, KeySpec};

use super::body::shape;
use super::operation::{Call, Operation, Outcome, Success, Wanted, json, nothing};
use super::parameter::{CURSOR, Kind as Of, LIMIT, Parameter};
use super::problem::{Kind, Problem, wrong};
use super::written::patched;

/// How long a key that is rotated out goes on working when nobody says.
const USUAL_GRACE: &str = "24h";

pub(super) const OPERATIONS: &[Operation] = &[LIST, CREATE, GET, CHANGE, REVOKE, ROTATE];

const LIST: Operation = Operation {
    method: Method::GET,
    path: "/keys",
    name: "listKeys",
    tag: "keys",
    summary: "A page of keys, oldest first.",
    parameters: &[
        CURSOR,
        LIMIT,
        Parameter {
            name: "team",
            about: "Only keys of this team, by its id.",
            kind: Of::Text,
            example: "team_0199c0deaaaa7bbb8cccdddddddddddd",
        },
        Parameter {
            name: "search",
            about: "Only keys with this text in their name, hint or id.",
            kind: Of::Text,
            example: "anna",
        },
    ],
    body: None,
    success: Success { status: 200, schema: "KeyPage", also: &[], example: KEY_PAGE },
    failures: &[],
    run: |call| Box::pin(list(call)),
};

const CREATE: Operation = Operation {
    method: Method::POST,
    path: "/keys",
    name: "createKey",
    tag: "keys",
    summary: "Makes a key. The key itself is told in this answer and never again.",
    parameters: &[],
    body: Some(Wanted { schema: "NewKey", required: true, example: SPEC }),
    success: Success { status: 201, schema: "KeyWithSecret", also: &[], example: KEY_WITH_SECRET },
    failures: &[],
    run: |call| Box::pin(create(call)),
};

const GET: Operation = Operation {
    method: Method::GET,
    path: "/keys/{id}",
    name: "getKey",
    tag: "keys",
    summary: "One key.",
    parameters: &[],
    body: None,
    success: Success { status: 200, schema: "Key", also: &[], example: KEY },
    failures: &[Kind::NotFound],
    run: |call| Box::pin(get(call)),
};

const CHANGE: Operation = Operation {
    method: Method::PATCH,
    path: "/keys/{id}",
    name: "changeKey",
    tag: "keys",
    summary: "Changes a key by a JSON merge patch (RFC 7396): what is left out stays, `null` gives a field its usual value.",
    parameters: &[],
    body: Some(Wanted { schema: "KeyPatch", required: true, example: r#"{"enabled":false,"expires":null}"# }),
    success: Success { status: 200, schema: "Key", also: &[], example: KEY },
    failures: &[Kind::NotFound],
    run: |call| Box::pin(change(call)),
};

const REVOKE: Operation = Operation {
    method: Method::DELETE,
    path: "/keys/{id}",
    name: "revokeKey",
    tag: "keys",
    summary: "Revokes a key: it stops working on every instance within a second, and is gone.",
    parameters: &[],
    body: None,
    success: Success { status: 204, schema: "", also: &[], example: "" },
    failures: &[Kind::NotFound],
    run: |call| Box::pin(revoke(call)),
};

const ROTATE: Operation = Operation {
    method: Method::POST,
    path: "/keys/{id}/rotate",
    name: "rotateKey",
    tag: "keys",
    summary: "Gives a key a new secret, told in this answer only. The one before goes on working for the grace time.",
    parameters: &[],
    body: Some(Wanted { schema: "Rotation", required: false, example: r#"{"grace":"24h"}"# }),
    success: Success { status: 200, schema: "KeyWithSecret", also: &[], example: KEY_WITH_SECRET },
    failures: &[Kind::NotFound],
    run: |call| Box::pin(rotate(call)),
};

const SPEC: &str = r#"{"name":"Anna's laptop","tags":["research"],"models":["openai/*"],"expires":"2027-01-31T00:00:00Z","limits":[{"of":"money","limit":25,"per":"month"}]}"#;
const KEY: &str = r#"{"id":"key_0199c0deaaaa7bbb8cccdddddddddddd","hint":"tg-Abc…wxyz","name":"Anna's laptop","tags":["research"],"models":["openai/*"],"routes":[],"networks":[],"expires":"2027-01-31T00:00:00Z","enabled":true,"strict":false,"limits":[{"of":"money","limit":25,"per":"month"}],"metadata":{},"created":1795257900,"changed":1795257900}"#;
const KEY_WITH_SECRET: &str = r#"{"id":"key_0199c0deaaaa7bbb8cccdddddddddddd","hint":"tg-Abc…wxyz","name":"Anna's laptop","tags":[],"models":[],"routes":[],"networks":[],"enabled":true,"strict":false,"limits":[],"metadata":{},"created":1795257900,"changed":1795257900,"key":"tg-AbcEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXwxyz"}"#;
const KEY_PAGE: &str = r#"{"items":[],"next":null}"#;

/// A key with its secret, which is told once.
#[derive(Serialize)]
struct WithSecret<'a> {
    #[serde(flatten)]
    record: &'a KeyRecord,
    key: &'a str,
}

async fn list(call: Call) -> Outcome {
    let page = call.api.books.keys.list(&filter(&call)).await?;
    json(StatusCode::OK, &page)
}

/// What a listing of keys or teams is asked for.
pub(super) fn filter(call: &Call) -> KeyFilter {
    KeyFilter {
        team: call.query.owned("team"),
        text: call.query.owned("search"),
        cursor: call.query.owned("cursor"),
        limit: call.query.number("limit"),
    }
}

async fn create(call: Call) -> Outcome {
    let spec: KeySpec = shape(call.body)?;
    let (record, secret) = call.api.books.keys.create(&spec, &call.admin.name).await?;
    json(StatusCode::CREATED, &WithSecret { record: &record, key: secret.expose() })
}

async fn get(call: Call) -> Outcome {
    json(StatusCode::OK, &call.api.books.keys.get(&call.id).await?)
}

async fn change(call: Call) -> Outcome {
    let keys = &call.api.books.keys;
    let _turn = call.api.patching.lock().await;
    let before = keys.get(&call.id).await?;
    let spec = patched(&before.spec, call.body)?;
    json(StatusCode::OK, &keys.update(&call.id, &spec, &call.admin.name).await?)
}

async fn revoke(call: Call) -> Outcome {
    call.api.books.keys.delete(&call.id, &call.admin.name).await?;
    Ok(nothing())
}

async fn rotate(call: Call) -> Outcome {
    let grace = grace(&call.body).map_err(Problem::fields)?;
    let (record, secret) = call.api.books.keys.rotate(&call.id, grace, &call.admin.name).await?;
    json(StatusCode::OK, &WithSecret { record: &record, key: secret.expose() })
}

/// The grace time of a rotation; every field that is wrong is named.
fn grace(body: &Map<String, Value>) -> Result<Duration, Vec<FieldError>> {
    let unknown = body.keys().filter(|field| *field != "grace");
    let mut errors: Vec<_> = unknown
        .map(|field| wrong(field.chars().take(200).collect::<String>(), "is unknown; there is `grace`"))
        .collect();
    let written = body.get("grace").map_or(Some(USUAL_GRACE), Value::as_str);
    match written.and_then(read_duration) {
        Some(grace) if errors.is_empty() => return Ok(grace),
        Some(_) => {}
        None => errors.push(wrong("grace", "must be a time such as `0s`, `30m`, `24h` or `7d`")),
    }
    Err(errors)
}

/// Reads a number with `s`, `m`, `h` or `d`.
fn read_duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let is_number = (1..=9).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = is_number.then(|| number.parse().ok())??;
    Some(Duration::from_secs(number * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_or_refused() {
        for (text, seconds) in
            [("0s", 0), ("30m", 1_800), ("24h", 86_400), ("999999999d", 86_399_999_913_600)]
        {
            assert_eq!(read_duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "s", "5", "-1h", "1.5h", "1 h", "9999999999d", "1w", "1h30m", "５h", "1é"] {
            assert_eq!(read_duration(bad), None, "{bad}");
        }
    }
}
