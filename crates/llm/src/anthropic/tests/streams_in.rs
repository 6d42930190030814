//! Streams read.

use serde_json::{Value, json};
use tidegate_core::FaultKind;

use crate::anthropic::decode_stream::Decoder;
use crate::anthropic::usage::{Counts, of_event};
use crate::hub::{Event, PartStart, StopReason, ToolKind};
use crate::sse::SseEvent;

fn feed(decoder: &mut Decoder, events: &[Value]) -> Vec<Event> {
    let mut out = Vec::new();
    for event in events {
        let data = event.to_string();
        decoder.decode(SseEvent { name: "", data: data.as_bytes() }, &mut out).unwrap();
    }
    out
}

fn read(events: &[Value]) -> Vec<Event> {
    let mut decoder = Decoder::default();
    let mut out = feed(&mut decoder, events);
    decoder.finish(&mut out);
    out
}

fn start() -> Value {
    json!({"type": "message_start", "message": {"id": "msg_1", "model": "claude", "content": [],
        "usage": {"input_tokens": 25, "cache_read_input_tokens": 0, "output_tokens": 1}}})
}

fn open(index: u32, block: Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn delta(index: u32, delta: Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn close(index: u32) -> Value {
    json!({"type": "content_block_stop", "index": index})
}

fn stop(reason: &str, usage: Value) -> Value {
    json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null}, "usage": usage})
}

fn usages(events: &[Event]) -> Vec<(u64, u64, u64)> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Usage(usage) => Some((usage.input, usage.cache_read, usage.output)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_stream_of_every_kind_of_part() {
    let events = read(&[
        start(),
        json!({"type": "ping"}),
        open(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        delta(0, json!({"type": "thinking_delta", "thinking": "hm"})),
        delta(0, json!({"type": "signature_delta", "signature": "S=="})),
        close(0),
        open(1, json!({"type": "redacted_thinking", "data": "R"})),
        close(1),
        open(2, json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}})),
        delta(2, json!({"type": "input_json_delta", "partial_json": "{\"q\":1}"})),
        close(2),
        open(3, json!({"type": "text", "text": ""})),
        delta(3, json!({"type": "text_delta", "text": "so \"it\" is"})),
        delta(
            3,
            json!({"type": "citations_delta", "citation": {"type": "char_location", "cited_text": "c"}}),
        ),
        close(3),
        open(4, json!({"type": "tool_use", "id": "t", "name": "f", "input": {}})),
        delta(4, json!({"type": "input_json_delta", "partial_json": ""})),
        delta(4, json!({"type": "input_json_delta", "partial_json": "{\"a\":"})),
        delta(4, json!({"type": "input_json_delta", "partial_json": "1}"})),
        close(4),
        stop("tool_use", json!({"output_tokens": 15})),
        json!({"type": "message_stop"}),
    ]);
    let reasoning = |encrypted| PartStart::Reasoning { is_summary: false, encrypted, id: None };
    let tool =
        PartStart::ToolCall { id: "t".into(), name: "f".into(), signature: None, kind: ToolKind::Function };
    assert_eq!(events[0], Event::Start { id: "msg_1".into(), model: "claude".into(), created: None });
    assert_eq!(usages(&events), [(25, 0, 1), (25, 0, 15)]);
    let rest: Vec<_> =
        events[1..].iter().filter(|event| !matches!(event, Event::Usage(_) | Event::Cite { .. })).collect();
    assert_eq!(
        rest,
        [
            &Event::PartStart { index: 0, part: reasoning(None) },
            &Event::Reasoning { index: 0, text: "hm".into() },
            &Event::Signature { index: 0, signature: "S==".into() },
            &Event::PartEnd { index: 0 },
            &Event::PartStart { index: 1, part: reasoning(Some("R".into())) },
            &Event::PartEnd { index: 1 },
            &Event::PartStart { index: 2, part: PartStart::Text },
            &Event::Text { index: 2, text: "so \"it\" is".into() },
            &Event::PartEnd { index: 2 },
            &Event::PartStart { index: 3, part: tool },
            &Event::Arguments { index: 3, json: "{\"a\":".into() },
            &Event::Arguments { index: 3, json: "1}".into() },
            &Event::PartEnd { index: 3 },
            &Event::Finish(StopReason::ToolCalls),
            &Event::End,
        ]
    );
    assert!(
        matches!(&events[10], Event::Cite { index: 2, citation } if citation.quote.as_deref() == Some("c")),
        "{events:?}"
    );
}

#[test]
fn case_02_04_usage_is_cumulative_and_caches_may_come_late() {
    let events = read(&[
        start(),
        stop("end_turn", json!({"input_tokens": 25, "cache_read_input_tokens": 100, "output_tokens": 7})),
        json!({"type": "message_delta", "delta": {}, "usage": {"input_tokens": 0, "output_tokens": 9}}),
        json!({"type": "message_stop"}),
    ]);
    assert_eq!(usages(&events), [(25, 0, 1), (125, 100, 7), (125, 100, 9)]);
    let mut counts = Counts::default();
    assert!(of_event(start().to_string().as_bytes(), &mut counts));
    assert!(!of_event(br#"{"type":"ping"}"#, &mut counts));
    assert!(of_event(stop("end_turn", json!({"output_tokens": 7})).to_string().as_bytes(), &mut counts));
    assert_eq!((counts.usage().input, counts.usage().output), (25, 7));
}

#[test]
fn case_17_the_end_is_the_mark_or_a_stop_reason() {
    let cut = read(&[start(), open(0, json!({"type": "text", "text": "half"}))]);
    assert!(!cut.contains(&Event::End) && !cut.iter().any(|event| matches!(event, Event::Finish(_))));
    let unmarked = read(&[start(), stop("end_turn", json!({"output_tokens": 7}))]);
    assert_eq!(unmarked.last(), Some(&Event::End));
    let beating = read(&[
        start(),
        stop("end_turn", json!({})),
        json!({"type": "message_stop"}),
        json!({"type": "ping"}),
        stop("end_turn", json!({"output_tokens": 9})),
    ]);
    assert_eq!(beating.iter().filter(|event| **event == Event::End).count(), 1);
    assert_eq!(beating.last(), Some(&Event::End));
}

#[test]
fn fault_39_a_cut_stream_has_no_end() {
    let events = read(&[
        start(),
        open(0, json!({"type": "text", "text": ""})),
        delta(0, json!({"type": "text_delta", "text": "ha"})),
        close(0),
    ]);
    assert!(!events.contains(&Event::End));
}

#[test]
fn case_19_a_call_whose_arguments_came_with_its_start() {
    let events = read(&[
        start(),
        open(0, json!({"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}})),
        close(0),
    ]);
    assert_eq!(
        events[3..],
        [Event::Arguments { index: 0, json: "{\"a\":1}".into() }, Event::PartEnd { index: 0 }]
    );
}

#[test]
fn case_21_blocks_may_be_open_side_by_side() {
    let events = read(&[
        start(),
        open(1, json!({"type": "tool_use", "id": "a", "name": "f", "input": {}})),
        open(2, json!({"type": "tool_use", "id": "b", "name": "f", "input": {}})),
        delta(2, json!({"type": "input_json_delta", "partial_json": "2"})),
        delta(1, json!({"type": "input_json_delta", "partial_json": "1"})),
        close(1),
        close(2),
    ]);
    assert_eq!(
        events[4..],
        [
            Event::Arguments { index: 1, json: "2".into() },
            Event::Arguments { index: 0, json: "1".into() },
            Event::PartEnd { index: 0 },
            Event::PartEnd { index: 1 },
        ]
    );
}

#[test]
fn case_25_unknown_events_and_deltas_mean_nothing() {
    let events = read(&[
        json!({"type": "of_tomorrow", "x": 1}),
        start(),
        start(),
        open(0, json!({"type": "text", "text": ""})),
        delta(0, json!({"type": "glow_delta"})),
        close(0),
    ]);
    assert_eq!(events.len(), 4, "{events:?}");
}

#[test]
fn case_26_fault_40_a_malformed_event_changes_nothing() {
    let mut decoder = Decoder::default();
    let mut out = feed(&mut decoder, &[start(), open(0, json!({"type": "text", "text": ""}))]);
    let before = out.len();
    for bad in [
        "{\"type\":\"content_block_delta\"",
        "{\"type\":\"content_block_delta\",\"index\":-1}",
        "{\"type\":\"content_block_start\",\"index\":9}",
        "[]",
        "{\"type\":\"content_block_delta\",\"index\":7,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"x\"}}",
    ] {
        decoder.decode(SseEvent { name: "", data: bad.as_bytes() }, &mut out).unwrap_err();
    }
    assert_eq!(out.len(), before);
    let good = delta(0, json!({"type": "text_delta", "text": "on"}));
    assert_eq!(feed(&mut decoder, &[good]), [Event::Text { index: 0, text: "on".into() }]);
}

#[test]
fn case_13_errors_in_the_stream_end_it() {
    let cases = [
        ("overloaded_error", FaultKind::Overloaded, 529),
        ("rate_limit_error", FaultKind::RateLimited, 429),
        ("api_error", FaultKind::Upstream, 500),
        ("timeout_error", FaultKind::Timeout, 504),
        ("of_tomorrow", FaultKind::Upstream, 500),
    ];
    for (word, kind, status) in cases {
        let events = read(&[
            start(),
            json!({"type": "error", "error": {"type": word, "message": "m"}}),
            json!({"type": "message_stop"}),
        ]);
        let Some(Event::Error(fault)) = events.last() else { panic!("{events:?}") };
        assert_eq!((fault.kind, fault.status, fault.message.as_str()), (kind, status, "m"));
    }
    let odd = read(&[json!({"error": {"message": "quota", "type": "insufficient_quota"}})]);
    assert!(matches!(&odd[..], [Event::Error(fault)] if fault.message == "quota"));
    let plain = read(&[json!({"type": "error", "message": "quota"})]);
    assert!(matches!(&plain[..], [Event::Error(fault)] if fault.message == "quota"));
}
