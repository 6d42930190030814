//! `/admin/v1/targets`: what attempts are made at.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json as value};
use tidegate_proxy::model_list::pricing;
use tidegate_proxy::snapshot::{Provider, Snapshot};

use super::models::now;
use super::operation::{Call, Operation, Outcome, Success, json};

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    method: Method::GET,
    path: "/targets",
    name: "listTargets",
    tag: "targets",
    summary: "Providers' models that the gateway knows, with the names that lead to them.",
    parameters: &[],
    body: None,
    success: Success {
        status: 200,
        schema: "Targets",
        also: &[],
        example: r#"{"items":[{"label":"openai/gpt-4.1-mini","provider":"openai","model":"gpt-4.1-mini","dialects":["openai-chat","openai-responses"],"names":[{"name":"fast","weight":1}],"price":{"unit":"USD per million tokens","input":0.4,"output":1.6}}]}"#,
    },
    failures: &[],
    run: |call| Box::pin(async move { list(&call) }),
}];

fn list(call: &Call) -> Outcome {
    let items = all(&call.api.door.gateway.snapshot(), now());
    json(StatusCode::OK, &value!({ "items": items }))
}

/// Every known target, by its label.
fn all(snapshot: &Snapshot, now: u64) -> Vec<Value> {
    let mut names: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let pools = snapshot.models.pool_names().into_iter().filter_map(|name| snapshot.models.pool(name));
    for pool in pools {
        for member in &pool.members {
            let name = value!({ "name": pool.name, "weight": member.weight });
            names.entry(member.target.label.to_string()).or_default().push(name);
        }
    }
    let known = snapshot.models.known_models();
    known.into_iter().map(|(provider, model)| shape(snapshot, provider, model, &mut names, now)).collect()
}

fn shape(
    snapshot: &Snapshot,
    provider: &Arc<Provider>,
    model: &str,
    names: &mut BTreeMap<String, Vec<Value>>,
    now: u64,
) -> Value {
    let label = format!("{}/{model}", provider.name);
    let dialects: Vec<&str> = provider.lines.iter().map(|line| line.dialect.name()).collect();
    value!({
        "provider": provider.name,
        "model": model,
        "dialects": dialects,
        "names": names.remove(&label).unwrap_or_default(),
        "price": snapshot.prices.find(&provider.price_name, model, now).map(pricing),
        "label": label,
    })
}
