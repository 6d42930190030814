//! Streams for Gemini callers, written.

use super::super::decode_stream::Decoder;
use super::*;
use crate::fault::UpstreamFault;
use crate::sse::{SseDecoder, SseEvent};
use serde_json::json;
use tidegate_core::FaultKind;

fn call(index: u32, id: &str) -> Event {
    let kind = ToolKind::Function;
    let part = PartStart::ToolCall { id: id.into(), name: "look".into(), signature: None, kind };
    Event::PartStart { index, part }
}

fn args(index: u32, json: &str) -> Event {
    Event::Arguments { index, json: json.into() }
}

fn text(index: u32, text: &str) -> Event {
    Event::Text { index, text: text.into() }
}

fn start() -> Event {
    Event::Start { id: "r".into(), model: "gemini".into(), created: None }
}

const TEXT: Event = Event::PartStart { index: 0, part: PartStart::Text };

fn thought(index: u32) -> Event {
    let part = PartStart::Reasoning { is_summary: false, encrypted: None, id: None };
    Event::PartStart { index, part }
}

fn write(mut encoder: Encoder, events: &[Event]) -> String {
    let mut out = Vec::new();
    for event in events {
        encoder.encode(event, &mut out);
    }
    String::from_utf8(out).unwrap()
}

fn reply() -> Reply {
    Reply { id: "x1".into(), model: "m".into(), ..Reply::default() }
}

fn sse_chunks(text: &str) -> Vec<Value> {
    let mut chunks = Vec::new();
    let mut decoder = SseDecoder::default();
    let mut keep = |event: SseEvent<'_>| chunks.push(serde_json::from_slice(event.data).unwrap());
    decoder.feed(text.as_bytes(), &mut keep).unwrap();
    chunks
}

#[test]
fn a_text_is_written_as_it_comes_and_the_last_chunk_tells_the_end() {
    let text = write(
        Encoder::new(reply()),
        &[
            start(),
            Event::Usage(Usage { input: 3, ..Usage::default() }),
            TEXT,
            text(0, "Hi"),
            Event::PartEnd { index: 0 },
            Event::Finish(StopReason::Length),
            Event::Usage(Usage { input: 3, output: 2, ..Usage::default() }),
            Event::End,
        ],
    );
    let expected = concat!(
        r#"data: {"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"index":0}],"#,
        r#""modelVersion":"gemini","responseId":"r"}"#,
        "\n\n",
        r#"data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"#,
        r#""finishReason":"MAX_TOKENS","index":0}],"#,
        r#""usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5},"#,
        r#""modelVersion":"gemini","responseId":"r"}"#,
        "\n\n",
    );
    assert_eq!(text, expected);
}

#[test]
fn case_21_interleaved_calls_are_told_whole() {
    let text = write(
        Encoder::new(reply()),
        &[
            call(0, "a"),
            call(1, "b"),
            args(0, "{\"x\":"),
            args(1, "{\"y\":"),
            args(0, " 1.50}"),
            args(1, "2}"),
            Event::PartEnd { index: 1 },
            Event::PartEnd { index: 0 },
            Event::Finish(StopReason::ToolCalls),
            Event::End,
        ],
    );
    assert!(text.contains(r#"{"functionCall":{"id":"b","name":"look","args":{"y":2}}}"#), "{text}");
    assert!(text.contains(r#"{"functionCall":{"id":"a","name":"look","args":{"x": 1.50}}}"#), "{text}");
    let chunks = sse_chunks(&text);
    assert_eq!(chunks.len(), 3);
    assert_eq!(chunks[2]["candidates"][0]["finishReason"], "STOP");
    assert_eq!(chunks[2]["responseId"], "x1");
}

#[test]
fn case_19_a_call_without_arguments_gives_an_empty_object() {
    let text = write(Encoder::new(reply()), &[call(0, "a"), Event::PartEnd { index: 0 }]);
    assert!(text.contains(r#""args":{}"#));
}

#[test]
fn case_49_broken_arguments_do_not_break_the_stream() {
    let written =
        |json| write(Encoder::new(reply()), &[call(0, "a"), args(0, json), Event::PartEnd { index: 0 }]);
    for broken in ["{\"a\":\n", "[1,\n2]", "nonsense"] {
        let chunks = sse_chunks(&written(broken));
        let args = &chunks[0]["candidates"][0]["content"]["parts"][0]["functionCall"]["args"];
        assert_eq!(*args, json!({ "_raw_arguments": broken.trim() }));
    }
    assert!(written("{\n \"a\": 1}").contains(r#""args":{"a":1}"#));
}

#[test]
fn an_error_is_the_last_thing_written() {
    let fault = UpstreamFault::new(FaultKind::Overloaded, "busy");
    let events = [start(), Event::Error(fault), Event::Finish(StopReason::Stop), Event::End];
    let text = write(Encoder::new(reply()), &events);
    assert_eq!(text, "data: {\"error\":{\"code\":503,\"message\":\"busy\",\"status\":\"UNAVAILABLE\"}}\n\n");
    let array = write(Encoder::as_array(reply()), &events);
    assert_eq!(serde_json::from_str::<Value>(&array).unwrap()[0]["error"]["code"], 503);
}

#[test]
fn without_sse_the_stream_is_one_array() {
    let end = [Event::PartEnd { index: 0 }, Event::Finish(StopReason::Stop), Event::End];
    let events = [vec![start(), TEXT, text(0, "a"), text(0, "b")], end.to_vec()].concat();
    let written = write(Encoder::as_array(reply()), &events);
    assert!(written.starts_with("[{\"candidates\"") && written.contains("},\n{\"candidates\""));
    let chunks: Vec<Value> = serde_json::from_str(&written).unwrap();
    assert_eq!(chunks.len(), 3);
    let cut = write(Encoder::as_array(reply()), &events[..3]);
    assert!(serde_json::from_str::<Value>(&cut).is_err(), "a cut stream must not look whole");
}

#[test]
fn case_55_seals_of_other_providers_are_not_shown() {
    let signature = Event::Signature { index: 0, signature: "AAA=".into() };
    let events = [thought(0), signature, Event::PartEnd { index: 0 }];
    let from = |origin| write(Encoder::new(Reply { origin, ..reply() }), &events);
    assert_eq!(from(Some(Dialect::Anthropic)), "");
    assert!(from(Some(Dialect::Gemini)).contains(r#"{"text":"","thoughtSignature":"AAA="}"#));
}

#[test]
fn what_is_written_is_read_again() {
    let events = vec![
        start(),
        thought(0),
        Event::Reasoning { index: 0, text: "hm".into() },
        Event::Signature { index: 0, signature: "AAA=".into() },
        Event::PartEnd { index: 0 },
        Event::PartStart { index: 1, part: PartStart::Text },
        text(1, "yes 🌊"),
        Event::PartEnd { index: 1 },
        call(2, "c"),
        args(2, r#"{"a":1}"#),
        Event::PartEnd { index: 2 },
        Event::Usage(Usage { input: 1, output: 2, ..Usage::default() }),
        Event::Finish(StopReason::ToolCalls),
        Event::End,
    ];
    let written = write(Encoder::new(reply()), &events);
    let mut decoder = Decoder::default();
    let mut read = Vec::new();
    for chunk in sse_chunks(&written) {
        let data = chunk.to_string();
        decoder.decode(SseEvent { name: "", data: data.as_bytes() }, &mut read).unwrap();
    }
    decoder.finish(&mut read);
    assert_eq!(read, events);
}
