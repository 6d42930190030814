//! One base URL for every model: any surface, any provider, streaming and not.

use http::Method;
use serde_json::json;

use crate::house::{House, PROVIDERS, ask, chat};

#[tokio::test]
async fn every_surface_reaches_every_provider() {
    let house = House::start().await;
    for (surface, ..) in PROVIDERS {
        for (provider, ..) in PROVIDERS {
            for stream in [false, true] {
                let (path, body) = ask(surface, &format!("{provider}/text"), stream);
                let answer = house.client().post(&path, &body).await.unwrap();
                let text = answer.text();
                assert_eq!(answer.status, 200, "{surface} to {provider}, stream {stream}: {text}");
                assert!(text.contains("hello"), "{surface} to {provider}, stream {stream}: {text}");
                assert!(answer.header("x-request-id").is_some());
                assert_eq!(answer.header("x-tidegate-target"), Some(format!("{provider}/text").as_str()));
            }
        }
    }
}

#[tokio::test]
async fn the_same_dialect_passes_bytes() {
    let house = House::start().await;
    let body = json!({"model": "chat/text", "zebra": {"b": 1.0, "a": 12345678901234567890u64},
        "messages": [{"role": "user", "content": "hi", "unknown": true}]});
    let answer = house.client().post("/v1/chat/completions", &body).await.unwrap();
    assert_eq!(answer.status, 200);
    let seen = house.fake.requests();
    let sent = String::from_utf8(seen[0].body.to_vec()).unwrap();
    assert_eq!(sent, body.to_string().replace("chat/text", "text"));
    assert_eq!(seen[0].header("authorization"), Some("Bearer sk-provider-canary"));
}

#[tokio::test]
async fn every_answer_has_its_tokens_and_cost() {
    let house = House::start().await;
    let answer = house.client().post("/v1/chat/completions", &chat("chat/text")).await.unwrap();
    // 20 tokens at 1 $ and 10 at 2 $ a million.
    assert_eq!(answer.header("x-tidegate-cost-usd"), Some("0.000040000"));
    let answer = house.client().post("/v1/chat/completions", &chat("chat/text~in-5")).await.unwrap();
    assert_eq!(answer.header("x-tidegate-cost-usd"), Some("unpriced"));
    let lines = house.log_lines();
    assert_eq!(lines[0]["input_tokens"], 20);
    assert_eq!(lines[0]["outcome"], "complete");
    assert_eq!(lines[0]["cost_usd"], 0.00004);
}

#[tokio::test]
async fn an_unknown_model_is_a_404_in_the_callers_dialect() {
    let house = House::start().await;
    let (path, body) = ask("anthropic", "nosuch", false);
    let answer = house.client().post(&path, &body).await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error"]["type"].as_str()),
        (404, Some("not_found_error"))
    );
    let answer = house.client().post("/v1/chat/completions", &chat("nosuch")).await.unwrap();
    assert_eq!(answer.json()["error"]["code"], "model_not_found");
}

#[tokio::test]
async fn head_of_the_models_is_that_of_get() {
    let house = House::start().await;
    for path in ["/v1/models", "/v1/models/chat%2Fm", "/v1beta/models"] {
        let got = house.client().get(path).await.unwrap();
        let head =
            house.client().send(Method::HEAD, path, Default::default()).await.unwrap().whole().await.unwrap();
        assert_eq!(head.status, got.status, "{path}");
        assert_eq!(head.header("content-length"), got.header("content-length"), "{path}");
        assert!(head.body.is_empty() && !got.body.is_empty(), "{path}");
    }
}
