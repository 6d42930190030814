//! Streams of Gemini, read.

use super::*;
use crate::gemini::arbitrary;
use proptest::prelude::*;
use serde_json::json;
use tidegate_core::FaultKind;

fn run(chunks: &[Value]) -> Vec<Event> {
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    for chunk in chunks {
        let data = chunk.to_string();
        decoder.decode(SseEvent { name: "", data: data.as_bytes() }, &mut out).unwrap();
    }
    decoder.finish(&mut out);
    out
}

fn parts(parts: Value) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}], "responseId": "r",
        "modelVersion": "gemini-3-flash-preview"})
}

fn ended(reason: &str) -> Value {
    json!({"candidates": [{"content": {"parts": [{"text": ""}]}, "finishReason": reason}]})
}

#[test]
fn case_16_a_finished_stream_needs_no_end_mark() {
    let events = run(&[parts(json!([{"text": "Hel"}])), parts(json!([{"text": "lo"}])), ended("STOP")]);
    let expected = vec![
        Event::Start { id: "r".into(), model: "gemini-3-flash-preview".into(), created: None },
        Event::PartStart { index: 0, part: PartStart::Text },
        Event::Text { index: 0, text: "Hel".into() },
        Event::Text { index: 0, text: "lo".into() },
        Event::PartEnd { index: 0 },
        Event::Finish(StopReason::Stop),
        Event::End,
    ];
    assert_eq!(events, expected);
}

#[test]
fn case_14_a_malformed_call_is_an_error_and_the_last_word() {
    let events = run(&[parts(json!([{"text": "Hel"}])), ended("MALFORMED_FUNCTION_CALL"), ended("STOP")]);
    let Some(Event::Error(fault)) = events.last() else { panic!("{events:?}") };
    assert_eq!(fault.code.as_deref(), Some("MALFORMED_FUNCTION_CALL"));
}

#[test]
fn fault_39_a_cut_stream_has_no_end() {
    let events = run(&[parts(json!([{"text": "Hel"}]))]);
    assert_eq!(events.last(), Some(&Event::Text { index: 0, text: "Hel".into() }));
}

#[test]
fn case_22_stop_after_a_call_in_an_earlier_chunk_is_tool_calls() {
    let events = run(&[parts(json!([{"functionCall": {"name": "f", "args": {"a": [1]}}}])), ended("STOP")]);
    assert!(events.contains(&Event::Arguments { index: 0, json: r#"{"a":[1]}"#.into() }));
    assert!(events.contains(&Event::Finish(StopReason::ToolCalls)));
}

#[test]
fn case_20_parts_are_counted_and_ids_made_up_by_position() {
    let events = run(&[
        parts(json!([{"text": "a", "thought": true}, {"text": "b"}, {"functionCall": {"name": "f"}}])),
        parts(json!([{"functionCall": {"name": "g", "id": "own"}, "thoughtSignature": "S"}])),
        ended("STOP"),
    ]);
    let starts = events.iter().filter_map(|event| match event {
        Event::PartStart { index, part: PartStart::ToolCall { id, signature, .. } } => {
            Some((*index, id.as_str(), signature.as_deref()))
        }
        _ => None,
    });
    assert_eq!(starts.collect::<Vec<_>>(), [(2, "call_r_0", None), (3, "own", Some("S"))]);
    assert!(events.contains(&Event::Arguments { index: 2, json: "{}".into() }));
}

#[test]
fn case_33_a_seal_in_an_empty_last_text_is_kept() {
    let seal = json!([{"text": "", "thoughtSignature": "S="}]);
    let events = run(&[parts(json!([{"text": "a"}])), parts(seal), ended("STOP")]);
    assert_eq!(events[3], Event::PartEnd { index: 0 });
    assert_eq!(events[5], Event::Signature { index: 1, signature: "S=".into() });
    assert_eq!(events[6], Event::PartEnd { index: 1 });
}

#[test]
fn case_06_usage_is_cumulative() {
    let report = |output: u64| {
        let usage = json!({"promptTokenCount": 5, "candidatesTokenCount": output});
        json!({"candidates": [], "usageMetadata": usage})
    };
    let events = run(&[report(1), report(4), ended("MAX_TOKENS")]);
    let mut total = crate::usage::Usage::default();
    for event in &events {
        if let Event::Usage(usage) = event {
            total.replace_with(usage);
        }
    }
    assert_eq!((total.input, total.output), (5, 4));
    assert!(events.contains(&Event::Finish(StopReason::Length)));
}

#[test]
fn case_29_errors_in_the_stream_end_it() {
    let error = json!({"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}});
    for shape in [error.clone(), json!([error])] {
        let events = run(&[parts(json!([{"text": "a"}])), shape, ended("STOP")]);
        let Some(Event::Error(fault)) = events.last() else { panic!("{events:?}") };
        assert_eq!((fault.kind, fault.status), (FaultKind::RateLimited, 429));
    }
}

#[test]
fn case_26_a_malformed_event_changes_nothing() {
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    for broken in [&b"{\"candidates\": ["[..], b"{\"candidates\": 3}", b"\xff"] {
        assert!(decoder.decode(SseEvent { name: "", data: broken }, &mut out).is_err());
    }
    assert!(out.is_empty());
    let last = ended("STOP").to_string();
    decoder.decode(SseEvent { name: "", data: last.as_bytes() }, &mut out).unwrap();
    decoder.finish(&mut out);
    assert_eq!(out.last(), Some(&Event::End));
}

#[test]
fn fault_42_reasons_in_every_chunk_finish_once() {
    let chunk = |text: &str| {
        let content = json!({"parts": [{"text": text}]});
        json!({"candidates": [{"content": content, "finishReason": "STOP"}]})
    };
    let events = run(&[chunk("a"), chunk("b")]);
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Finish(_))).count(), 1);
    assert!(events.contains(&Event::Text { index: 0, text: "b".into() }));
}

#[test]
fn fault_43_broken_usage_costs_nothing_else() {
    let events = run(&[json!({"usageMetadata": ["x"], "candidates": [{"finishReason": "STOP"}]})]);
    assert_eq!(events.last(), Some(&Event::End));
}

#[test]
fn a_blocked_prompt_ends_as_a_content_filter() {
    let events = run(&[json!({"promptFeedback": {"blockReason": "SAFETY"}})]);
    assert_eq!(events[1..], [Event::Finish(StopReason::ContentFilter), Event::End]);
}

fn any_part() -> impl Strategy<Value = Value> {
    proptest::sample::select(vec![
        json!([{"text": "t"}]),
        json!([{"text": "t", "thought": true}]),
        json!([{"functionCall": {"name": "f"}}]),
        json!([{"text": "t", "thoughtSignature": "S"}]),
        json!([{"text": "", "thought": true, "thoughtSignature": "S"}]),
    ])
}

proptest! {
    #[test]
    fn any_json_is_read_without_panic(chunks in proptest::collection::vec(arbitrary::json(), 0..5)) {
        let mut decoder = Decoder::default();
        let mut out = Vec::new();
        for chunk in &chunks {
            let data = json!({"candidates": [{"content": {"parts": [chunk]}}], "usageMetadata": chunk});
            for data in [data.to_string(), chunk.to_string()] {
                let _ = decoder.decode(SseEvent { name: "", data: data.as_bytes() }, &mut out);
            }
        }
        decoder.finish(&mut out);
    }

    #[test]
    fn any_bytes_are_read_without_panic(chunks in proptest::collection::vec(
        proptest::collection::vec(any::<u8>(), 0..60), 0..6)) {
        let mut decoder = Decoder::default();
        let mut out = Vec::new();
        for chunk in &chunks {
            let _ = decoder.decode(SseEvent { name: "x", data: chunk }, &mut out);
        }
        decoder.finish(&mut out);
    }

    #[test]
    fn part_events_are_always_nested(kinds in proptest::collection::vec(any_part(), 0..12)) {
        let chunks: Vec<Value> = kinds.into_iter().map(parts).chain([ended("STOP")]).collect();
        let mut open = std::collections::BTreeSet::new();
        let mut next = 0;
        for event in run(&chunks) {
            match event {
                Event::PartStart { index, .. } => {
                    prop_assert_eq!(index, next);
                    next += 1;
                    open.insert(index);
                }
                Event::PartEnd { index } => prop_assert!(open.remove(&index)),
                Event::Text { index, .. }
                | Event::Reasoning { index, .. }
                | Event::Signature { index, .. } => prop_assert!(open.contains(&index)),
                _ => {}
            }
        }
        prop_assert!(open.is_empty());
    }
}
