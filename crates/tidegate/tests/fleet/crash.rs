//! `kill -9` in the middle of 500 streams: rows, reservations, budgets.

use tidegate_testkit::FakeProvider;

use crate::instance::{Instance, KEY, chat, config};

const STREAMS: usize = 500;

#[tokio::test(flavor = "multi_thread")]
async fn fault_92_kill_9_in_500_streams_loses_no_row_and_no_budget() {
    let fake = FakeProvider::start().await.unwrap();
    let limits = "[{ of: money, limit: 1000, per: day }, { of: concurrent, limit: 2000 }]";
    let more = format!("keys: {{ fleet: {{ key: {KEY}, limits: {limits} }} }}");
    let instance = Instance::start(&config(fake.addr(), &more));
    // Short answers end before the kill, long ones are cut by it.
    let body = chat("text~in-20~out-10", 30, false);
    for _ in 0..20 {
        assert_eq!(instance.client().post("/v1/chat/completions", &body).await.unwrap().status, 200);
    }
    let long = chat("long~n-1000~pace-500", 4000, true);
    let mut streams = Vec::new();
    while streams.len() < STREAMS {
        let opening: Vec<_> = (0..20)
            .map(|_| {
                let (client, long) = (instance.client(), long.clone());
                tokio::spawn(async move { client.open("/v1/chat/completions", &long).await.unwrap() })
            })
            .collect();
        for stream in opening {
            let stream = stream.await.unwrap();
            assert_eq!(stream.status, 200);
            streams.push(stream);
        }
    }
    let short = chat("text~in-20~out-10", 30, true);
    for _ in 0..20 {
        let stream = instance.client().open("/v1/chat/completions", &short).await.unwrap();
        assert!(stream.whole().await.unwrap().text().contains("[DONE]"));
    }
    let folder = instance.kill();
    drop(streams);

    let again = Instance::start_in(folder);
    let usage = again.usage().await;
    let (requests, cost) = (&usage["total"]["requests"], &usage["total"]["cost_usd"]);
    assert_eq!(requests, 40, "every exchange that had ended has its row: {usage}");
    // 40 answers of 30 tokens at a thousand dollars a million.
    assert_eq!(cost.as_f64(), Some(1.2), "{usage}");
    // The budget is right after the restart: nothing is held, and what was spent is known.
    let answer = again.ask("text~in-20~out-10", 30).await;
    assert_eq!(answer.status, 200);
    let left = answer.headers.get_all("ratelimit").iter().map(|value| value.to_str().unwrap().to_owned());
    let left: String = left.collect::<Vec<_>>().join(", ");
    assert!(left.contains("money"), "{left}");
}
