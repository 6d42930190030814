//! `/admin/v1/targets/open` and `/close`: taking a target out and bringing it back by hand, on this instance.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json as value;
use tidegate_proxy::clock::micros;
use tidegate_proxy::traffic::Live;

use super::body::{Trial, Written, shape};
use super::operation::{Call, Operation, Outcome, Success, Wanted, json};
use super::problem::{Kind, Problem};
use super::standing;

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        method: Method::POST,
        path: "/targets/open",
        name: "openTarget",
        tag: "targets",
        summary: "Opens a target's breaker on this instance: it is not asked any more until it is closed by hand.",
        parameters: &[],
        body: WANTED,
        success: Success {
            status: 200,
            schema: "TargetSwitched",
            also: &[],
            example: r#"{"label":"openai/gpt-4.1","state":{"standing":"held","share":0,"until":null,"in_flight":2,"waiting":0,"concurrency_limit":32,"first_token_ms":412.5,"opened":1,"headroom":1.0,"load":2.0}}"#,
        },
        failures: &[Kind::NotFound],
        run: |call| Box::pin(switch(call, Switch::Open)),
    },
    Operation {
        method: Method::POST,
        path: "/targets/close",
        name: "closeTarget",
        tag: "targets",
        summary: "Closes a target's breaker on this instance: it is asked again at once, its provider's rate limit and refused credential forgotten.",
        parameters: &[],
        body: WANTED,
        success: Success {
            status: 200,
            schema: "TargetSwitched",
            also: &[],
            example: r#"{"label":"openai/gpt-4.1","state":{"standing":"ready","share":1.0,"until":null,"in_flight":0,"waiting":0,"concurrency_limit":32,"first_token_ms":412.5,"opened":1,"headroom":1.0,"load":0.0}}"#,
        },
        failures: &[Kind::NotFound],
        run: |call| Box::pin(switch(call, Switch::Close)),
    },
];

const WANTED: Option<Wanted> =
    Some(Wanted { schema: "TargetName", required: true, example: r#"{"target":"openai/gpt-4.1"}"# });

/// Which target is meant. Labels have a `/`, so that they stand in the body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetName {
    target: String,
}

impl Written for TargetName {
    fn lists() -> Vec<(&'static str, Trial)> {
        Vec::new()
    }
}

#[derive(Clone, Copy, Debug)]
enum Switch {
    Open,
    Close,
}

impl Switch {
    /// What `audit` calls it.
    const fn action(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Close => "close",
        }
    }
}

/// Written down first: nothing is done that nobody can find afterwards.
async fn switch(call: Call, switch: Switch) -> Outcome {
    let TargetName { target } = shape(call.body.clone())?;
    let live = find(&call, &target)?;
    call.api.books.keys.note_switch(&call.admin.name, switch.action(), &live.label).await?;
    let now = micros();
    let health = live.gauge.health();
    match switch {
        Switch::Open => live.note(health.hold_open()),
        Switch::Close => {
            let events = [health.close_by_hand(now), health.credential_back()];
            events.into_iter().flatten().for_each(|event| live.note(event));
        }
    }
    json(StatusCode::OK, &value!({ "label": &*live.label, "state": standing::of(&live, now) }))
}

/// What is known of the target: one that was asked, or that the snapshot knows.
fn find(call: &Call, label: &str) -> Result<Arc<Live>, Problem> {
    let gateway = &call.api.door.gateway;
    let table = &gateway.desk().live;
    if let Some(live) = table.find(label).filter(|_| !label.chars().any(char::is_control)) {
        return Ok(live);
    }
    let snapshot = gateway.snapshot();
    let mut known = snapshot.models.known_models().into_iter();
    let is_known = label
        .split_once('/')
        .is_some_and(|(provider, model)| known.any(|(has, name)| *has.name == *provider && name == model));
    if is_known {
        return Ok(table.get(&label.into()));
    }
    let detail = "there is no such target; `GET /admin/v1/targets` lists those that are known";
    Err(Problem::new(Kind::NotFound, detail))
}
