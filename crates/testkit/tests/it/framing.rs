//! How the bytes of a stream are written.

use std::io::Read;
use std::time::Duration;

use tidegate_testkit::{FakeProvider, WIDE, raw, sse};

use crate::dialects::{Dialect, FIVE, client, raw_request};

#[tokio::test]
async fn other_line_ends_and_fields() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        let good = dialect.events(&provider, "text").await;
        for manner in ["crlf", "cr", "multidata"] {
            let model = format!("text~{manner}");
            let answer = dialect.open(&provider, &model).await.whole().await.unwrap();
            let events = answer.events();
            assert_eq!(events.len(), good.len(), "{dialect:?} {manner}");
            assert_eq!(dialect.streamed_text(&events), "You said: hi", "{dialect:?} {manner}");
            let text = answer.text();
            match manner {
                "crlf" => {
                    assert!(text.contains("\r\ndata:{") && text.starts_with(": comment 0\r\nid: 0\r\nretry:"))
                }
                "cr" => assert!(!text.contains('\n')),
                _ => assert!(text.contains("data: {\ndata:   \"")),
            }
        }
    }
}

#[tokio::test]
async fn one_write_per_byte() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        let mut stream = dialect.open(&provider, "text~split").await;
        let mut all = Vec::new();
        while let Some(bytes) = stream.chunk().await.unwrap() {
            assert_eq!(bytes.len(), 1);
            all.extend_from_slice(&bytes);
        }
        assert_eq!(dialect.streamed_text(&sse::read_all(&all)), format!("You said: hi{WIDE}"), "{dialect:?}");
    }
    let plain = Dialect::Chat.plain(&provider, "text~split").await;
    assert_eq!(Dialect::Chat.text_of(&plain.json()), format!("You said: hi{WIDE}"));
}

#[tokio::test]
async fn trickle_and_pace_take_their_time() {
    let provider = FakeProvider::start().await.unwrap();
    let mut stream = Dialect::Chat.open(&provider, "text~pace-30").await;
    let (_, first) = stream.event().await.unwrap().unwrap();
    let (_, second) = stream.event().await.unwrap().unwrap();
    assert!(second - first >= Duration::from_millis(20), "{:?}", second - first);
    let mut stream = Dialect::Chat.open(&provider, "text~trickle-5").await;
    let start = std::time::Instant::now();
    for _ in 0..10 {
        assert_eq!(stream.chunk().await.unwrap().unwrap().len(), 1);
    }
    assert!(start.elapsed() >= Duration::from_millis(30));
    let mut stream = Dialect::Chat.open(&provider, "text~delay-50~firstdelay-50").await;
    let (_, first) = stream.event().await.unwrap().unwrap();
    assert!(first - stream.sent_at >= Duration::from_millis(100));
}

fn unpacked(encoding: &str, bytes: &[u8]) -> String {
    let mut text = String::new();
    match encoding {
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_string(&mut text).unwrap(),
        _ => brotli::Decompressor::new(bytes, 4096).read_to_string(&mut text).unwrap(),
    };
    text
}

#[tokio::test]
async fn compressed_answers() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        for encoding in ["gzip", "br"] {
            let model = format!("text~{encoding}");
            let answer = dialect.open(&provider, &model).await.whole().await.unwrap();
            assert_eq!(answer.header("content-encoding"), Some(encoding));
            let events = sse::read_all(unpacked(encoding, &answer.body).as_bytes());
            assert_eq!(dialect.streamed_text(&events), "You said: hi", "{dialect:?} {encoding}");
            let answer = dialect.plain(&provider, &model).await;
            let value = serde_json::from_str(&unpacked(encoding, &answer.body)).unwrap();
            assert_eq!(dialect.text_of(&value), "You said: hi", "{dialect:?} {encoding}");
        }
    }
}

#[tokio::test]
async fn heartbeats() {
    let provider = FakeProvider::start().await.unwrap();
    let text = Dialect::Chat.open(&provider, "text~heartbeat").await.whole().await.unwrap().text();
    let after_finish = &text[text.find("\"stop\"").unwrap()..];
    assert_eq!(after_finish.matches(": keep-alive").count(), 5);
    assert!(text.ends_with("data: [DONE]\n\n"));
    for model in ["text~heartbeat~nodone", "text~heartbeat~stallafter-2"] {
        let mut stream = Dialect::Chat.open(&provider, model).await;
        let mut text = String::new();
        while text.matches("keep-alive").count() < 8 {
            text.push_str(&String::from_utf8_lossy(&stream.chunk().await.unwrap().unwrap()));
        }
    }
}

#[tokio::test]
async fn finish_and_usage_in_one_event() {
    let provider = FakeProvider::start().await.unwrap();
    let events = Dialect::Chat.events(&provider, "text~joined").await;
    let joined = events.iter().find(|event| event.data.contains('\n')).unwrap();
    let values: Vec<serde_json::Value> =
        joined.data.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(values[0]["choices"][0]["finish_reason"], "stop");
    assert!(values[1]["usage"].is_object());
}

#[tokio::test]
async fn geminis_array() {
    let provider = FakeProvider::start().await.unwrap();
    let body = Dialect::Gemini.body("text", true);
    let answer =
        client(&provider).post("/v1beta/models/text:streamGenerateContent", &body).await.unwrap().json();
    let text: String =
        answer.as_array().unwrap().iter().map(|chunk| Dialect::Gemini.text_of(chunk)).collect();
    assert_eq!(text, "You said: hi");
}

#[tokio::test]
async fn lengths_that_lie() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FIVE {
        let path = dialect.path("text~truncated", false);
        let plain = client(&provider).post(&path, &dialect.body("text~truncated", false)).await;
        assert!(plain.is_err(), "{dialect:?}");
        let (_, ended) = dialect.open(&provider, "text~truncated").await.events().await;
        assert!(!ended, "{dialect:?}");
    }
}

#[tokio::test]
async fn heads_that_burden() {
    let provider = FakeProvider::start().await.unwrap();
    let answer = Dialect::Chat.plain(&provider, "text~bigheaders-300").await;
    assert_eq!(answer.headers.iter().filter(|(_, value)| value.len() == 1024).count(), 300);
    let answer = Dialect::Chat.plain(&provider, "text~hop").await;
    assert_eq!(answer.header("connection"), Some("x-hop"));
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    let answer = Dialect::Chat.plain(&provider, "text~wrongtype").await;
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    let request = raw_request("text~flood1xx-50~closeafter");
    let answer = String::from_utf8(raw::exchange(provider.addr(), request.as_bytes()).await).unwrap();
    assert_eq!(answer.matches("HTTP/1.1 103 Early Hints\r\n").count(), 50);
    assert!(answer.contains("HTTP/1.1 200 OK\r\n") && answer.ends_with('}'));
}

#[tokio::test]
async fn a_connection_closed_in_silence() {
    let provider = FakeProvider::start().await.unwrap();
    let request = raw_request("text~closeafter");
    let answer = String::from_utf8(raw::exchange(provider.addr(), request.as_bytes()).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("You said: hi"));
    assert!(!answer.contains("connection: close"));
}
