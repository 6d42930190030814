//! Reads answers of every dialect as a client does, and checks what must hold for each of them.

use serde_json::Value;
use tidegate_testkit::client::Answer;
use tidegate_testkit::sse::Event;

/// Caller's surface and provider: each dialect to itself, and each to and from another.
pub const WAYS: [(&str, &str); 8] = [
    ("chat", "chat"),
    ("anthropic", "anthropic"),
    ("responses", "responses"),
    ("gemini", "gemini"),
    ("chat", "anthropic"),
    ("anthropic", "gemini"),
    ("responses", "chat"),
    ("gemini", "responses"),
];

/// How a stream ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// As its dialect ends a good stream.
    Whole,
    /// With an error event in its dialect, and nothing behind it.
    Error(Value),
    /// With neither.
    Nothing,
}

/// How the events of a stream end.
pub fn ending(events: &[Event]) -> Ending {
    let Some(last) = events.last() else { return Ending::Nothing };
    let json = last.json();
    match json["type"].as_str() {
        _ if last.data == "[DONE]" => Ending::Whole,
        Some("message_stop" | "response.completed" | "response.incomplete") => Ending::Whole,
        Some("response.failed") => Ending::Error(json["response"]["error"].clone()),
        Some("error") if json["error"].is_null() => Ending::Error(json),
        _ if !json["error"].is_null() => Ending::Error(json["error"].clone()),
        _ if json.pointer("/candidates/0/finishReason").is_some() => Ending::Whole,
        _ => Ending::Nothing,
    }
}

/// The text that events or a whole body say, in any dialect.
pub fn said(answer: &Answer) -> String {
    match answer.header("content-type") {
        Some(kind) if kind.contains("event-stream") => said_in(&answer.events()),
        _ => said_whole(&answer.json()),
    }
}

/// The text that events say.
pub fn said_in(events: &[Event]) -> String {
    let texts = events.iter().filter(|event| event.data != "[DONE]").map(|event| {
        let json = event.json();
        match json["type"].as_str() {
            Some("response.output_text.delta") => json["delta"].as_str().unwrap_or_default().to_owned(),
            Some("content_block_delta") => json["delta"]["text"].as_str().unwrap_or_default().to_owned(),
            Some(_) => String::new(),
            None => json
                .pointer("/choices/0/delta/content")
                .and_then(Value::as_str)
                .map_or_else(|| said_whole(&json), str::to_owned),
        }
    });
    texts.collect()
}

fn said_whole(json: &Value) -> String {
    let list = |path: &str| json.pointer(path).and_then(Value::as_array).cloned().unwrap_or_default();
    if let Some(text) = json.pointer("/choices/0/message/content").and_then(Value::as_str) {
        return text.to_owned();
    }
    let output =
        list("/output").into_iter().flat_map(|item| item["content"].as_array().cloned().unwrap_or_default());
    let parts = list("/content").into_iter().chain(list("/candidates/0/content/parts")).chain(output);
    parts
        .filter(|part| part["thought"] != true)
        .filter_map(|part| part["text"].as_str().map(str::to_owned))
        .collect()
}

/// What holds for every answer: an id, no key in it, and errors in the caller's dialect that the id can be found in.
pub fn check_sound(surface: &str, answer: &Answer) {
    let text = answer.text();
    let head = format!("{:?}", answer.headers);
    assert!(!text.contains("canary") && !head.contains("canary"), "a key was told: {head}\n{text}");
    let id = answer.header("x-request-id").unwrap_or_else(|| panic!("no request id: {head}\n{text}"));
    if answer.status.as_u16() < 400 {
        return;
    }
    assert!(
        answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json")),
        "{head}\n{text}"
    );
    let json = answer.json();
    let error = &json["error"];
    assert!(error["message"].as_str().is_some_and(|words| !words.is_empty()), "{text}");
    match surface {
        "anthropic" => {
            assert_eq!((&json["type"], json["request_id"].as_str()), (&"error".into(), Some(id)), "{text}");
            assert!(error["type"].is_string(), "{text}");
        }
        "gemini" => {
            assert_eq!(error["code"].as_u64(), Some(u64::from(answer.status.as_u16())), "{text}");
            assert!(error["status"].is_string(), "{text}");
        }
        _ => assert!(error["type"].is_string() && error["code"].is_string(), "{text}"),
    }
}
