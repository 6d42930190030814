//! Streams written.

use serde_json::{Value, json};
use tidegate_core::{FaultKind, NanoUsd};

use crate::Dialect;
use crate::anthropic::encode_stream::Encoder;
use crate::codec::Reply;
use crate::fault::UpstreamFault;
use crate::hub::{Citation, Event, PartStart, StopReason, ToolKind};
use crate::usage::Usage;

fn write(events: &[Event]) -> Vec<Value> {
    let mut encoder = Encoder::new(Reply { id: "x1".into(), model: "claude".into(), ..Reply::default() });
    let mut out = Vec::new();
    for event in events {
        encoder.encode(event, &mut out);
    }
    let text = String::from_utf8(out).unwrap();
    let frames = text.split_terminator("\n\n").map(|frame| {
        let (name, data) = frame.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name.strip_prefix("event: ").unwrap(), data["type"]);
        data
    });
    frames.collect()
}

fn start() -> Event {
    Event::Start { id: "chatcmpl-1".into(), model: "gpt".into(), created: None }
}

fn tool(index: u32, id: &str) -> Event {
    let part =
        PartStart::ToolCall { id: id.into(), name: "f".into(), signature: None, kind: ToolKind::Function };
    Event::PartStart { index, part }
}

fn kinds(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect()
}

#[test]
fn a_text_from_beginning_to_end() {
    let frames = write(&[
        start(),
        Event::PartStart { index: 0, part: PartStart::Text },
        Event::Text { index: 0, text: "hé\n".into() },
        Event::Cite {
            index: 0,
            citation: Citation {
                dialect: Some(Dialect::Anthropic),
                raw: json!({"type": "x"}),
                ..Citation::default()
            },
        },
        Event::PartEnd { index: 0 },
        Event::Finish(StopReason::StopSequence(Some("END".into()))),
        Event::Usage(Usage {
            input: 110,
            cache_read: 100,
            output: 5,
            reasoning: 2,
            cost: Some(NanoUsd(2_000_000)),
            ..Usage::default()
        }),
        Event::End,
    ]);
    assert_eq!(
        frames,
        [
            json!({"type": "message_start", "message": {"id": "msg_chatcmpl-1", "type": "message", "role": "assistant",
            "model": "gpt", "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                "output_tokens": 0}}}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hé\n"}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta", "citation": {"type": "x"}}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END"},
            "usage": {"input_tokens": 10, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 100,
                "output_tokens": 5, "output_tokens_details": {"thinking_tokens": 2}, "cost": 0.002}}),
            json!({"type": "message_stop"}),
        ]
    );
}

#[test]
fn case_03_usage_that_is_known_stands_in_message_start() {
    let usage = Event::Usage(Usage { input: 7, output: 1, ..Usage::default() });
    let frames = write(&[start(), usage]);
    assert_eq!(frames[0]["message"]["usage"]["input_tokens"], 7);
    assert_eq!(frames.len(), 1);
}

#[test]
fn case_08_usage_before_the_finish_is_told_at_the_end() {
    let frames = write(&[
        start(),
        Event::Usage(Usage { input: 7, cache_write: 4, cache_write_1h: 1, output: 9, ..Usage::default() }),
        Event::Finish(StopReason::Length),
        Event::End,
    ]);
    assert_eq!(kinds(&frames), ["message_start", "message_delta", "message_stop"]);
    assert_eq!(frames[1]["delta"]["stop_reason"], "max_tokens");
    assert_eq!(
        frames[1]["usage"]["cache_creation"],
        json!({"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 1})
    );
    assert_eq!(frames[1]["usage"]["output_tokens"], 9);
}

#[test]
fn case_19_21_calls_side_by_side_and_without_arguments() {
    let frames = write(&[
        start(),
        Event::PartStart { index: 0, part: PartStart::Text },
        tool(1, "a"),
        tool(2, "b"),
        Event::Arguments { index: 2, json: "{}".into() },
        Event::Text { index: 0, text: "hm".into() },
        Event::PartEnd { index: 1 },
        Event::Finish(StopReason::ToolCalls),
        Event::End,
    ]);
    assert_eq!(
        kinds(&frames),
        [
            "message_start",
            "content_block_start",
            "content_block_start",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "content_block_stop",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    assert_eq!(frames[2]["content_block"], json!({"type": "tool_use", "id": "a", "name": "f", "input": {}}));
    assert_eq!(
        frames[6],
        json!({"type": "content_block_delta", "index": 1,
        "delta": {"type": "input_json_delta", "partial_json": "{}"}})
    );
    let closed: Vec<_> = frames[7..10].iter().map(|frame| frame["index"].as_u64().unwrap()).collect();
    assert_eq!(closed, [1, 0, 2]);
}

#[test]
fn case_31_54_56_thoughts_keep_their_place() {
    let reasoning = |encrypted: Option<&str>, id: Option<&str>| PartStart::Reasoning {
        is_summary: false,
        encrypted: encrypted.map(Into::into),
        id: id.map(Into::into),
    };
    let frames = write(&[
        start(),
        Event::PartStart { index: 0, part: reasoning(None, None) },
        Event::Reasoning { index: 0, text: "hm".into() },
        Event::Signature { index: 0, signature: "S".into() },
        Event::PartEnd { index: 0 },
        Event::PartStart { index: 1, part: reasoning(Some("R"), None) },
        Event::PartEnd { index: 1 },
        Event::PartStart { index: 2, part: reasoning(Some("E"), Some("rs_1")) },
        Event::PartEnd { index: 2 },
        Event::PartStart { index: 3, part: PartStart::Text },
    ]);
    assert_eq!(frames[1]["content_block"], json!({"type": "thinking", "thinking": "", "signature": ""}));
    assert_eq!(frames[3]["delta"], json!({"type": "signature_delta", "signature": "S"}));
    assert_eq!(frames[5]["content_block"], json!({"type": "redacted_thinking", "data": "R"}));
    assert_eq!(frames[7]["index"], 2, "another vendor's encrypted thoughts take no index");
    assert_eq!(frames.len(), 8);
}

#[test]
fn case_28_an_error_is_the_last_word() {
    let error = Event::Error(UpstreamFault::new(FaultKind::Overloaded, "busy"));
    let early = write(&[start(), error.clone(), Event::End]);
    assert_eq!(
        early,
        [json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"},
        "request_id": "x1"})],
        "no message_start before an early error"
    );
    let late = write(&[
        start(),
        Event::PartStart { index: 0, part: PartStart::Text },
        error,
        Event::Finish(StopReason::Stop),
        Event::End,
    ]);
    assert_eq!(kinds(&late), ["message_start", "content_block_start", "error"]);
}

#[test]
fn refusals_and_custom_tools() {
    let custom =
        PartStart::ToolCall { id: "a".into(), name: "f".into(), signature: None, kind: ToolKind::Custom };
    let frames = write(&[
        start(),
        Event::PartStart { index: 0, part: PartStart::Refusal },
        Event::Text { index: 0, text: "no".into() },
        Event::PartEnd { index: 0 },
        Event::PartStart { index: 1, part: custom },
        Event::Arguments { index: 1, json: "say \"x\"\n".into() },
        Event::PartEnd { index: 1 },
        Event::Finish(StopReason::Stop),
        Event::End,
    ]);
    let json: String = frames.iter().filter_map(|frame| frame["delta"]["partial_json"].as_str()).collect();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), json!({"input": "say \"x\"\n"}));
    assert_eq!(frames[frames.len() - 2]["delta"]["stop_reason"], "refusal");
}

#[test]
fn case_55_thoughts_that_are_only_another_vendors_seal_give_no_block() {
    let reply = Reply { origin: Some(Dialect::Gemini), ..Reply::default() };
    let mut encoder = Encoder::new(reply);
    let part = PartStart::Reasoning { is_summary: false, encrypted: None, id: None };
    let mut out = Vec::new();
    for event in [
        start(),
        Event::PartStart { index: 0, part },
        Event::Signature { index: 0, signature: "s".into() },
        Event::PartEnd { index: 0 },
        Event::PartStart { index: 1, part: PartStart::Text },
        Event::Text { index: 1, text: "so".into() },
    ] {
        encoder.encode(&event, &mut out);
    }
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains("thinking"), "{text}");
    assert!(text.contains(r#""index":0,"content_block":{"type":"text""#), "{text}");
}
