//! The endpoints that generate no text, the control paths, and the prerendered answers.

use base64::Engine;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tidegate_testkit::FakeProvider;

use crate::dialects::{Dialect, FIVE, client};

async fn post(provider: &FakeProvider, path: &str, body: Value) -> Value {
    let answer = client(provider).post(path, &body).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

#[tokio::test]
async fn embeddings_as_numbers_and_as_base64() {
    let provider = FakeProvider::start().await.unwrap();
    let mut body = json!({"model": "m", "input": ["a", "b"], "dimensions": 4});
    let numbers = post(&provider, "/v1/embeddings", body.clone()).await;
    assert_eq!(numbers["data"][1]["embedding"].as_array().unwrap().len(), 4);
    assert_ne!(numbers["data"][0]["embedding"], numbers["data"][1]["embedding"]);
    body["encoding_format"] = "base64".into();
    let packed = post(&provider, "/v1/embeddings", body).await;
    let bytes =
        base64::engine::general_purpose::STANDARD.decode(packed["data"][1]["embedding"].as_str().unwrap());
    let bytes = bytes.unwrap();
    let floats = bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()));
    assert_eq!(json!(floats.collect::<Vec<_>>()), numbers["data"][1]["embedding"]);
    let part = json!({"content": {"parts": [{"text": "a"}]}});
    let one = post(&provider, "/v1beta/models/m:embedContent", part.clone()).await;
    let many =
        post(&provider, "/v1beta/models/m:batchEmbedContents", json!({"requests": [part, part]})).await;
    assert_eq!(one["embedding"], many["embeddings"][1]);
}

#[tokio::test]
async fn token_counts() {
    let provider = FakeProvider::start().await.unwrap();
    let body = Dialect::Anthropic.body("text~in-7", false);
    assert_eq!(post(&provider, "/v1/messages/count_tokens", body).await, json!({"input_tokens": 7}));
    let body = Dialect::Gemini.body("", false);
    assert_eq!(post(&provider, "/v1beta/models/text~in-9:countTokens", body).await["totalTokens"], 9);
}

#[tokio::test]
async fn models_in_three_shapes() {
    let provider = FakeProvider::start().await.unwrap();
    let openai = tidegate_testkit::client::Client::new(provider.addr()).bearer("k");
    let list = openai.get("/v1/models").await.unwrap().json();
    assert_eq!((&list["object"], &list["data"][0]["id"]), (&json!("list"), &json!("text")));
    assert_eq!(openai.get("/v1/models/any~name").await.unwrap().json()["id"], "any~name");
    assert_eq!(client(&provider).get("/v1/models").await.unwrap().json()["has_more"], false);
    for (path, header) in [("/v1beta/models", "x-api-key"), ("/v1/models", "x-goog-api-key")] {
        let gemini = tidegate_testkit::client::Client::new(provider.addr()).header(header, "k");
        assert_eq!(gemini.get(path).await.unwrap().json()["models"][0]["name"], "models/text");
    }
}

#[tokio::test]
async fn passed_through_paths() {
    let provider = FakeProvider::start().await.unwrap();
    let image = post(&provider, "/v1/images/generations", json!({"model": "m", "prompt": "x", "n": 2})).await;
    assert_eq!(image["data"].as_array().unwrap().len(), 2);
    let verdict = post(&provider, "/v1/moderations", json!({"model": "m", "input": "violence"})).await;
    assert_eq!(verdict["results"][0]["flagged"], true);
    let body = json!({"model": "m", "query": "q", "documents": ["a", "b", "c"], "top_n": 2});
    assert_eq!(post(&provider, "/v1/rerank", body).await["results"].as_array().unwrap().len(), 2);
    let form = "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper~in-3\r\n--b\r\n\
                content-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n123456\r\n--b--\r\n";
    let stream =
        client(&provider).send(Method::POST, "/v1/audio/transcriptions", Bytes::from(form)).await.unwrap();
    let answer = stream.whole().await.unwrap().json();
    assert_eq!((&answer["text"], &answer["usage"]["input_tokens"]), (&json!("You said 6 bytes."), &json!(3)));
    let refused =
        client(&provider).post("/v1/embeddings", &json!({"model": "m~status-503", "input": "a"})).await;
    assert_eq!(refused.unwrap().status, 503);
}

#[tokio::test]
async fn control_paths_tell_what_was_seen() {
    let provider = FakeProvider::start().await.unwrap();
    Dialect::Chat.plain(&provider, "text").await;
    let open = tidegate_testkit::client::Client::new(provider.addr());
    let seen = open.get("/_seen").await.unwrap().json();
    assert_eq!(seen.as_array().unwrap().len(), 1);
    assert_eq!((&seen[0]["method"], &seen[0]["path"]), (&json!("POST"), &json!("/v1/chat/completions")));
    assert_eq!(seen[0]["headers"]["authorization"], "Bearer k");
    assert_eq!(seen[0]["json"]["model"], "text");
    let stats = open.get("/_stats").await.unwrap().json();
    assert_eq!((&stats["open"], &stats["cancelled"], &stats["accepts"]), (&json!(0), &json!(0), &json!(3)));
    open.send(Method::DELETE, "/_seen", Bytes::new()).await.unwrap().whole().await.unwrap();
    assert!(provider.requests().is_empty());
}

#[tokio::test]
async fn bench_answers_are_fixed_and_not_recorded() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        let answer = dialect.plain(&provider, "bench").await;
        assert!(
            answer.body.len() == 600 || dialect == Dialect::Responses,
            "{dialect:?} {}",
            answer.body.len()
        );
        assert!(answer.json().is_object());
        let events = dialect.events(&provider, "bench~n-64").await;
        assert_eq!(dialect.streamed_text(&events).split_whitespace().count(), 64, "{dialect:?}");
        assert_eq!(dialect.streamed_usage(&events), Some((20, 64)), "{dialect:?}");
        assert!(dialect.has_end(&events));
    }
    assert!(provider.requests().is_empty());
    assert_eq!(provider.request_count(), 10);
    assert_eq!(Dialect::Chat.plain(&provider, "bench~status-500").await.status, 500);
}

#[tokio::test]
async fn the_program_says_where_it_listens() {
    use std::io::BufRead;
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_fake-provider"))
        .args(["--port", "0", "--workers", "2"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening ").unwrap().parse().unwrap();
    let open = tidegate_testkit::client::Client::new(address).bearer("k");
    let status = open.get("/v1/models").await.map(|answer| answer.status.as_u16());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(status.unwrap(), 200);
}
