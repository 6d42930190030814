//! Reading streams.

use serde_json::{Value, json};
use tidegate_core::FaultKind;

use super::events;
use crate::Usage;
use crate::hub::{Event, PartStart, StopReason, ToolKind};
use crate::openai_chat::decode_stream::Decoder;
use crate::sse::SseEvent;

fn chunk(delta: Value, finish_reason: Value) -> String {
    json!({"id": "c1", "object": "chat.completion.chunk", "created": 5, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})
    .to_string()
}

fn delta(delta: Value) -> String {
    chunk(delta, Value::Null)
}

fn run(chunks: &[String]) -> Vec<Event> {
    events(&chunks.iter().map(String::as_str).collect::<Vec<_>>())
}

fn start() -> Event {
    Event::Start { id: "c1".into(), model: "m".into(), created: Some(5) }
}

fn text(index: u32, text: &str) -> Event {
    Event::Text { index, text: text.into() }
}

fn open(index: u32, part: PartStart) -> Event {
    Event::PartStart { index, part }
}

fn thought() -> PartStart {
    PartStart::Reasoning { is_summary: false, encrypted: None, id: None }
}

fn tool(id: &str, name: &str) -> PartStart {
    PartStart::ToolCall { id: id.into(), name: name.into(), signature: None, kind: ToolKind::Function }
}

fn arguments(index: u32, json: &str) -> Event {
    Event::Arguments { index, json: json.into() }
}

fn end(index: u32) -> Event {
    Event::PartEnd { index }
}

const DONE: &str = "[DONE]";

#[test]
fn a_plain_stream() {
    let chunks = [
        delta(json!({"role": "assistant", "content": "", "refusal": null})),
        delta(json!({"content": "He"})),
        delta(json!({"content": "y"})),
        chunk(json!({}), json!("stop")),
        json!({"id": "c1", "model": "m", "service_tier": "flex", "choices": [],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}})
        .to_string(),
        DONE.to_owned(),
    ];
    let usage = Usage { input: 3, output: 2, service_tier: Some("flex".into()), ..Usage::default() };
    let expected = [
        start(),
        open(0, PartStart::Text),
        text(0, "He"),
        text(0, "y"),
        end(0),
        Event::Finish(StopReason::Stop),
        Event::Usage(usage),
        Event::End,
    ];
    assert_eq!(run(&chunks), expected);
}

#[test]
fn case_17_no_done_and_heartbeats_behind_the_finish() {
    let chunks = [
        delta(json!({"content": "a"})),
        chunk(json!({}), json!("stop")),
        delta(json!({"content": ""})),
        chunk(json!({}), json!("stop")),
        String::new(),
    ];
    let expected = [
        start(),
        open(0, PartStart::Text),
        text(0, "a"),
        end(0),
        Event::Finish(StopReason::Stop),
        Event::End,
    ];
    assert_eq!(run(&chunks), expected);
}

#[test]
fn fault_39_a_cut_stream_has_no_end() {
    let got = run(&[delta(json!({"content": "a"}))]);
    assert!(!got.iter().any(|event| matches!(event, Event::End | Event::Finish(_))), "{got:?}");
    assert_eq!(run(&[DONE.to_owned()]), [], "nothing is no answer");
}

#[test]
fn case_23_finish_and_usage_in_one_chunk() {
    let both = json!({"id": "c1", "model": "m", "created": 5,
        "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1}});
    let got = run(&[both.to_string()]);
    let usage = Usage { input: 1, output: 1, ..Usage::default() };
    assert_eq!(got[4..], [Event::Finish(StopReason::Length), Event::Usage(usage), Event::End]);
}

#[test]
fn fault_42_duplicate_finish_and_usage_count_once() {
    let usage = |output: u64| {
        json!({"id": "c1", "model": "m", "created": 5, "choices": [],
            "usage": {"prompt_tokens": 1, "completion_tokens": output}})
        .to_string()
    };
    let finish = || chunk(json!({}), json!("stop"));
    let got = run(&[usage(1), delta(json!({"content": "a"})), finish(), finish(), usage(2), usage(2)]);
    assert_eq!(got[0], start());
    let finishes = got.iter().filter(|event| matches!(event, Event::Finish(_))).count();
    let mut total = Usage::default();
    for event in &got {
        if let Event::Usage(usage) = event {
            total.replace_with(usage);
        }
    }
    assert_eq!((finishes, total.input, total.output), (1, 1, 2));
}

#[test]
fn fault_44_usage_of_groq_and_moonshot_is_found() {
    let counts = json!({"prompt_tokens": 4, "completion_tokens": 2});
    for chunk in [
        json!({"id": "c1", "choices": [{"delta": {}, "finish_reason": "stop"}], "x_groq": {"usage": counts}}),
        json!({"id": "c1", "choices": [{"delta": {}, "finish_reason": "stop", "usage": counts}]}),
        json!({"id": "c1", "choices": [{"delta": {}, "finish_reason": "stop"}], "usage": counts}),
        json!({"id": "c1", "choices": [], "usage": counts}),
    ] {
        let got = run(&[chunk.to_string()]);
        assert!(got.contains(&Event::Usage(Usage { input: 4, output: 2, ..Usage::default() })), "{got:?}");
    }
}

#[test]
fn fault_43_nonsense_usage_is_skipped() {
    let chunk =
        json!({"id": "c1", "choices": [], "usage": {"prompt_tokens": "many", "completion_tokens": null}});
    assert!(!run(&[chunk.to_string()]).iter().any(|event| matches!(event, Event::Usage(_))));
}

#[test]
fn case_20_and_21_parallel_calls_with_mixed_pieces() {
    let call = |index: u32, id: Option<&str>, arguments: &str| {
        let mut call = json!({"index": index, "function": {"arguments": arguments}});
        if let Some(id) = id {
            call["id"] = id.into();
            call["type"] = "function".into();
            call["function"]["name"] = "f".into();
        }
        delta(json!({"tool_calls": [call]}))
    };
    let got = run(&[
        delta(json!({"content": "ok"})),
        call(0, Some("a"), ""),
        call(1, Some("b"), "{\"y\""),
        call(0, None, "{\"x\":"),
        call(1, None, ":2}"),
        call(0, None, "1}"),
        chunk(json!({}), json!("stop")),
    ]);
    let expected = [
        start(),
        open(0, PartStart::Text),
        text(0, "ok"),
        end(0),
        open(1, tool("a", "f")),
        open(2, tool("b", "f")),
        arguments(2, "{\"y\""),
        arguments(1, "{\"x\":"),
        arguments(2, ":2}"),
        arguments(1, "1}"),
        end(1),
        end(2),
        Event::Finish(StopReason::ToolCalls),
        Event::End,
    ];
    assert_eq!(got, expected);
}

#[test]
fn fault_45_calls_without_index_or_with_one_index_for_all() {
    let whole = |key: Value, id: &str| {
        let mut call =
            json!({"id": id, "type": "function", "function": {"name": "f", "arguments": {"n": id}}});
        if !key.is_null() {
            call["index"] = key;
        }
        delta(json!({"tool_calls": [call]}))
    };
    for key in [Value::Null, json!(0)] {
        let got =
            run(&[whole(key.clone(), "a"), whole(key.clone(), "b"), chunk(json!({}), json!("tool_calls"))]);
        let expected = [
            start(),
            open(0, tool("a", "f")),
            arguments(0, "{\"n\":\"a\"}"),
            open(1, tool("b", "f")),
            arguments(1, "{\"n\":\"b\"}"),
        ];
        assert_eq!(got[..5], expected, "index {key}");
    }
    let pieces = run(&[
        delta(json!({"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{"}}]})),
        delta(json!({"tool_calls": [{"function": {"arguments": "not json"}}]})),
    ]);
    assert_eq!(pieces[2..], [arguments(0, "{"), arguments(0, "not json")]);
    let repeated = run(&[
        delta(json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "1"}}]})),
        delta(json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "2"}}]})),
    ]);
    assert_eq!(repeated[2..], [arguments(0, "1"), arguments(0, "2")]);
}

#[test]
fn a_call_without_an_id_gets_one_and_a_late_name_is_awaited() {
    let got = run(&[
        delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]})),
        delta(json!({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "}"}}]})),
    ]);
    assert_eq!(got[1..], [open(0, tool("call_c1_0", "f")), arguments(0, "{"), arguments(0, "}")]);
}

#[test]
fn case_19_a_call_without_arguments_has_no_arguments() {
    let call = json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]});
    let got = run(&[delta(call), chunk(json!({}), json!("tool_calls"))]);
    assert_eq!(got[1..3], [open(0, tool("a", "f")), end(0)]);
}

#[test]
fn old_function_calls_are_tool_calls() {
    let got = run(&[
        delta(json!({"function_call": {"name": "f", "arguments": ""}})),
        delta(json!({"function_call": {"arguments": "{}"}})),
        chunk(json!({}), json!("function_call")),
    ]);
    assert_eq!(got[1..3], [open(0, tool("call_c1_0", "f")), arguments(0, "{}")]);
    assert_eq!(got[4], Event::Finish(StopReason::ToolCalls));
}

#[test]
fn custom_calls_keep_their_kind() {
    let got = run(&[delta(json!({"tool_calls": [
        {"index": 0, "id": "a", "type": "custom", "custom": {"name": "c", "input": "x"}}]}))]);
    let Event::PartStart { part: PartStart::ToolCall { kind, .. }, .. } = &got[1] else { panic!("{got:?}") };
    assert_eq!((*kind, &got[2]), (ToolKind::Custom, &arguments(0, "x")));
}

#[test]
fn thoughts_of_every_spelling_are_read_once() {
    let detail = json!([{"type": "reasoning.text", "text": "hm", "index": 0}]);
    for spelling in [
        json!({"reasoning_content": "hm"}),
        json!({"reasoning": "hm"}),
        json!({"reasoning": "hm", "reasoning_content": "hm"}),
        json!({"reasoning": "hm", "reasoning_details": detail}),
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
    ] {
        let got = run(&[delta(spelling.clone()), delta(json!({"content": "a"}))]);
        let expected = [
            start(),
            open(0, thought()),
            Event::Reasoning { index: 0, text: "hm".into() },
            end(0),
            open(1, PartStart::Text),
            text(1, "a"),
        ];
        assert_eq!(got, expected, "{spelling}");
    }
}

#[test]
fn case_54_56_and_57_seals_are_read_in_their_place() {
    let detail = |fields: Value| delta(json!({"reasoning_details": [fields]}));
    let got = run(&[
        detail(json!({"type": "reasoning.text", "text": "hm", "index": 0, "format": "anthropic-claude-v1"})),
        detail(
            json!({"type": "reasoning.text", "signature": "s", "index": 0, "format": "anthropic-claude-v1"}),
        ),
        detail(
            json!({"type": "reasoning.text", "signature": "t", "index": 1, "format": "anthropic-claude-v1"}),
        ),
        detail(
            json!({"type": "reasoning.encrypted", "data": "xyz", "index": 2, "format": "anthropic-claude-v1"}),
        ),
    ]);
    let seal = |index: u32, signature: &str| Event::Signature { index, signature: signature.into() };
    let redacted = PartStart::Reasoning { is_summary: false, encrypted: Some("xyz".into()), id: None };
    let expected = [
        start(),
        open(0, thought()),
        Event::Reasoning { index: 0, text: "hm".into() },
        seal(0, "s"),
        end(0),
        open(1, thought()),
        seal(1, "t"),
        end(1),
        open(2, redacted),
        end(2),
    ];
    assert_eq!(got, expected);
}

#[test]
fn case_33_geminis_seal_reaches_its_call() {
    let call = json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}});
    let mut extra = call.clone();
    extra["extra_content"] = json!({"google": {"thought_signature": "S"}});
    let seal = json!({"type": "reasoning.encrypted", "data": "S", "id": "a", "format": "google-gemini-v1"});
    for message in
        [json!({"tool_calls": [extra]}), json!({"tool_calls": [call], "reasoning_details": [seal]})]
    {
        let got = run(&[delta(message)]);
        let Event::PartStart { part: PartStart::ToolCall { signature, .. }, .. } = &got[1] else {
            panic!("{got:?}")
        };
        assert_eq!(signature.as_deref(), Some("S"));
    }
}

#[test]
fn case_26_and_fault_40_a_malformed_event_is_skipped() {
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    let mut feed =
        |data: &str| decoder.decode(SseEvent { name: "", data: data.as_bytes() }, &mut out).is_ok();
    let fed = [
        feed(&delta(json!({"content": "a"}))),
        feed("{\"choices\": [{\"del"),
        feed(&delta(json!({"content": "b"}))),
        feed("[DONE]"),
    ];
    assert_eq!(fed, [true, false, true, true]);
    let expected = [
        start(),
        open(0, PartStart::Text),
        text(0, "a"),
        text(0, "b"),
        end(0),
        Event::Finish(StopReason::Stop),
        Event::End,
    ];
    assert_eq!(out, expected);
}

#[test]
fn case_13_and_fault_47_errors_inside_the_stream() {
    for (name, data, kind) in [
        ("", r#"{"error":{"message":"slow","type":"rate_limit_error"}}"#, FaultKind::RateLimited),
        ("", r#"{"id":"c1","choices":[],"error":{"code":502,"message":"down"}}"#, FaultKind::Upstream),
        ("error", r#"{"message":"busy","type":"overloaded_error"}"#, FaultKind::Overloaded),
        ("error", "broken", FaultKind::Upstream),
        ("", r#"{"object":"error","message":"x","code":400}"#, FaultKind::InvalidRequest),
        ("", r#"{"detail":"x"}"#, FaultKind::Upstream),
        ("", r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#, FaultKind::Upstream),
        (
            "",
            r#"{"choices":[{"delta":{},"finish_reason":"insufficient_system_resource"}]}"#,
            FaultKind::Overloaded,
        ),
    ] {
        let mut decoder = Decoder::default();
        let mut out = Vec::new();
        decoder
            .decode(SseEvent { name: "", data: delta(json!({"content": "a"})).as_bytes() }, &mut out)
            .unwrap();
        decoder.decode(SseEvent { name, data: data.as_bytes() }, &mut out).unwrap();
        let Some(Event::Error(fault)) = out.last() else { panic!("{data}: {out:?}") };
        assert_eq!(fault.kind, kind, "{data}");
        let count = out.len();
        decoder.decode(SseEvent { name: "", data: b"[DONE]" }, &mut out).unwrap();
        decoder.finish(&mut out);
        assert_eq!(out.len(), count, "nothing follows an error");
    }
}

#[test]
fn other_choices_and_azures_first_chunk_are_ignored() {
    let filter = r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[]}"#;
    let other = json!({"id": "c1", "model": "m", "created": 5,
        "choices": [{"index": 1, "delta": {"content": "no"}, "finish_reason": "stop"},
            {"index": 0, "delta": {"content": "yes"}}]});
    let got = run(&[filter.to_owned(), other.to_string()]);
    assert_eq!(got, [start(), open(0, PartStart::Text), text(0, "yes")]);
}

#[test]
fn refusals_and_citations_have_their_events() {
    let annotation = json!({"type": "url_citation",
        "url_citation": {"url": "https://x", "title": "X", "start_index": 0, "end_index": 1}});
    let got = run(&[
        delta(json!({"content": "a"})),
        delta(json!({"annotations": [annotation]})),
        delta(json!({"refusal": "no"})),
        chunk(json!({}), json!("content_filter")),
    ]);
    assert!(
        matches!(&got[3], Event::Cite { index: 0, citation } if citation.url.as_deref() == Some("https://x"))
    );
    assert_eq!(got[4..7], [end(0), open(1, PartStart::Refusal), text(1, "no")]);
    assert_eq!(got[8], Event::Finish(StopReason::ContentFilter));
}
