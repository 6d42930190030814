//! The list of models, in the shapes of OpenAI, Anthropic and Gemini, with price and context window.

use std::collections::BTreeMap;
use std::time::SystemTime;

use http::{Request, Response};
use serde_json::{Map, Value, json};
use tidegate_llm::Dialect;
use tidegate_llm::price::{Class, Price};
use tidegate_net::Incoming;

use crate::ask::Failure;
use crate::body::ReplyBody;
use crate::error::GatewayError;
use crate::exchange::Exchange;
use crate::reply;
use crate::snapshot::{Resolved, Snapshot, Target, UnknownModel};

/// Answers `GET /v1/models`, `/v1/models/{id}` and Gemini's.
pub async fn answer(
    dialect: Dialect,
    model: Option<&str>,
    _request: Request<Incoming>,
    exchange: &mut Exchange,
) -> Result<Response<ReplyBody>, Failure> {
    let now = exchange.arrived.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let listed = match model {
        None => list(dialect, &all(&exchange.snapshot, now)),
        Some(name) => {
            let name = name.strip_prefix("models/").unwrap_or(name);
            shape(dialect, &one(&exchange.snapshot, name, now)?)
        }
    };
    Ok(reply::own(exchange, 200, listed.to_string().into_bytes()))
}

/// What is told of one model.
#[derive(Debug)]
pub struct Listed {
    /// The name to ask for.
    pub id: String,
    /// Who answers: the provider, or `tidegate` for a name of the config.
    pub owner: String,
    /// The targets behind it.
    pub targets: Vec<String>,
    /// The first target's price, if it has one.
    pub price: Option<Price>,
}

/// Every model that can be asked for: names of the config first, then `provider/model` of all known models.
pub fn all(snapshot: &Snapshot, now: u64) -> Vec<Listed> {
    let mut listed: BTreeMap<String, Listed> = BTreeMap::new();
    for (provider, model) in snapshot.models.known_models() {
        let id = format!("{}/{model}", provider.name);
        let price = snapshot.prices.find(&provider.price_name, model, now).cloned();
        let owner = provider.name.to_string();
        listed.insert(id.clone(), Listed { targets: vec![id.clone()], id, owner, price });
    }
    let pools = snapshot.models.pool_names().into_iter().filter_map(|name| one(snapshot, name, now).ok());
    pools.chain(listed.into_values()).collect()
}

/// One model by its name.
pub fn one(snapshot: &Snapshot, name: &str, now: u64) -> Result<Listed, GatewayError> {
    let priced =
        |target: &Target| snapshot.prices.find(&target.provider.price_name, &target.model, now).cloned();
    match snapshot.models.resolve(name)? {
        Resolved::Pool(pool) => Ok(Listed {
            id: name.to_owned(),
            owner: "tidegate".to_owned(),
            targets: pool.members.iter().map(|member| member.target.label.to_string()).collect(),
            price: pool.members.first().and_then(|member| priced(&member.target)),
        }),
        // `provider/anything` leads somewhere, but is only listed when it is known.
        Resolved::Target(target) if is_known(snapshot, &target) => Ok(Listed {
            id: name.to_owned(),
            owner: target.provider.name.to_string(),
            targets: vec![target.label.to_string()],
            price: priced(&target),
        }),
        Resolved::Target(_) => Err(UnknownModel::Nowhere { name: name.to_owned(), nearest: None }.into()),
    }
}

fn is_known(snapshot: &Snapshot, target: &Target) -> bool {
    snapshot
        .models
        .known_models()
        .into_iter()
        .any(|(provider, model)| provider.name == target.provider.name && model == target.model)
}

fn list(dialect: Dialect, models: &[Listed]) -> Value {
    let data: Vec<Value> = models.iter().map(|model| shape(dialect, model)).collect();
    let end = |model: Option<&Listed>| model.map(|model| model.id.clone());
    match dialect {
        Dialect::Gemini => json!({"models": data}),
        Dialect::Anthropic => json!({
            "data": data, "has_more": false, "first_id": end(models.first()), "last_id": end(models.last()),
        }),
        Dialect::OpenaiChat | Dialect::OpenaiResponses => json!({"object": "list", "data": data}),
    }
}

fn shape(dialect: Dialect, model: &Listed) -> Value {
    let context = model.price.as_ref().and_then(|price| price.context_window);
    let output = model.price.as_ref().and_then(|price| price.max_output);
    match dialect {
        Dialect::Gemini => json!({
            "name": format!("models/{}", model.id), "displayName": model.id,
            "inputTokenLimit": context, "outputTokenLimit": output,
            "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
        }),
        Dialect::Anthropic => json!({
            "type": "model", "id": model.id, "display_name": model.id, "created_at": "1970-01-01T00:00:00Z",
            "max_input_tokens": context, "max_tokens": output,
        }),
        Dialect::OpenaiChat | Dialect::OpenaiResponses => json!({
            "id": model.id, "object": "model", "created": 0, "owned_by": model.owner,
            "context_window": context, "max_output_tokens": output,
            "pricing": model.price.as_ref().map(pricing), "targets": model.targets,
        }),
    }
}

/// Prices in US dollars per million tokens, as the vendors print them.
pub fn pricing(price: &Price) -> Value {
    let classes = [
        ("input", Class::Input),
        ("output", Class::Output),
        ("cache_read", Class::CacheRead),
        ("cache_write", Class::CacheWrite),
    ];
    let mut map = Map::new();
    map.insert("unit".to_owned(), json!("USD per million tokens"));
    for (name, class) in classes {
        if let Some(rate) = price.rates.of(class) {
            map.insert(name.to_owned(), json!(rate.0 as f64 / 1e6));
        }
    }
    Value::Object(map)
}
