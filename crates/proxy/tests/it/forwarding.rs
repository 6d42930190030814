//! Paths of OpenAI-compatible servers that are handed on: images, audio, files.

use bytes::Bytes;
use http::Method;
use serde_json::json;
use tidegate_testkit::client::Answer;

use crate::house::House;
use crate::reading::check_sound;

async fn send(house: &House, kind: &str, method: Method, path: &str, body: impl Into<Bytes>) -> Answer {
    let client = house.client().header("content-type", kind).header("cookie", "session=sk-caller-canary");
    let answer = client.send(method, path, body.into()).await.unwrap().whole().await.unwrap();
    check_sound("chat", &answer);
    answer
}

#[tokio::test]
async fn images_go_to_the_named_models_provider_under_its_own_name() {
    let house = House::start().await;
    for path in
        ["/v1/images/generations", "/openai/v1/images/generations", "/v1beta/openai/images/generations"]
    {
        house.fake.clear();
        let body = "{\"model\": \"chat/text\", \"prompt\":\"a boat\", \"n\":1, \"zebra\": 1.0}";
        let answer = send(&house, "application/json", Method::POST, path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.json()["data"][0].is_object(), "{}", answer.text());
        assert_eq!(answer.header("x-tidegate-target"), Some("chat/text"));
        let seen = house.fake.requests();
        assert_eq!(seen[0].path_and_query, "/v1/images/generations");
        assert_eq!(seen[0].body, body.replace("chat/text", "text"));
        assert_eq!(seen[0].header("authorization"), Some("Bearer sk-provider-canary"));
        assert!(seen[0].header("cookie").is_none());
    }
}

#[tokio::test]
async fn speech_comes_back_as_the_bytes_that_it_is() {
    let house = House::start().await;
    let body = json!({"model": "chat/text", "input": "hello", "voice": "alloy"}).to_string();
    let answer = send(&house, "application/json", Method::POST, "/v1/audio/speech", body).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("audio/mpeg")));
    assert!(answer.body.starts_with(b"ID3\x04\0"));
}

#[tokio::test]
async fn a_form_goes_on_with_nothing_but_the_model_changed() {
    let house = House::start().await;
    let form = |model: &str| {
        let mut body = format!("--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n")
            .into_bytes();
        body.extend(b"--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\x00\xff--xy\r\n--xyz--\r\n");
        body
    };
    let kind = "multipart/form-data; boundary=xyz";
    let answer = send(&house, kind, Method::POST, "/v1/audio/transcriptions", form("chat/text")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.json()["text"].as_str().unwrap().contains("bytes"), "{}", answer.text());
    let seen = house.fake.requests();
    assert_eq!(seen[0].body, form("text"));
    assert_eq!(seen[0].header("content-type"), Some(kind));
}

#[tokio::test]
async fn a_path_without_a_model_goes_to_the_default_provider_or_the_one_named() {
    let house = House::start().await;
    // The fake has no files; that it was asked, with what, is what counts.
    let answer =
        send(&house, "application/json", Method::GET, "/v1/files?limit=2&key=sk-caller-canary&after=f", "")
            .await;
    assert_eq!(answer.status, 404);
    let seen = house.fake.requests();
    assert_eq!(
        (seen[0].method.as_str(), seen[0].path_and_query.as_str()),
        ("GET", "/v1/files?limit=2&after=f")
    );
    assert_eq!(answer.header("x-tidegate-target"), Some("chat"));
    let client = house.client().header("x-tidegate-provider", "responses");
    let answer = client.get("/v1/files").await.unwrap();
    assert_eq!(answer.header("x-tidegate-target"), Some("responses"));
    let client = house.client().header("x-tidegate-provider", "nosuch");
    assert_eq!(client.get("/v1/files").await.unwrap().status, 400);
    for line in house.ledger(3) {
        assert_eq!(line["endpoint"], "forward");
    }
}

#[tokio::test]
async fn a_failing_provider_is_told_in_openais_shape_and_asked_once() {
    let house = House::start().await;
    for (model, status) in [
        ("chat/text~status-503", 503),
        ("chat/text~cut-0", 502),
        ("down/m", 502),
        ("chat/text~redirect", 502),
        ("nosuch", 404),
    ] {
        let body = json!({"model": model, "prompt": "x"}).to_string();
        let answer = send(&house, "application/json", Method::POST, "/v1/images/generations", body).await;
        assert_eq!(answer.status, status, "{model}: {}", answer.text());
    }
    assert_eq!(house.fake.request_count(), 3);
    house.ledger(5);
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_for_the_caller_too() {
    let house = House::start().await;
    let client = house.client().header("content-type", "application/json");
    let body = json!({"model": "chat/text~truncated", "prompt": "x"}).to_string();
    let stream = client.send(Method::POST, "/v1/images/generations", body.into()).await.unwrap();
    assert!(stream.whole().await.is_err(), "a cut answer must not look whole");
    let line = house.only_line();
    assert_eq!(line["outcome"], "failed", "{line}");
}
