//! When a request is tried again, how often, and after which wait.

use std::time::{Duration, Instant};

use crate::house::{House, Plan, ask, in_order};
use crate::reading::said;

const SAID: &str = "You said: hello there";

/// Times between the requests that the fake has seen.
fn gaps(house: &House) -> Vec<Duration> {
    let seen = house.fake.requests();
    seen.windows(2).map(|pair| pair[1].at - pair[0].at).collect()
}

#[tokio::test]
async fn a_passing_failure_is_mended_without_the_caller_noticing() {
    for (fault, times) in
        [("status-500", 1), ("status-503", 2), ("status-529", 1), ("cut-0", 2), ("garbage", 1)]
    {
        for stream in [true, false] {
            let house = House::start().await;
            let answer = house.ask("chat", &format!("chat/text~{fault}~failfirst-{times}"), stream).await;
            assert_eq!(
                (answer.status.as_u16(), said(&answer).as_str()),
                (200, SAID),
                "{fault}: {}",
                answer.text()
            );
            let attempts = (times + 1).to_string();
            assert_eq!(answer.header("x-tidegate-attempts"), Some(attempts.as_str()), "{fault}");
            let line = house.only_line();
            assert_eq!(
                (&line["outcome"], &line["error"]),
                (&"complete".into(), &serde_json::Value::Null),
                "{line}"
            );
        }
    }
}

#[tokio::test]
async fn the_wait_that_the_provider_names_is_never_undercut() {
    for (form, wait) in
        [("retryafterms-120", 120), ("retryafter-0.12", 120), ("retryafterms-120~retryafter-60", 120)]
    {
        let house = House::start().await;
        let answer = house.ask("chat", &format!("chat/text~status-429~{form}~failfirst-1"), false).await;
        assert_eq!(said(&answer), SAID, "{form}: {}", answer.text());
        let gap = gaps(&house)[0];
        assert!(gap >= Duration::from_millis(wait) && gap < Duration::from_secs(5), "{form}: {gap:?}");
    }
}

#[tokio::test]
async fn geminis_own_way_to_name_a_wait_is_obeyed() {
    let house = House::start().await;
    let begun = Instant::now();
    let answer = house.ask("gemini", "gemini/text~status-429~retryafter-30", false).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, Some("30")));
    assert!(begun.elapsed() < Duration::from_secs(5), "thirty seconds are the caller's to wait");
}

#[tokio::test]
async fn waits_are_jittered_and_bounded() {
    let mut plan = Plan::default();
    plan.rules.retry.base = Duration::from_millis(40);
    let house = House::start_with(plan).await;
    let mut waits = Vec::new();
    for _ in 0..8 {
        house.fake.clear();
        house.ask("chat", "chat/text~status-503", false).await;
        waits.extend(gaps(&house));
    }
    assert_eq!(waits.len(), 16);
    let shortest = waits.iter().min().unwrap();
    let longest = waits.iter().max().unwrap();
    assert!(*longest - *shortest > Duration::from_millis(5), "no jitter: {waits:?}");
    assert!(*longest < Duration::from_secs(1), "{waits:?}");
}

#[tokio::test]
async fn an_sdk_that_retries_by_itself_gets_each_target_once_and_is_told_to_stop_only_after_our_tries() {
    let house = House::start_with(in_order(&["chat/text~status-503", "anthropic/text~status-529"])).await;
    let (path, body) = ask("chat", "p", false);
    for (retries, attempts) in [("0", 3), ("1", 2), ("2", 2), ("garbage", 3)] {
        house.fake.clear();
        let client = house.client().header("x-stainless-retry-count", retries);
        let answer = house.post_with(client, "chat", &path, &body).await;
        assert_eq!(answer.status.as_u16() / 100, 5, "{}", answer.text());
        assert_eq!(house.fake.requests().len(), attempts, "x-stainless-retry-count: {retries}");
        assert_eq!(answer.header("x-should-retry"), Some("false"));
    }
    // One try only: the SDK's own retry is the second.
    let client = house.client().header("x-stainless-retry-count", "1");
    let (path, body) = ask("chat", "chat/text~status-503", false);
    let answer = house.post_with(client, "chat", &path, &body).await;
    assert!(answer.header("x-should-retry").is_none());
}

#[tokio::test]
async fn four_bad_targets_get_three_tries_together() {
    let house = House::start_with(in_order(&[
        "chat/text~status-500",
        "anthropic/text~cut-0",
        "gemini/text~garbage",
        "responses/text",
    ]))
    .await;
    let answer = house.ask("chat", "p", true).await;
    assert_eq!(answer.header("x-tidegate-attempts"), Some("3"));
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(house.fake.request_count(), 3);
    house.only_line();
}

#[tokio::test]
async fn an_empty_purse_is_not_waited_for_but_passed_over() {
    let house = House::start_with(in_order(&["chat/text~quota", "anthropic/text"])).await;
    let answer = house.ask("chat", "p", false).await;
    assert_eq!((answer.status.as_u16(), said(&answer).as_str()), (200, SAID));
    assert_eq!(house.fake.request_count(), 2);
}

#[tokio::test]
async fn every_attempt_is_counted_and_every_request_once() {
    let house = House::start_with(in_order(&["chat/text~status-500", "anthropic/text"])).await;
    house.ask("chat", "p", true).await;
    let metrics = house.gateway.meters().render();
    let count = |start: &str| {
        let lines = metrics.lines().filter(|line| line.starts_with(start));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum::<u64>()
    };
    assert_eq!(count("ai_api_requests_total{endpoint=\"chat_completions\""), 1, "{metrics}");
    assert_eq!(
        count("ai_attempts_total{provider=\"chat\",model=\"chat/text~status-500\",outcome=\"failed\""),
        1,
        "{metrics}"
    );
    assert_eq!(
        count("ai_attempts_total{provider=\"anthropic\",model=\"anthropic/text\",outcome=\"good\""),
        1,
        "{metrics}"
    );
    assert_eq!(count("ai_requests_in_flight"), 0, "{metrics}");
}
