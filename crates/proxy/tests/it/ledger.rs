//! The ledger: one row for each attempt, written before the answer ends.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::house::{House, Plan, in_order};

#[tokio::test]
async fn an_answer_has_one_row_with_its_tokens_and_who_answered() {
    let house = House::start().await;
    let answer = house.ask("anthropic", "chat/text~in-20~out-10", false).await;
    assert_eq!(answer.status, 200);
    let rows = house.rows();
    assert_eq!(rows.len(), 1, "{rows:?}");
    let row = &rows[0];
    for (field, value) in [
        ("attempt", json!(1)),
        ("last", json!(true)),
        ("endpoint", json!("messages")),
        ("model", json!("chat/text~in-20~out-10")),
        ("provider", json!("chat")),
        ("target_model", json!("text~in-20~out-10")),
        ("outcome", json!("complete")),
        ("status", json!(200)),
        ("tokens", json!({"input": 20, "output": 10})),
        ("client", json!("127.0.0.1")),
    ] {
        assert_eq!(row[field], value, "{field} in {row}");
    }
    assert_eq!(row["request_id"], answer.headers["x-request-id"].to_str().unwrap());
    assert!(row["duration"].as_i64().unwrap() > 0 && row["ended"].as_i64().unwrap() > 1_700_000_000_000_000);
}

#[tokio::test]
async fn every_attempt_has_a_row_and_one_of_them_is_the_last() {
    let house = House::start_with(in_order(&["down/a", "chat/text~status-503", "anthropic/text"])).await;
    assert_eq!(house.ask("chat", "p", false).await.status, 200);
    let rows = house.rows();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row["attempt"].as_u64().unwrap(), row["provider"].as_str().unwrap(), row["last"] == true))
        .collect();
    assert_eq!(told, [(1, "down", false), (2, "chat", false), (3, "anthropic", true)]);
    assert_eq!((&rows[1]["status"], &rows[1]["outcome"]), (&json!(503), &json!("failed")));
    assert!(rows[0]["error"] == "provider_unreachable", "{}", rows[0]);
    assert!(rows.iter().all(|row| row["request_id"] == rows[0]["request_id"]));
}

#[tokio::test]
async fn fault_62_an_exchange_that_failed_for_good_has_its_last_row_with_the_last_target() {
    let house = House::start_with(in_order(&["down/a", "chat/text~status-500"])).await;
    let status = house.ask("chat", "p", false).await.status.as_u16();
    assert!(status >= 500);
    let rows = house.rows();
    let last: Vec<_> = rows.iter().filter(|row| row["last"] == true).collect();
    assert_eq!(last.len(), 1, "{rows:?}");
    assert_eq!((&last[0]["status"], &last[0]["attempt"]), (&json!(status), &json!(rows.len())));
    let attempts: Vec<_> = rows.iter().map(|row| row["attempt"].as_u64().unwrap()).collect();
    assert_eq!(attempts, (1..=attempts.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_refusal_that_reached_nobody_has_a_row_without_a_target() {
    let house = House::start().await;
    assert_eq!(house.ask("chat", "nobody/knows", false).await.status, 404);
    let rows = house.rows();
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["attempt"], &rows[0]["status"]), (&json!(0), &json!(404)));
    assert_eq!(rows[0].get("provider"), None, "{}", rows[0]);
}

#[tokio::test]
async fn fault_64_a_stream_that_its_caller_left_is_billed_as_far_as_it_came() {
    let house = House::start_with(Plan::default()).await;
    let body = json!({"model": "chat/long~n-500~pace-20", "stream": true, "messages": [{"role": "user", "content": "Hi"}]});
    let mut stream = house.client().open("/v1/chat/completions", &body).await.unwrap();
    assert!(stream.event().await.unwrap().is_some());
    drop(stream);
    assert!(house.fake.wait_cancelled(Duration::from_secs(10)).await.is_some());
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while house.rows().is_empty() {
        assert!(std::time::Instant::now() < end, "no row");
        tokio::task::yield_now().await;
    }
    let row = &house.rows()[0];
    assert_eq!((&row["outcome"], &row["estimated"]), (&json!("cancelled"), &json!(true)));
}

#[tokio::test]
async fn of_many_exchanges_that_end_at_once_none_is_told_its_answer_before_its_row_is_written() {
    let house = Arc::new(House::start().await);
    let one = |house: Arc<House>| async move {
        let answer = house.ask("chat", "chat/text~delay-300", false).await;
        let id = answer.headers["x-request-id"].to_str().unwrap();
        assert!(house.rows().iter().any(|row| row["request_id"] == id), "{id} is answered and has no row");
    };
    let all: Vec<_> = (0..64).map(|_| tokio::spawn(one(house.clone()))).collect();
    for one in all {
        one.await.unwrap();
    }
    assert_eq!(house.rows().len(), 64);
}
