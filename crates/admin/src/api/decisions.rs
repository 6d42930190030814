//! `/admin/v1/decisions`: which targets were chosen of late, and why.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json as value};
use tidegate_policy::balance::Why;
use tidegate_proxy::traffic::Decision;

use super::operation::{Call, Operation, Outcome, Success, json};
use super::parameter::{Kind as Of, LIMIT, Parameter};

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    method: Method::GET,
    path: "/decisions",
    name: "listDecisions",
    tag: "targets",
    summary: "The last choices between several targets on this instance, newest first; the last 1,000 are kept.",
    parameters: &[
        LIMIT,
        Parameter {
            name: "pool",
            about: "Only choices for this name of the config.",
            kind: Of::Text,
            example: "smart",
        },
    ],
    body: None,
    success: Success {
        status: 200,
        schema: "Decisions",
        also: &[],
        example: r#"{"items":[{"at":1795257900.125,"request_id":"0199c0deaaaa7bbb8cccdddddddddddd","pool":"smart","strategy":"latency","target":"openai/gpt-4.1","reason":"quicker","words":"the quicker of two that were drawn","usable":2,"of":3,"panic":false}]}"#,
    },
    failures: &[],
    run: |call| Box::pin(async move { list(&call) }),
}];

/// So many are listed when nobody says how many.
const USUAL: u32 = 100;

fn list(call: &Call) -> Outcome {
    let most = call.query.number("limit").unwrap_or(USUAL) as usize;
    let pool = call.query.text("pool");
    let all = call.api.door.gateway.desk().decisions.last(usize::MAX);
    let wanted = all.iter().filter(|decision| pool.is_none_or(|pool| *decision.pool == *pool));
    let items: Vec<Value> = wanted.take(most).map(shape).collect();
    json(StatusCode::OK, &value!({ "items": items }))
}

fn shape(decision: &Decision) -> Value {
    value!({
        "at": decision.at.div_euclid(1000) as f64 / 1000.0,
        "request_id": decision.exchange.to_string(),
        "pool": &*decision.pool,
        "strategy": decision.strategy.word(),
        "target": decision.target.as_deref(),
        "reason": decision.why.word(),
        "words": words(decision.why),
        "usable": decision.usable.0,
        "of": decision.usable.1,
        "panic": decision.is_panic,
    })
}

/// A reason for people.
fn words(why: Why) -> &'static str {
    match why {
        Why::Nobody => "no target could be used",
        Why::Only => "the only one of the nearest tier and region that could be used",
        Why::Rank => "the first in the written order that could be used",
        Why::Cheapest => "the cheapest that could be used",
        Why::Drawn => "drawn by weight",
        Why::Headroom => "drawn by what the providers' rate limits leave",
        Why::Turn => "it was its turn",
        Why::Fewest => "the fewest open requests for its weight",
        Why::Quicker { .. } => "the quicker of two that were drawn",
        Why::LeastLoad => "the least load by its own metrics",
        Why::Kept => "requests of the same subject go there",
        Why::Spilled { .. } => "requests of the same subject go elsewhere, but that target was full",
        Why::Trial => "a trial: its breaker was open",
        Why::GivingBack => "the target before it has just come back and gets its traffic back gently",
    }
}
