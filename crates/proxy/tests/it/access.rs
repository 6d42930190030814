//! Keys: who may ask, and what he is told when he may not.

use std::sync::Arc;

use serde_json::json;
use tidegate_core::Secret;
use tidegate_policy::access::{Key, Team};
use tidegate_proxy::snapshot::Access;
use tidegate_testkit::FakeProvider;
use tidegate_testkit::client::Client;
use tidegate_testkit::raw::Connection;

use crate::house::{House, Plan, ask};

const GOOD: &str = "tg-house-key-0123456789";

fn key(name: &str) -> Key {
    Key { id: name.into(), name: name.to_owned(), enabled: true, ..Key::default() }
}

async fn house(key: Key) -> House {
    let access = Access { require_key: true, ..Access::default() };
    House::start_with(Plan { access, keys: vec![(Secret::new(GOOD), key)], ..Plan::default() }).await
}

fn chat(model: &str) -> serde_json::Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Hello!"}]})
}

async fn status_and_code(client: &Client, model: &str) -> (u16, String) {
    let answer = client.post("/v1/chat/completions", &chat(model)).await.unwrap();
    (answer.status.as_u16(), answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn every_vendors_way_of_showing_the_key_opens_the_door() {
    let house = house(key("k")).await;
    let bare = || Client::new(house.address);
    for client in [
        bare().bearer(GOOD),
        bare().header("authorization", &format!("bearer {GOOD}")),
        bare().header("x-api-key", GOOD),
        bare().header("x-goog-api-key", GOOD),
        bare().header("api-key", GOOD),
    ] {
        assert_eq!(status_and_code(&client, "chat/text").await, (200, String::new()));
    }
    let path = format!("/v1beta/models/gemini%2Ftext:generateContent?key={GOOD}");
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "Hello!"}]}]});
    assert_eq!(bare().post(&path, &body).await.unwrap().status, 200);
    // The caller's key stays here.
    for seen in house.fake.requests() {
        assert!(!format!("{seen:?}").contains(GOOD), "{seen:?}");
    }
    assert!(house.rows().iter().all(|row| row["key"] == "k"));
}

#[tokio::test]
async fn fault_68_what_is_no_key_opens_nothing_and_costs_little() {
    let house = house(key("k")).await;
    let long = format!("tg-{}", "a".repeat(10_000));
    for wrong in ["' OR '1'='1", "tg-house-key-012345678", "TG-HOUSE-KEY-0123456789", "", "tg-", &long] {
        let client = Client::new(house.address).bearer(wrong);
        assert_eq!(status_and_code(&client, "chat/text").await, (401, "key_unknown".to_owned()), "{wrong}");
    }
    let nobody = Client::new(house.address);
    assert_eq!(status_and_code(&nobody, "chat/text").await, (401, "key_missing".to_owned()));
    assert_eq!(house.fake.request_count(), 0);
}

#[tokio::test]
async fn a_key_that_is_off_expired_or_not_for_this_is_refused_with_its_reason() {
    let off = Key { enabled: false, ..key("k") };
    let expired = Key { expires: Some(1_000_000_000), ..key("k") };
    let elsewhere = Key { networks: vec!["10.0.0.0/8".parse().unwrap()], ..key("k") };
    let other_model = Key { models: vec!["chat/other".into(), "pool".into()], ..key("k") };
    let other_route = Key { routes: vec!["embeddings".into()], ..key("k") };
    let team = Team { enabled: false, ..Team::default() };
    let orphan = Key { team: Some(Arc::new(team)), ..key("k") };
    for (key, status, code) in [
        (off, 401, "key_disabled"),
        (orphan, 401, "key_disabled"),
        (expired, 401, "key_expired"),
        (elsewhere, 403, "key_network"),
        (other_model, 403, "key_model"),
        (other_route, 403, "key_route"),
    ] {
        let house = house(key).await;
        let client = Client::new(house.address).bearer(GOOD);
        assert_eq!(status_and_code(&client, "chat/text").await, (status, code.to_owned()));
        assert_eq!(house.fake.request_count(), 0, "{code}");
    }
}

#[tokio::test]
async fn each_dialect_tells_a_wrong_key_in_its_own_words() {
    let house = house(key("k")).await;
    for surface in ["chat", "responses", "anthropic", "gemini"] {
        let answer = house.ask(surface, "chat/text", false).await;
        assert_eq!(answer.status, 401, "{surface}: {}", answer.text());
    }
}

#[tokio::test]
async fn where_no_key_is_required_a_foreign_one_is_nobodys_business() {
    let plan = Plan { keys: vec![(Secret::new(GOOD), key("k"))], ..Plan::default() };
    let house = House::start_with(plan).await;
    assert_eq!(status_and_code(&house.client(), "chat/text").await.0, 200);
    assert_eq!(status_and_code(&Client::new(house.address), "chat/text").await.0, 200);
    assert_eq!(status_and_code(&Client::new(house.address).bearer(GOOD), "chat/text").await.0, 200);
    // One of ours that is wrong is a mistake that its owner wants to hear of.
    let wrong = format!("tg-{}", "A".repeat(43));
    assert_eq!(status_and_code(&Client::new(house.address).bearer(&wrong), "chat/text").await.0, 401);
    let keys: Vec<_> = house.rows().iter().map(|row| row["key"].clone()).collect();
    assert_eq!(keys, [json!(null), json!(null), json!("k"), json!(null)]);
}

#[tokio::test]
async fn fault_74_a_forged_address_does_not_open_a_network_bound_key() {
    let elsewhere = Key { networks: vec!["10.0.0.0/8".parse().unwrap()], ..key("k") };
    let house = house(elsewhere).await;
    for name in ["x-forwarded-for", "x-real-ip", "forwarded"] {
        let value = if name == "forwarded" { "for=10.1.2.3" } else { "10.1.2.3" };
        let client = Client::new(house.address).bearer(GOOD).header(name, value);
        assert_eq!(status_and_code(&client, "chat/text").await, (403, "key_network".to_owned()), "{name}");
    }
}

#[tokio::test]
async fn fault_70_keys_with_a_common_beginning_are_two_keys() {
    let (one, two) = ("tg-common-beginning-0000-one", "tg-common-beginning-0000-two");
    let keys = vec![(Secret::new(one), key("one")), (Secret::new(two), key("two"))];
    let access = Access { require_key: true, ..Access::default() };
    let house = House::start_with(Plan { access, keys, ..Plan::default() }).await;
    for (secret, id) in [(one, "one"), (two, "two"), (one, "one")] {
        assert_eq!(status_and_code(&Client::new(house.address).bearer(secret), "chat/text").await.0, 200);
        assert_eq!(house.rows().last().unwrap()["key"], id);
    }
}

#[tokio::test]
async fn fault_75_a_caller_s_own_base_url_moves_no_request_and_no_key() {
    let (house, elsewhere) = (House::start().await, FakeProvider::start().await.unwrap());
    let url = elsewhere.base_url();
    for surface in ["chat", "responses", "anthropic", "gemini"] {
        for field in ["api_base", "base_url", "api_url", "endpoint", "extra_headers"] {
            let (path, mut body) = ask(surface, "chat/text", false);
            body[field] = if field == "extra_headers" {
                json!({"host": elsewhere.addr().to_string(), "authorization": "Bearer theirs"})
            } else {
                json!(url)
            };
            let mut client = house.client();
            for name in
                ["x-api-base", "x-tidegate-base-url", "helicone-target-url", "x-forwarded-host", "forwarded"]
            {
                client = client.header(name, &url);
            }
            let answer = house.post_with(client, surface, &path, &body).await;
            assert!([200, 400].contains(&answer.status.as_u16()), "{surface} {field}: {}", answer.text());
        }
    }
    assert_eq!(elsewhere.accepts(), 0, "somebody was asked whom the caller named");
    for seen in house.fake.requests() {
        let shown = format!("{:?}", seen.headers);
        assert!(!shown.contains("theirs") && !shown.contains(&elsewhere.addr().to_string()), "{shown}");
    }
}

#[tokio::test]
async fn fault_14_who_shows_a_wrong_key_gets_his_401_without_leave_to_send() {
    let house = house(key("k")).await;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer tg-wrong\r\nexpect: 100-continue\r\ncontent-length: 100\r\n\r\n";
    let mut connection = Connection::open(house.address).await.unwrap();
    connection.send(head.as_bytes()).await.unwrap();
    let answer = connection.read_until(b"\r\n\r\n").await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 401"), "{}", String::from_utf8_lossy(&answer));
}
