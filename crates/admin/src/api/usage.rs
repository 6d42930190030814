//! `/admin/v1/usage`: what was used, by anything.

use axum::http::header::{CONTENT_DISPOSITION, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use serde_json::json as value;
use tidegate_store::keys::FieldError;
use tidegate_store::ledger::export::{csv, focus, json as lines};
use tidegate_store::ledger::{By, Filter, Order, Question, UsageError, UsageRow, ask, calendar};

use super::moment;
use super::operation::{Call, Operation, Outcome, Success, json, typed};
use super::parameter::{Kind as Of, Parameter, Query};
use super::problem::{Problem, wrong};

/// What usage can be told by.
const GROUPS: &[&str] = &[
    "key",
    "team",
    "user",
    "model",
    "provider",
    "target_model",
    "tag",
    "endpoint",
    "outcome",
    "hour",
    "day",
];
/// The time that is told when nobody says.
const USUAL_TIME: i64 = 30 * 86_400;
/// Most lines of an answer.
const MOST: u32 = 50_000;
/// Lines of an answer in JSON when nobody says.
const USUAL: u32 = 1_000;
/// Says with CSV what `more` says in JSON.
const MORE: HeaderName = HeaderName::from_static("x-tidegate-more");
/// Whom the costs are told to, in FOCUS.
const ACCOUNT: &str = "tidegate";

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    method: Method::GET,
    path: "/usage",
    name: "getUsage",
    tag: "usage",
    summary: "Sums over the ledger: requests, tokens by class, cost, times. Whole hours count, of users whole days (UTC).",
    parameters: PARAMETERS,
    body: None,
    success: Success {
        status: 200,
        schema: "Usage",
        also: &["text/csv"],
        example: r#"{"from":"2026-11-20T00:00:00Z","to":"2026-11-21T00:00:00Z","group_by":["model"],"items":[{"model":"gpt-4.1-mini","requests":2,"attempts":3,"input":1200,"output":340,"cache_read":0,"cache_write":0,"reasoning":0,"audio":0,"image":0,"cost":1024000,"estimated":0,"unpriced":0,"duration":2400000,"first_token_sum":800000,"first_token_count":2,"cost_usd":0.001024}],"more":false}"#,
    },
    failures: &[],
    run: |call| Box::pin(usage(call)),
}];

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "group_by",
        about: "What the sums are told apart by, up to five, with commas between; left out: one sum over all. \
                Users can be told apart by day, key, team and model only.",
        kind: Of::Words(GROUPS),
        example: "model,day",
    },
    Parameter {
        name: "from",
        about: "The first moment that counts: a day (UTC), an RFC 3339 moment, or how long ago (`7d`); \
                left out: 30 days before `to`.",
        kind: Of::Text,
        example: "2026-11-01",
    },
    Parameter {
        name: "to",
        about: "The first moment that does not count any more; left out: now.",
        kind: Of::Text,
        example: "2026-11-21T13:00:00Z",
    },
    filter("key", "Only this key, by its id.", "key_0199c0deaaaa7bbb8cccdddddddddddd"),
    filter("team", "Only this team, by its id.", "team_0199c0deaaaa7bbb8cccdddddddddddd"),
    filter("user", "Only this end user.", "anna"),
    filter("model", "Only this model, as callers name it.", "gpt-4.1-mini"),
    filter("provider", "Only this provider.", "openai"),
    filter("endpoint", "Only this endpoint.", "chat_completions"),
    filter("tag", "Only keys with this tag.", "research"),
    Parameter {
        name: "outcome",
        about: "Only attempts that ended so.",
        kind: Of::Word(&["complete", "failed", "cancelled"]),
        example: "failed",
    },
    Parameter {
        name: "order",
        about: "What comes first: the most of it; `group` is by what it is grouped by, and usual with `hour` and `day`.",
        kind: Of::Word(&["cost", "tokens", "requests", "group"]),
        example: "tokens",
    },
    Parameter {
        name: "format",
        about: "`focus` is CSV with the columns of FOCUS 1.2: charges by day, team, key, provider and model. \
                CSV has the header `x-tidegate-more: true` when `limit` has cut lines off, and all lines up to 50,000 by itself.",
        kind: Of::Word(&["json", "csv", "focus"]),
        example: "json",
    },
    Parameter {
        name: "limit",
        about: "How many lines at most.",
        kind: Of::Number(1, MOST, USUAL),
        example: "100",
    },
];

const fn filter(name: &'static str, about: &'static str, example: &'static str) -> Parameter {
    Parameter { name, about, kind: Of::Text, example }
}

async fn usage(call: Call) -> Outcome {
    let format = call.query.text("format").unwrap_or("json");
    let question = question(&call.query, format, moment::now())?;
    let limit = question.limit as usize;
    // One line too many says that there are more.
    let asked = Question { limit: question.limit + 1, ..question.clone() };
    let mut rows = ask(&call.api.books.database, &asked).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    match format {
        "csv" => table("usage.csv", csv::usage(&question.by, &rows), more),
        "focus" => table("focus.csv", focus::csv(ACCOUNT, &rows), more),
        _ => in_json(&question, &rows, more),
    }
}

fn in_json(question: &Question, rows: &[UsageRow], more: bool) -> Outcome {
    json(
        StatusCode::OK,
        &value!({
            "from": calendar::moment(question.from),
            "to": calendar::moment(question.to),
            "group_by": question.by.iter().map(|by| by.word()).collect::<Vec<_>>(),
            "items": lines::usage(&question.by, rows),
            "more": more,
        }),
    )
}

/// An answer to be opened by a spreadsheet or a cost tool.
fn table(name: &'static str, text: String, more: bool) -> Outcome {
    let mut answer = typed(StatusCode::OK, "text/csv; charset=utf-8", text);
    let headers = answer.headers_mut();
    if let Ok(attachment) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, attachment);
    }
    headers.insert(MORE, HeaderValue::from_static(if more { "true" } else { "false" }));
    Ok(answer)
}

/// The question that a query asks; every wrong moment is named.
fn question(query: &Query, format: &str, now: i64) -> Result<Question, Problem> {
    let mut errors = Vec::new();
    let to = read_moment(query, "to", now, &mut errors).unwrap_or(now);
    let from = read_moment(query, "from", now, &mut errors).unwrap_or((to - USUAL_TIME).max(0));
    if format == "focus" && query.text("group_by").is_some() {
        errors.push(wrong("group_by", "makes no sense with `format=focus`, whose columns are given"));
    }
    if errors.is_empty() && from >= to {
        errors.push(wrong("from", "must be before `to`"));
    }
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    let by: Vec<By> = match format {
        "focus" => focus::BY.into(),
        _ => query.text("group_by").unwrap_or_default().split(',').filter_map(By::parse).collect(),
    };
    let order = match query.text("order") {
        Some("cost") => Order::Cost,
        Some("tokens") => Order::Tokens,
        Some("requests") => Order::Requests,
        None if !by.contains(&By::Hour) && !by.contains(&By::Day) => Order::Cost,
        _ => Order::Group,
    };
    let filter = Filter {
        key: query.owned("key"),
        team: query.owned("team"),
        user: query.owned("user"),
        model: query.owned("model"),
        provider: query.owned("provider"),
        endpoint: query.owned("endpoint"),
        outcome: query.owned("outcome"),
        tag: query.owned("tag"),
    };
    let usual = if format == "json" { USUAL } else { MOST };
    Ok(Question { by, from, to, filter, order, limit: query.number("limit").unwrap_or(usual) })
}

fn read_moment(query: &Query, name: &'static str, now: i64, errors: &mut Vec<FieldError>) -> Option<i64> {
    let read = moment::read(query.text(name)?, now);
    if read.is_none() {
        errors.push(wrong(name, moment::SHAPE));
    }
    read
}

impl From<UsageError> for Problem {
    fn from(error: UsageError) -> Self {
        match error {
            UsageError::NotByUser(_) | UsageError::TooMany => {
                let message = format!("asks too much: {error}");
                Self::fields(vec![wrong("group_by", message)])
            }
            UsageError::Store(error) => error.into(),
        }
    }
}
