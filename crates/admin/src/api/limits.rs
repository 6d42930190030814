//! `/admin/v1/limits`: the limits that hold, and how they stand.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde::Serialize;
use serde_json::Value;
use tidegate_policy::access::{Key, Team};
use tidegate_policy::limit::{Claim, Rule, Scope, Standing, Unit, Window};
use tidegate_store::keys::{FieldError, KeyFilter, KeyRecord, TeamRecord};

use super::Api;
use super::operation::{Call, Operation, Outcome, Success, json};
use super::parameter::{CURSOR, Kind as Of, Parameter};
use super::problem::{Kind, Problem, wrong};

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    method: Method::GET,
    path: "/limits",
    name: "listLimits",
    tag: "limits",
    summary: "Limits in force: those of the config, then those of teams, then those of keys. With `key`, all that concern that key, \
              and how its counters stand.",
    parameters: &[
        CURSOR,
        Parameter {
            name: "limit",
            about: "How many teams or keys are looked at for a page; those without limits are not on it.",
            kind: Of::Number(1, 1000, 100),
            example: "50",
        },
        Parameter {
            name: "key",
            about: "Only limits that concern this key, by its id: all on one page.",
            kind: Of::Text,
            example: "key_0199c0deaaaa7bbb8cccdddddddddddd",
        },
    ],
    body: None,
    success: Success {
        status: 200,
        schema: "LimitPage",
        also: &[],
        example: r#"{"items":[{"place":"key","owner":"key_0199c0deaaaa7bbb8cccdddddddddddd","name":"key_0199c0deaaaa7bbb8cccdddddddddddd:key-money-month","by":"key","of":"money","limit":"25","per":"month","window":"calendar","burst":null,"models":[],"standing":{"remaining":"24.875","reset":864000.0}}],"next":null}"#,
    },
    failures: &[Kind::NotFound],
    run: |call| Box::pin(limits(call)),
}];

/// A limit in force.
#[derive(Debug, Serialize)]
struct InForce {
    place: &'static str,
    owner: Option<String>,
    name: Arc<str>,
    by: Scope,
    of: Unit,
    limit: Value,
    per: Option<String>,
    window: Option<&'static str>,
    burst: Option<Value>,
    models: Vec<String>,
    standing: Option<Stands>,
}

/// How a counter stands.
#[derive(Debug, Serialize)]
struct Stands {
    remaining: Value,
    /// Seconds.
    reset: f64,
}

/// One page of limits.
#[derive(Debug, Serialize)]
struct LimitPage {
    items: Vec<InForce>,
    next: Option<String>,
}

async fn limits(call: Call) -> Outcome {
    let page = match call.query.text("key") {
        Some(id) => of_key(&call.api, id).await?,
        None => walk(&call).await?,
    };
    json(StatusCode::OK, &page)
}

/// The limits that concern one key.
async fn of_key(api: &Api, id: &str) -> Result<LimitPage, Problem> {
    let record = api.books.keys.get(id).await?;
    let team = match &record.spec.team {
        Some(team) => Some(to_team(&api.books.keys.get_team(team).await?)?),
        None => None,
    };
    let key = to_key(&record)?;
    let mut items = of_config(api);
    if let Some(team) = &team {
        items.extend(of("team", &team.id, &team.limits));
    }
    items.extend(of("key", &key.id, &key.limits));
    let team = team.map(|team| team.id);
    let items =
        items.into_iter().map(|(rule, limit)| stand(api, rule, limit, &key.id, team.as_ref())).collect();
    Ok(LimitPage { items, next: None })
}

/// One page of all limits. A cursor is `teams` or `keys` with the store's own cursor behind a dot.
async fn walk(call: &Call) -> Result<LimitPage, Problem> {
    let filter = |cursor: Option<String>| KeyFilter {
        cursor,
        limit: call.query.number("limit"),
        ..KeyFilter::default()
    };
    let keys = &call.api.books.keys;
    let place = call.query.text("cursor").map(|cursor| cursor.split_once('.').unwrap_or((cursor, "")));
    let inner = |cursor: &str| (!cursor.is_empty()).then(|| cursor.to_owned());
    let (items, next): (Vec<_>, _) = match place {
        None => (of_config(&call.api), Some("teams".to_owned())),
        Some(("teams", cursor)) => {
            let page = keys.list_teams(&filter(inner(cursor))).await?;
            let teams = page.items.iter().map(to_team).collect::<Result<Vec<_>, _>>()?;
            let items = teams.iter().flat_map(|team| of("team", &team.id, &team.limits)).collect();
            (items, Some(page.next.map_or("keys".to_owned(), |next| format!("teams.{next}"))))
        }
        Some(("keys", cursor)) => {
            let page = keys.list(&filter(inner(cursor))).await?;
            let keys = page.items.iter().map(to_key).collect::<Result<Vec<_>, _>>()?;
            let items = keys.iter().flat_map(|key| of("key", &key.id, &key.limits)).collect();
            (items, page.next.map(|next| format!("keys.{next}")))
        }
        Some(_) => return Err(Problem::fields(vec![wrong("cursor", "is none that a listing gave")])),
    };
    Ok(LimitPage { items: items.into_iter().map(|(_, limit)| limit).collect(), next })
}

fn of_config(api: &Api) -> Vec<(Arc<Rule>, InForce)> {
    let snapshot = api.door.gateway.snapshot();
    let rules = snapshot.access.limits.iter();
    rules.map(|rule| (rule.clone(), in_force("config", None, rule))).collect()
}

fn of(place: &'static str, owner: &str, rules: &[Arc<Rule>]) -> Vec<(Arc<Rule>, InForce)> {
    rules.iter().map(|rule| (rule.clone(), in_force(place, Some(owner.to_owned()), rule))).collect()
}

fn to_team(record: &TeamRecord) -> Result<Team, Problem> {
    record.spec.to_team(&record.id).map_err(|errors| unreadable(&record.id, &errors))
}

fn to_key(record: &KeyRecord) -> Result<Key, Problem> {
    record.spec.to_key(&record.id, None).map_err(|errors| unreadable(&record.id, &errors))
}

/// A newer version may have written it.
fn unreadable(id: &str, errors: &[FieldError]) -> Problem {
    tracing::error!(id, ?errors, "the database holds something that this version cannot read");
    Problem::new(Kind::Internal, format!("{id} was written by another version"))
}

fn in_force(place: &'static str, owner: Option<String>, rule: &Rule) -> InForce {
    let seconds = |time: Duration| format!("{}s", time.as_secs_f64());
    let word = |value: Value| value.as_str().map(str::to_owned);
    let (per, window, burst) = match rule.window {
        Window::Sliding(time) => (Some(seconds(time)), Some("sliding"), None),
        Window::Calendar(unit) => (serde_json::to_value(unit).ok().and_then(word), Some("calendar"), None),
        Window::Bucket { per, burst } => (Some(seconds(per)), Some("bucket"), Some(amount(rule, burst))),
        Window::Open => (None, None, None),
    };
    InForce {
        place,
        owner,
        name: rule.name.clone(),
        by: rule.scope,
        of: rule.unit,
        limit: amount(rule, rule.amount),
        per,
        window,
        burst,
        models: rule.models.clone(),
        standing: None,
    }
}

/// An amount as it is written: a whole number, or dollars as text, so that nothing drifts.
fn amount(rule: &Rule, amount: i64) -> Value {
    if rule.unit != Unit::Money {
        return amount.into();
    }
    let text = tidegate_core::NanoUsd(amount).to_string();
    text.trim_end_matches('0').trim_end_matches('.').into()
}

/// The limit with the standing of the key's counter, where it has just one.
fn stand(api: &Api, rule: Arc<Rule>, limit: InForce, key: &Arc<str>, team: Option<&Arc<str>>) -> InForce {
    let subject = match rule.scope {
        Scope::Global => Some(Arc::default()),
        Scope::Key => Some(key.clone()),
        Scope::Team => team.cloned(),
        Scope::Route | Scope::User | Scope::Ip | Scope::Model | Scope::Provider => None,
    };
    let Some(subject) = subject else { return limit };
    let claim = Claim { rule: rule.clone(), subject, amount: 0 };
    let standing = api.books.limiter.standings(&[claim]).pop();
    let stands = standing.map(|Standing { remaining, reset }| Stands {
        remaining: amount(&rule, remaining),
        reset: reset.as_secs_f64(),
    });
    InForce { standing: stands, ..limit }
}
