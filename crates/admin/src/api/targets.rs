//! `/admin/v1/targets`: what attempts are made at.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json as value};
use tidegate_proxy::clock::micros;
use tidegate_proxy::model_list::pricing;
use tidegate_proxy::snapshot::{Provider, Snapshot};
use tidegate_proxy::traffic::LiveTable;

use super::models::now;
use super::operation::{Call, Operation, Outcome, Success, json};
use super::standing;

pub(super) const OPERATIONS: &[Operation] = &[Operation {
    method: Method::GET,
    path: "/targets",
    name: "listTargets",
    tag: "targets",
    summary: "Providers' models that the gateway knows, with the names that lead to them and how they stand on this instance.",
    parameters: &[],
    body: None,
    success: Success {
        status: 200,
        schema: "Targets",
        also: &[],
        example: r#"{"items":[{"label":"openai/gpt-4.1-mini","provider":"openai","model":"gpt-4.1-mini","dialects":["openai-chat","openai-responses"],"names":[{"name":"fast","weight":1}],"price":{"unit":"USD per million tokens","input":0.4,"output":1.6},"state":{"standing":"broken","share":0,"until":1795257930,"in_flight":0,"waiting":0,"concurrency_limit":32,"first_token_ms":412.5,"opened":1,"headroom":1.0,"load":0.0}}]}"#,
    },
    failures: &[],
    run: |call| Box::pin(async move { list(&call) }),
}];

fn list(call: &Call) -> Outcome {
    let gateway = &call.api.door.gateway;
    let snapshot = gateway.snapshot();
    let mut listing =
        Listing { snapshot: &snapshot, live: &gateway.desk().live, names: BTreeMap::new(), now: now() };
    json(StatusCode::OK, &value!({ "items": listing.all() }))
}

struct Listing<'a> {
    snapshot: &'a Snapshot,
    live: &'a LiveTable,
    /// The names that lead to a target, by its label.
    names: BTreeMap<String, Vec<Value>>,
    /// Unix seconds.
    now: u64,
}

impl Listing<'_> {
    /// Every known target, by its label.
    fn all(&mut self) -> Vec<Value> {
        let models = &self.snapshot.models;
        for pool in models.pool_names().into_iter().filter_map(|name| models.pool(name)) {
            for member in &pool.members {
                let name = value!({ "name": pool.name, "weight": member.weight });
                self.names.entry(member.target.label.to_string()).or_default().push(name);
            }
        }
        let known = models.known_models();
        known.into_iter().map(|(provider, model)| self.shape(provider, model)).collect()
    }

    fn shape(&mut self, provider: &Arc<Provider>, model: &str) -> Value {
        let label = format!("{}/{model}", provider.name);
        let dialects: Vec<&str> = provider.lines.iter().map(|line| line.dialect.name()).collect();
        let price = self.snapshot.prices.find(&provider.price_name, model, self.now);
        value!({
            "provider": provider.name,
            "model": model,
            "dialects": dialects,
            "names": self.names.remove(&label).unwrap_or_default(),
            "price": price.map(pricing),
            "state": self.live.find(&label).map(|live| standing::of(&live, micros())),
            "label": label,
        })
    }
}
