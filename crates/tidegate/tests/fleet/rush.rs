//! Many clients at once that do not give up at the first refusal.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tidegate_testkit::client::Answer;

use crate::instance::Instance;

/// Clients at the same time.
const CLIENTS: usize = 200;
/// A client gives up after so many refusals: by then everything that was held has been settled.
const REFUSALS: usize = 12;

/// What got through.
#[derive(Debug, Default)]
pub(crate) struct Through {
    /// Good answers.
    pub(crate) answers: usize,
    /// Their tokens, as the provider told them.
    pub(crate) tokens: u64,
    /// Their cost in billionths of a dollar, as the gateway told it.
    pub(crate) money: u64,
    /// Refusals.
    pub(crate) refused: usize,
}

/// Lets 200 clients ask the instances for that model until each has been refused often enough; nothing but 200 and 429 may come.
pub(crate) async fn rush(instances: &[Arc<Instance>], model: &str, max_tokens: u64) -> Through {
    let refused = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (instance, model) = (instances[number % instances.len()].clone(), model.to_owned());
            tokio::spawn(one(instance, model, max_tokens, refused.clone()))
        })
        .collect();
    let mut through = Through::default();
    for client in clients {
        for answer in client.await.unwrap() {
            through.answers += 1;
            through.tokens += answer.json()["usage"]["total_tokens"].as_u64().unwrap();
            through.money += nanos(answer.headers["x-tidegate-cost-usd"].to_str().unwrap());
        }
    }
    through.refused = refused.load(Ordering::Relaxed);
    through
}

async fn one(
    instance: Arc<Instance>,
    model: String,
    max_tokens: u64,
    refused: Arc<AtomicUsize>,
) -> Vec<Answer> {
    let (mut good, mut refusals) = (Vec::new(), 0);
    while refusals < REFUSALS {
        let answer = instance.ask(&model, max_tokens).await;
        match answer.status.as_u16() {
            200 => good.push(answer),
            429 => {
                assert_told(&answer);
                refusals += 1;
                refused.fetch_add(1, Ordering::Relaxed);
                // Demand goes on while others are being answered.
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
            other => panic!("{other}: {}", answer.text()),
        }
    }
    good
}

/// A refusal says which limit it was, in the caller's dialect.
fn assert_told(answer: &Answer) {
    let json: Value = answer.json();
    let code = json["error"]["code"].as_str().unwrap_or_default();
    assert!(["limit_exceeded", "budget_exceeded"].contains(&code), "{json}");
    assert!(answer.headers.contains_key("ratelimit-policy"), "{:?}", answer.headers);
}

fn nanos(dollars: &str) -> u64 {
    let (whole, fraction) = dollars.split_once('.').unwrap();
    whole.parse::<u64>().unwrap() * 1_000_000_000 + fraction.parse::<u64>().unwrap()
}
