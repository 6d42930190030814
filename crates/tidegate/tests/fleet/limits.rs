//! Three instances behind one Redis, 200 clients: what gets through is never above a limit, and hardly below it.

use std::sync::Arc;

use tidegate_testkit::FakeProvider;
use tidegate_testkit::servers::Redis;

use crate::instance::{Instance, KEY, config};
use crate::rush::rush;

/// Three instances with that limit on the fleet's key.
async fn fleet(redis: &Redis, fake: &FakeProvider, limit: &str) -> Vec<Arc<Instance>> {
    let url = redis.url();
    let more = format!(
        "redis: {{ url: \"{url}\", time_limit: 30s }}\nkeys: {{ fleet: {{ key: {KEY}, limits: [{limit}] }} }}"
    );
    let config = config(fake.addr(), &more);
    (0..3).map(|_| Arc::new(Instance::start(&config))).collect()
}

fn assert_within_two_percent(what: u64, limit: u64) {
    assert!(what <= limit, "{what} is above the limit of {limit}");
    assert!(what * 100 >= limit * 98, "{what} is more than 2 % below the limit of {limit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_87_requests_across_three_instances() {
    let (redis, fake) = (Redis::start().await.unwrap(), FakeProvider::start().await.unwrap());
    let fleet = fleet(&redis, &fake, "{ of: requests, limit: 500, per: hour }").await;
    let through = rush(&fleet, "text", 30).await;
    assert_eq!(through.answers, 500, "{through:?}");
    assert_eq!(fake.request_count(), 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_86_tokens_that_are_fewer_than_was_feared() {
    let (redis, fake) = (Redis::start().await.unwrap(), FakeProvider::start().await.unwrap());
    let fleet = fleet(&redis, &fake, "{ of: tokens, limit: 20000, per: hour }").await;
    let through = rush(&fleet, "text~in-20~out-10", 60).await;
    assert_within_two_percent(through.tokens, 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_86_tokens_that_are_more_than_was_estimated() {
    let (redis, fake) = (Redis::start().await.unwrap(), FakeProvider::start().await.unwrap());
    let fleet = fleet(&redis, &fake, "{ of: tokens, limit: 20000, per: hour }").await;
    // A quarter of the request's bytes would be about 40.
    let through = rush(&fleet, "text~in-120~out-30", 30).await;
    assert_within_two_percent(through.tokens, 20_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_86_money_across_three_instances() {
    let (redis, fake) = (Redis::start().await.unwrap(), FakeProvider::start().await.unwrap());
    let fleet = fleet(&redis, &fake, "{ of: money, limit: 20, per: day }").await;
    // 30 tokens at a thousand dollars a million: three cents an answer.
    let through = rush(&fleet, "text~in-20~out-10", 20).await;
    assert_within_two_percent(through.money, 20_000_000_000);
}
