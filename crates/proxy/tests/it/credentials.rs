//! Several keys of one provider.

use serde_json::Value;
use tidegate_core::Secret;
use tidegate_testkit::client::Answer;

use crate::house::{House, Plan};

fn with_keys(keys: &[&str]) -> Plan {
    Plan { provider_keys: keys.iter().map(|key| Secret::new(*key)).collect(), ..Plan::default() }
}

/// The keys that the fake was shown, in order.
fn shown(house: &House) -> Vec<String> {
    let seen = house.fake.requests();
    seen.iter().map(|one| one.headers["authorization"].to_str().unwrap().replace("Bearer ", "")).collect()
}

async fn ask(house: &House) -> Answer {
    house.ask("chat", "chat/text", false).await
}

fn code(answer: &Answer) -> Value {
    answer.json()["error"]["code"].clone()
}

#[tokio::test]
async fn good_keys_are_used_in_turn() {
    let house = House::start_with(with_keys(&["a", "b", "c"])).await;
    for _ in 0..4 {
        assert_eq!(ask(&house).await.status, 200);
    }
    assert_eq!(shown(&house), ["a", "b", "c", "a"]);
}

#[tokio::test]
async fn a_key_that_is_refused_is_asked_once_and_the_caller_notices_nothing() {
    for bad in ["bad-key", "unpaid", "forbidden"] {
        let house = House::start_with(with_keys(&[bad, "good"])).await;
        for _ in 0..5 {
            assert_eq!(ask(&house).await.status, 200, "{bad}");
        }
        assert_eq!(shown(&house), [bad, "good", "good", "good", "good", "good"]);
        let metrics = house.gateway.meters().render();
        let counted = "tidegate_credentials_out_total{provider=\"chat\",cause=\"refused\"} 1";
        assert!(metrics.contains(counted), "{metrics}");
        // One attempt each: the target did nothing wrong.
        for line in house.ledger(5) {
            assert_eq!(line["attempts"], 1, "{line}");
        }
    }
}

#[tokio::test]
async fn a_limited_key_rests_and_the_next_one_is_asked_at_once() {
    let house = House::start_with(with_keys(&["limited", "good"])).await;
    for _ in 0..4 {
        assert_eq!(ask(&house).await.status, 200);
    }
    assert_eq!(shown(&house), ["limited", "good", "good", "good", "good"]);
}

#[tokio::test]
async fn all_keys_refused_is_one_clear_error() {
    let house = House::start_with(with_keys(&["bad-key", "unpaid"])).await;
    for _ in 0..2 {
        let answer = ask(&house).await;
        assert_eq!((answer.status.as_u16(), code(&answer)), (502, "provider_credentials".into()));
    }
    // The second request was not worth asking.
    assert_eq!(shown(&house), ["bad-key", "unpaid"]);
}

#[tokio::test]
async fn all_keys_limited_is_one_clear_error_with_the_time() {
    let mut plan = with_keys(&["limited-1", "limited-2", "bad-key"]);
    plan.rules.retry.max_attempts = 1;
    let house = House::start_with(plan).await;
    for _ in 0..2 {
        let answer = ask(&house).await;
        assert_eq!((answer.status.as_u16(), code(&answer)), (503, "provider_keys_limited".into()));
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=2).contains(&wait), "{wait}");
    }
    assert_eq!(shown(&house).len(), 3);
}

#[tokio::test]
async fn what_all_keys_are_forbidden_takes_none_of_them_out() {
    let house = House::start_with(with_keys(&["forbidden", "forbidden-too"])).await;
    // The second key is good, but may not use this model.
    let answer = house.ask("chat", "chat/text~status-403", false).await;
    assert_eq!(answer.status, 502);
    assert_eq!(ask(&house).await.status, 200);
    let metrics = house.gateway.meters().render();
    assert!(
        metrics.contains("tidegate_credentials_out_total{provider=\"chat\",cause=\"refused\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_good_key_never_pays_for_a_wrong_request() {
    let house = House::start_with(with_keys(&["a", "b"])).await;
    assert_eq!(house.ask("chat", "chat/text~status-400", false).await.status, 400);
    assert_eq!(shown(&house), ["a"]);
}
