//! Postgres stopped under load: no request fails, no row is lost or doubled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_testkit::FakeProvider;
use tidegate_testkit::servers::Postgres;

use crate::instance::{Instance, KEY, config};

#[tokio::test(flavor = "multi_thread")]
async fn fault_91_postgres_stopped_under_load_costs_no_request_and_no_row() {
    let (mut postgres, fake) = (Postgres::start().await.unwrap(), FakeProvider::start().await.unwrap());
    let more = format!("database: \"{}\"\nkeys: {{ fleet: {{ key: {KEY} }} }}", postgres.url());
    let instance = Arc::new(Instance::start(&config(fake.addr(), &more)));
    let load = tokio::spawn(load(instance.clone(), Duration::from_secs(8)));
    tokio::time::sleep(Duration::from_secs(2)).await;
    postgres.stop().await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let _postgres = postgres.start_again().await.unwrap();
    let answered = load.await.unwrap();
    let usage = instance.usage().await;
    assert_eq!(usage["total"]["requests"].as_u64(), Some(answered), "{usage}");
}

/// Asks without a pause; every request must be answered.
async fn load(instance: Arc<Instance>, length: Duration) -> u64 {
    let end = Instant::now() + length;
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let instance = instance.clone();
            tokio::spawn(async move {
                let mut answered = 0;
                while Instant::now() < end {
                    let answer = instance.ask("text", 30).await;
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    let mut answered = 0;
    for client in clients {
        answered += client.await.unwrap();
    }
    answered
}
