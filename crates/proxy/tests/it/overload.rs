//! When there is more than can be carried, or nobody to carry it.

use std::time::{Duration, Instant};

use tidegate_policy::hedge::HedgeRules;
use tidegate_proxy::snapshot::{Access, Instead};

use crate::house::{House, PATIENCE, Plan, in_order};
use crate::reading::said;

const SAID: &str = "You said: hello there";

fn hedging(share: f64) -> Plan {
    let rules =
        HedgeRules { share, enough: 20, least_delay: Duration::from_millis(20), ..HedgeRules::default() };
    let mut plan = in_order(&["chat/text~delay-60000", "anthropic/text"]);
    plan.pools.push(("quick", vec![("chat/text".to_owned(), 1)], vec![]));
    Plan { hedge: Some(rules), ..plan }
}

async fn teach(house: &House) {
    for _ in 0..30 {
        house.ask("chat", "quick", false).await;
    }
}

#[tokio::test]
async fn a_second_target_is_asked_when_the_first_is_slower_than_nearly_always() {
    for stream in [false, true] {
        let house = House::start_with(hedging(1.0)).await;
        teach(&house).await;
        let begun = Instant::now();
        let answer = house.ask("chat", "p", stream).await;
        assert_eq!((said(&answer).as_str(), answer.header("x-tidegate-attempts")), (SAID, Some("2")));
        assert_eq!(answer.header("x-tidegate-target"), Some("anthropic/text"));
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn nobody_is_asked_twice_beyond_the_budget_for_it() {
    let house = House::start_with(hedging(0.01)).await;
    teach(&house).await;
    let asked = tokio::time::timeout(Duration::from_secs(1), house.ask("chat", "p", false)).await;
    assert!(asked.is_err(), "the second target was asked without a budget");
}

fn when_down(instead: Vec<Instead>) -> Plan {
    let mut plan = in_order(&["down/a", "chat/text~status-500"]);
    plan.pools.push(("cheap", vec![("gemini/text".to_owned(), 1)], vec![]));
    Plan { access: Access { when_down: instead, ..Access::default() }, ..plan }
}

#[tokio::test]
async fn when_all_targets_are_down_a_cheaper_model_answers_and_the_answer_says_so() {
    let house = House::start_with(when_down(vec![Instead::Cache, Instead::Model("cheap".to_owned())])).await;
    let answer = house.ask("chat", "p", true).await;
    assert_eq!((said(&answer).as_str(), answer.header("x-tidegate-degraded")), (SAID, Some("model")));
    assert_eq!(answer.header("x-tidegate-target"), Some("gemini/text"));
}

#[tokio::test]
async fn when_all_targets_are_down_a_fixed_message_is_better_than_an_error() {
    let house = House::start_with(when_down(vec![Instead::Message("Back soon.".to_owned())])).await;
    for dialect in ["chat", "anthropic", "gemini", "responses"] {
        let answer = house.ask(dialect, "p", false).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-tidegate-degraded")), (200, Some("message")));
        assert!(answer.text().contains("Back soon."), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_wrong_request_is_no_outage() {
    let mut plan = when_down(vec![Instead::Message("Back soon.".to_owned())]);
    plan.pools.push(("wrong", vec![("chat/text~status-400".to_owned(), 1)], vec![]));
    let house = House::start_with(plan).await;
    let answer = house.ask("chat", "wrong", false).await;
    assert_eq!((answer.status.as_u16(), answer.header("x-tidegate-degraded")), (400, None));
}

#[tokio::test]
async fn bodies_that_memory_has_no_room_for_are_refused_and_given_back_at_the_end() {
    let mut plan = Plan::default();
    plan.rules.memory = 2000;
    let house = House::start_with(plan).await;
    let long = serde_json::json!({"model": "chat/text", "messages": [{"role": "user", "content": "x".repeat(1900)}]});
    for _ in 0..2 {
        let refused = house.post("chat", "/v1/chat/completions", &long).await;
        assert_eq!(refused.status.as_u16(), 503, "{}", refused.text());
        assert!(refused.text().contains("\"overloaded\""), "{}", refused.text());
        let answer = house.ask("chat", "chat/text", false).await;
        assert_eq!(said(&answer), SAID, "{}", answer.text());
    }
    house.ledger(4);
    assert_eq!(house.gateway.desk().memory.used(), 0);
}

/// The size of a function's future.
fn size_of_future<A, B, C, F>(_: fn(A, B, C) -> F) -> usize {
    std::mem::size_of::<F>()
}

#[test]
fn a_request_takes_little_room_while_it_waits() {
    let size = size_of_future(<tidegate_proxy::Gateway as tidegate_net::Handler>::handle);
    assert!(size <= 8 * 1024, "{size} bytes");
}
