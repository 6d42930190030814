//! Redis slow, away, empty: requests are answered, the bound holds, `/ready` stays green.

use std::time::{Duration, Instant};

use tidegate_testkit::FakeProvider;
use tidegate_testkit::client::Client;
use tidegate_testkit::servers::Redis;

use crate::instance::{Instance, KEY, config};

#[tokio::test(flavor = "multi_thread")]
async fn fault_90_a_redis_that_stands_still_slows_nobody_down() {
    let (redis, fake) = (Redis::start().await.unwrap(), FakeProvider::start().await.unwrap());
    let more = format!(
        "redis: \"{}\"\nkeys: {{ fleet: {{ key: {KEY}, limits: [{{ of: requests, limit: 100, per: hour }}] }} }}",
        redis.url()
    );
    let instance = Instance::start(&config(fake.addr(), &more));
    for _ in 0..10 {
        assert_eq!(instance.ask("text", 30).await.status, 200);
    }
    redis.pause().unwrap();
    let mut slowest = Duration::ZERO;
    let mut good = 10;
    for _ in 0..120 {
        let begun = Instant::now();
        let answer = instance.ask("text", 30).await;
        slowest = slowest.max(begun.elapsed());
        good += u32::from(answer.status == 200);
    }
    // Alone it may grant the whole limit, and no more: it knows what it has granted before.
    assert_eq!(good, 100);
    // 50 ms for Redis, the rest for a debug build on a busy machine.
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    let ready = Client::new(instance.admin).get("/ready").await.unwrap();
    assert_eq!(ready.status, 200);
    assert_eq!(instance.metric("tidegate_redis_up").await, 0.0);
    assert!(instance.said().to_lowercase().contains("redis"), "one line of the log says so");
    redis.resume().unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while instance.metric("tidegate_redis_up").await < 1.0 {
        assert!(Instant::now() < end, "Redis is back, but is not asked");
        instance.ask("text", 30).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(instance.ask("text", 30).await.status, 429, "what was granted meanwhile counts");
}
