//! The commit point, fail-over, truthful endings, cancellation.

use std::time::{Duration, Instant};

use tidegate_policy::TimeLimits;
use tidegate_proxy::snapshot::Rules;

use crate::house::{House, PATIENCE, Plan, chat, chat_stream, in_order};

#[tokio::test]
async fn a_failing_first_target_is_invisible() {
    for bad in
        ["chat/text~status-500", "chat/text~errorfirst", "chat/text~garbage", "chat/text~cut-1", "down/x"]
    {
        let house = House::start_with(in_order(&[bad, "anthropic/text"])).await;
        let stream = house.client().open("/v1/chat/completions", &chat_stream("p")).await.unwrap();
        let answer = stream.whole().await.unwrap();
        assert_eq!(answer.status, 200, "{bad}: {}", answer.text());
        assert_eq!(answer.header("x-tidegate-attempts"), Some("2"), "{bad}");
        let text = answer.text();
        assert!(text.contains("said") && text.ends_with("data: [DONE]\n\n"), "{bad}: {text}");
        assert!(!text.contains("error"), "{bad}: {text}");
    }
}

#[tokio::test]
async fn fault_39_a_stream_that_breaks_off_ends_with_an_error_and_never_with_done() {
    for (model, seen) in [
        ("chat/text~cut-4", "provider_connection_broken"),
        ("anthropic/text~cut-6", "provider_connection_broken"),
    ] {
        let house = House::start().await;
        let answer = house.client().post("/v1/chat/completions", &chat_stream(model)).await.unwrap();
        let text = answer.text();
        assert!(text.contains(seen) && !text.contains("[DONE]"), "{model}: {text}");
        let lines = house.log_lines();
        assert_eq!(
            (lines[0]["outcome"].as_str(), lines[0]["estimated"].as_bool()),
            (Some("failed"), Some(true))
        );
    }
}

#[tokio::test]
async fn fault_64_the_provider_is_cancelled_within_100_ms_when_the_client_leaves() {
    let house = House::start().await;
    let mut stream =
        house.client().open("/v1/chat/completions", &chat_stream("chat/long~pace-20")).await.unwrap();
    stream.event().await.unwrap().unwrap();
    let left = Instant::now();
    stream.close().await;
    let cancelled = house.fake.wait_cancelled(PATIENCE).await.expect("the fake sees the end");
    assert!(cancelled.at - left < Duration::from_millis(100), "{:?}", cancelled.at - left);
}

#[tokio::test]
async fn fault_63_the_provider_is_cancelled_when_the_client_leaves_before_the_first_token() {
    let house = House::start().await;
    let client = house.client();
    let request = chat("chat/text~stall");
    let asking = client.post("/v1/chat/completions", &request);
    tokio::select! {
        _ = asking => panic!("a stalled provider has no answer"),
        seen = house.fake.wait_requests(1, PATIENCE) => assert!(seen.is_some()),
    }
    let left = Instant::now();
    let cancelled = house.fake.wait_cancelled(PATIENCE).await.expect("the fake sees the end");
    assert!(cancelled.at.saturating_duration_since(left) < Duration::from_millis(100));
    let lines = house.log_lines();
    assert_eq!((lines[0]["status"].as_u64(), lines[0]["outcome"].as_str()), (Some(499), Some("cancelled")));
}

#[tokio::test]
async fn a_chunk_leaves_when_it_has_come() {
    let house = House::start().await;
    let mut stream =
        house.client().open("/v1/chat/completions", &chat_stream("chat/long~n-5~pace-200")).await.unwrap();
    let mut arrivals = Vec::new();
    while let Some((event, at)) = stream.event().await.unwrap() {
        if event.data.contains("word") {
            arrivals.push(at);
        }
    }
    assert_eq!(arrivals.len(), 5);
    for pair in arrivals.windows(2) {
        assert!(pair[1] - pair[0] > Duration::from_millis(100), "events came in a batch");
    }
}

#[tokio::test]
async fn case_05_usage_is_asked_for_and_hidden_from_a_client_that_did_not_ask() {
    let house = House::start().await;
    let answer = house.client().post("/v1/chat/completions", &chat_stream("chat/text")).await.unwrap();
    assert!(!answer.text().contains("prompt_tokens"), "{}", answer.text());
    assert_eq!(house.fake.requests()[0].json()["stream_options"]["include_usage"], true);
    assert_eq!(house.log_lines()[0]["input_tokens"], 20);
}

#[tokio::test]
async fn a_model_that_thinks_longer_than_the_idle_limit_is_waited_for_until_its_first_token() {
    let limits = TimeLimits {
        idle: Duration::from_millis(100),
        first_token: Duration::from_secs(5),
        ..TimeLimits::default()
    };
    let house = House::start_with(Plan { limits, ..Plan::default() }).await;
    let request = chat_stream("chat/text~firstdelay-400");
    let answer = house.client().post("/v1/chat/completions", &request).await.unwrap();
    assert!(answer.text().ends_with("data: [DONE]\n\n"), "{}", answer.text());
}

#[tokio::test]
async fn a_target_that_cannot_be_asked_does_not_hide_why_the_others_failed() {
    // Anthropic has no `logit_bias`, and the caller is strict.
    let mut plan = in_order(&["chat/text~status-503", "anthropic/text"]);
    plan.rules.strict = true;
    plan.rules.retry.max_attempts = 2;
    let house = House::start_with(plan).await;
    let mut request = chat("p");
    request["logit_bias"] = serde_json::json!({"1": 5});
    let answer = house.client().post("/v1/chat/completions", &request).await.unwrap();
    assert_eq!(answer.status.as_u16(), 503, "{}", answer.text());
    let house =
        House::start_with(Plan { rules: Rules { strict: true, ..Rules::default() }, ..Plan::default() })
            .await;
    request["model"] = "anthropic/text".into();
    let answer = house.client().post("/v1/chat/completions", &request).await.unwrap();
    assert_eq!(answer.status.as_u16(), 400, "{}", answer.text());
    assert_eq!(answer.json()["error"]["param"], "logit_bias");
}

#[tokio::test]
async fn a_model_name_of_a_megabyte_is_refused_at_once_and_kept_nowhere() {
    let house = House::start().await;
    let name = format!("chat/{}", "x".repeat(1_000_000));
    let answer = house.client().post("/v1/chat/completions", &chat(&name)).await.unwrap();
    assert_eq!(answer.status.as_u16(), 404);
    assert!(answer.text().len() < 1_000, "{}", answer.text().len());
    assert!(house.log_lines()[0]["model"].as_str().unwrap().len() <= 256);
}
