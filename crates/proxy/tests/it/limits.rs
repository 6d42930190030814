//! Limits: what is refused, what is told, what is done instead, what is left afterwards.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_policy::limit::{Calendar, Rule, Scope, Unit, Window};
use tidegate_proxy::snapshot::{Access, Instead};
use tidegate_testkit::client::Answer;

use crate::house::{House, Plan};

fn rule(unit: Unit, amount: i64) -> Rule {
    let window =
        if unit == Unit::Concurrent { Window::Open } else { Window::Sliding(Duration::from_secs(3600)) };
    Rule { name: unit.word().into(), scope: Scope::Global, unit, amount, window, models: Vec::new() }
}

async fn house(rules: Vec<Rule>, when_limited: Vec<Instead>) -> House {
    let limits = rules.into_iter().map(Arc::new).collect();
    let access = Access { limits, when_limited, ..Access::default() };
    House::start_with(Plan { access, ..Plan::default() }).await
}

async fn chat(house: &House, model: &str, max_tokens: Value) -> Answer {
    let body = json!({"model": model, "max_tokens": max_tokens, "messages": [{"role": "user", "content": "Hello!"}]});
    house.post("chat", "/v1/chat/completions", &body).await
}

/// A limit of an hour is reached, and the caller is told when to come back.
pub(crate) fn is_refused_for_an_hour(refused: &Answer) {
    assert_eq!(
        (refused.status.as_u16(), refused.json()["error"]["code"].as_str()),
        (429, Some("limit_exceeded"))
    );
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((3500..=3660).contains(&wait), "{wait}");
    // An SDK waits a minute at most: its retry would be refused as well.
    assert_eq!(refused.headers["x-should-retry"], "false");
}

#[tokio::test]
async fn requests_are_counted_and_the_one_too_many_is_told_when_to_come_back() {
    let house = house(vec![rule(Unit::Requests, 2)], Vec::new()).await;
    let first = chat(&house, "chat/text", json!(10)).await;
    assert_eq!(first.headers["x-ratelimit-limit-requests"], "2");
    assert_eq!(first.headers["x-ratelimit-remaining-requests"], "1");
    assert_eq!(chat(&house, "chat/text", json!(10)).await.status, 200);
    let refused = chat(&house, "chat/text", json!(10)).await;
    is_refused_for_an_hour(&refused);
    assert_eq!(house.fake.request_count(), 2);
}

#[tokio::test]
async fn anthropics_callers_read_their_limits_under_anthropics_names() {
    let house = house(vec![rule(Unit::Requests, 2), rule(Unit::Tokens, 100_000)], Vec::new()).await;
    let answer = house.ask("anthropic", "anthropic/text", false).await;
    assert_eq!(answer.headers["anthropic-ratelimit-requests-limit"], "2");
    assert_eq!(answer.headers["anthropic-ratelimit-tokens-limit"], "100000");
}

#[tokio::test]
async fn tokens_are_held_before_and_settled_after_the_call() {
    let house = house(vec![rule(Unit::Tokens, 2000)], Vec::new()).await;
    for _ in 0..5 {
        // A thousand may be used, thirty are.
        assert_eq!(chat(&house, "chat/text~in-20~out-10", json!(1000)).await.status, 200);
    }
    let left = chat(&house, "chat/text~in-20~out-10", json!(10)).await;
    let remaining: i64 = left.headers["x-ratelimit-remaining-tokens"].to_str().unwrap().parse().unwrap();
    assert!((1700..1850).contains(&remaining), "{remaining}");
    assert_eq!(chat(&house, "chat/text", json!(2000)).await.status, 429);
}

#[tokio::test]
async fn fault_31_absurd_numbers_of_tokens_are_refused_and_break_no_counter() {
    let house = house(vec![rule(Unit::Tokens, 2000), rule(Unit::Money, 1_000_000_000)], Vec::new()).await;
    for absurd in [json!(1e18), json!(1_000_000_000_000_000_000_u64), json!(u64::MAX)] {
        let status = chat(&house, "chat/text", absurd.clone()).await.status.as_u16();
        assert!([400, 429].contains(&status), "{absurd}: {status}");
    }
    assert_eq!(chat(&house, "chat/text", json!(10)).await.status, 200);
}

#[tokio::test]
async fn a_failed_and_a_cancelled_request_leave_nothing_held() {
    let house = house(vec![rule(Unit::Tokens, 2000), rule(Unit::Concurrent, 1)], Vec::new()).await;
    assert_eq!(chat(&house, "chat/text~status-400", json!(1000)).await.status, 400);
    let body = json!({"model": "chat/long~n-500~pace-20", "max_tokens": 1000, "stream": true,
        "messages": [{"role": "user", "content": "Hello!"}]});
    let stream = house.client().open("/v1/chat/completions", &body).await.unwrap();
    assert_eq!(stream.status, 200);
    assert_eq!(chat(&house, "chat/text", json!(10)).await.status, 429, "one at a time");
    drop(stream);
    assert!(house.fake.wait_cancelled(Duration::from_secs(10)).await.is_some());
    assert_eq!(chat(&house, "chat/text", json!(1000)).await.status, 200);
}

#[tokio::test]
async fn when_a_limit_is_reached_a_cheaper_model_answers() {
    let dear = Rule { models: vec!["chat/text".into()], ..rule(Unit::Requests, 1) };
    let house = house(vec![dear], vec![Instead::Cache, Instead::Model("anthropic/text".into())]).await;
    assert!(!chat(&house, "chat/text", json!(10)).await.headers.contains_key("x-tidegate-degraded"));
    let answer = chat(&house, "chat/text", json!(10)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.headers["x-tidegate-degraded"], "model");
    assert_eq!(answer.headers["x-tidegate-target"], "anthropic/text");
}

#[tokio::test]
async fn when_nothing_else_helps_fixed_words_are_the_answer_in_every_dialect() {
    let words = "We are at capacity.";
    let house = house(
        vec![rule(Unit::Requests, 0)],
        vec![Instead::Model("chat/cheap".into()), Instead::Message(words.into())],
    )
    .await;
    for surface in ["chat", "responses", "anthropic", "gemini"] {
        for stream in [false, true] {
            let answer = house.ask(surface, "chat/text", stream).await;
            assert_eq!(answer.status, 200, "{surface}: {}", answer.text());
            assert_eq!(answer.headers["x-tidegate-degraded"], "message");
            let said = answer.text();
            assert!(words.split(' ').all(|word| said.contains(word)), "{surface} {stream}: {said}");
        }
    }
    assert_eq!(house.fake.request_count(), 0);
}

#[tokio::test]
async fn a_budget_that_is_spent_says_so() {
    let budget = Rule { window: Window::Calendar(Calendar::Month), ..rule(Unit::Money, 0) };
    let house = house(vec![budget], Vec::new()).await;
    let body = json!({"model": "chat/gpt-4.1", "max_tokens": 10, "messages": [{"role": "user", "content": "Hello!"}]});
    let answer = house.post("chat", "/v1/chat/completions", &body).await;
    // Without a price there is no cost to hold: only priced models can meet a budget.
    if answer.status == 429 {
        assert_eq!(answer.json()["error"]["code"], "budget_exceeded");
    }
}
