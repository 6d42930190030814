//! Limits of providers: each attempt is counted where it goes, and where a limit is reached the next target is asked.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tidegate_policy::hedge::HedgeRules;
use tidegate_policy::limit::{Rule, Scope, Unit, Window};
use tidegate_proxy::snapshot::{Access, Instead};
use tidegate_testkit::client::Answer;

use crate::house::{House, Plan, in_order};
use crate::limits::is_refused_for_an_hour;

fn rule(scope: Scope, unit: Unit, amount: i64) -> Arc<Rule> {
    let window =
        if unit == Unit::Concurrent { Window::Open } else { Window::Sliding(Duration::from_secs(3600)) };
    let name = format!("{}-{}", scope.word(), unit.word());
    Arc::new(Rule { name: name.into(), scope, unit, amount, window, models: Vec::new() })
}

async fn house(targets: &[&str], limits: &[Arc<Rule>]) -> House {
    let access = Access { limits: limits.to_vec(), ..Access::default() };
    House::start_with(Plan { access, ..in_order(targets) }).await
}

async fn chat(house: &House, max_tokens: u64) -> Answer {
    let body =
        json!({"model": "p", "max_tokens": max_tokens, "messages": [{"role": "user", "content": "Hello!"}]});
    house.post("chat", "/v1/chat/completions", &body).await
}

/// Who answered each of so many requests; the code of the error if nobody did.
async fn answered(house: &House, requests: usize) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..requests {
        let answer = chat(house, 10).await;
        let code = || answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
        let target = answer.header("x-tidegate-target").filter(|_| answer.status == 200);
        all.push(target.map_or_else(code, str::to_owned));
    }
    all
}

#[tokio::test]
async fn a_provider_whose_limit_is_reached_is_passed_over() {
    // Also where nothing else is limited, and where something else is.
    for others in [vec![], vec![rule(Scope::Global, Unit::Requests, 100)]] {
        let limits = [others, vec![rule(Scope::Provider, Unit::Requests, 2)]].concat();
        let house = house(&["chat/text", "anthropic/text"], &limits).await;
        let wanted = ["chat/text", "chat/text", "anthropic/text", "anthropic/text"];
        assert_eq!(answered(&house, 4).await, wanted);
        let refused = chat(&house, 10).await;
        is_refused_for_an_hour(&refused);
        assert_eq!(house.fake.request_count(), 4);
    }
}

#[tokio::test]
async fn a_provider_s_own_limits_hold_and_callers_are_not_told_how_they_stand() {
    let plan = in_order(&["chat/text"]);
    let rules = vec![rule(Scope::Provider, Unit::Requests, 1)];
    let limits = vec![rule(Scope::Global, Unit::Requests, 50)];
    let access = Access { limits, ..Access::default() };
    let house = House::start_with(Plan { provider_rules: rules, access, ..plan }).await;
    let answer = chat(&house, 10).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.headers["x-ratelimit-limit-requests"], "50");
    assert!(!answer.headers["ratelimit"].to_str().unwrap().contains("provider"));
    assert_eq!(chat(&house, 10).await.status, 429);
    // A refusal by a provider's limit leaves the other limits as they were.
    let left = answered(&house, 3).await;
    assert_eq!(left, ["limit_exceeded"; 3]);
}

#[tokio::test]
async fn every_attempt_counts_at_its_provider_and_one_that_failed_holds_nothing() {
    let limits = [rule(Scope::Provider, Unit::Requests, 3), rule(Scope::Provider, Unit::Tokens, 2000)];
    let house = house(&["chat/text~status-500", "anthropic/text~in-20~out-10"], &limits).await;
    for _ in 0..3 {
        // A thousand tokens are held of both in turn; the first uses none of them, the second thirty.
        let answer = chat(&house, 1000).await;
        assert_eq!(
            answer.header("x-tidegate-target"),
            Some("anthropic/text~in-20~out-10"),
            "{}",
            answer.text()
        );
    }
    assert_eq!(chat(&house, 10).await.status, 429);
    assert_eq!(house.fake.request_count(), 6);
}

#[tokio::test]
async fn what_is_done_instead_is_done_too_when_all_providers_are_full() {
    let plan = in_order(&["chat/text", "anthropic/text"]);
    let limits = vec![rule(Scope::Provider, Unit::Requests, 0)];
    let words = vec![Instead::Message("Later.".into())];
    let access = Access { limits, when_limited: words, ..Access::default() };
    let house = House::start_with(Plan { access, ..plan }).await;
    let answer = chat(&house, 10).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-tidegate-degraded")), (200, Some("message")));
    assert_eq!(house.fake.request_count(), 0);
}

#[tokio::test]
async fn a_slow_first_provider_holds_nothing_once_the_second_has_answered() {
    let hedge = HedgeRules {
        share: 1.0,
        enough: 20,
        least_delay: Duration::from_millis(20),
        ..HedgeRules::default()
    };
    for others in [vec![], vec![rule(Scope::Global, Unit::Requests, 1000)]] {
        let mut plan = in_order(&["chat/text~delay-60000", "anthropic/text"]);
        plan.pools.push(("quick", vec![("chat/text".to_owned(), 1)], vec![]));
        let limits = [others, vec![rule(Scope::Provider, Unit::Concurrent, 1)]].concat();
        let access = Access { limits, ..Access::default() };
        let house = House::start_with(Plan { hedge: Some(hedge), access, ..plan }).await;
        for _ in 0..30 {
            house.ask("chat", "quick", false).await;
        }
        for _ in 0..3 {
            let answer = chat(&house, 10).await;
            assert_eq!(answer.header("x-tidegate-target"), Some("anthropic/text"), "{}", answer.text());
            // Two attempts: the first one's place was free again.
            assert_eq!(answer.header("x-tidegate-attempts"), Some("2"));
            assert_eq!(house.ask("chat", "quick", false).await.status, 200);
        }
    }
}

#[tokio::test]
async fn vectors_and_other_paths_are_under_the_provider_s_limits_too() {
    let house = house(&["chat/text"], &[rule(Scope::Provider, Unit::Requests, 1)]).await;
    let body = json!({"model": "chat/text-embedding-3-small", "input": "hello"});
    assert_eq!(house.post("chat", "/v1/embeddings", &body).await.status, 200);
    let refused = house.post("chat", "/v1/embeddings", &body).await;
    assert_eq!((refused.status.as_u16(), refused.header("x-tidegate-attempts")), (429, Some("0")));
    let body = json!({"model": "chat/moderation", "input": "hello"});
    assert_eq!(house.post("chat", "/v1/moderations", &body).await.status, 429);
}
