//! `/admin/v1/models`: what callers can ask for.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{Method, StatusCode};
use serde_json::{Value, json as value};
use tidegate_llm::price::Price;
use tidegate_proxy::model_list::{self, Listed};

use super::operation::{Call, Operation, Outcome, Success, json};

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    method: Method::GET,
    path: "/models",
    name: "listModels",
    tag: "models",
    summary: "Models that callers can ask for: names of the config first, then `provider/model` of all that are known.",
    parameters: &[],
    body: None,
    success: Success {
        status: 200,
        schema: "Models",
        also: &[],
        example: r#"{"items":[{"id":"fast","owner":"tidegate","targets":["openai/gpt-4.1-mini"],"price":{"unit":"USD per million tokens","input":0.4,"output":1.6},"context_window":1047576,"max_output":32768}]}"#,
    },
    failures: &[],
    run: |call| Box::pin(async move { list(&call) }),
}];

fn list(call: &Call) -> Outcome {
    let models = model_list::all(&call.api.door.gateway.snapshot(), now());
    let items: Vec<Value> = models.iter().map(shape).collect();
    json(StatusCode::OK, &value!({ "items": items }))
}

fn shape(model: &Listed) -> Value {
    value!({
        "id": model.id,
        "owner": model.owner,
        "targets": model.targets,
        "price": model.price.as_ref().map(model_list::pricing),
        "context_window": model.price.as_ref().and_then(|price: &Price| price.context_window),
        "max_output": model.price.as_ref().and_then(|price: &Price| price.max_output),
    })
}

/// Unix seconds now.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
