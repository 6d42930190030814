//! Reading providers' streams.

use serde_json::{Value, json};
use tidegate_core::FaultKind;

use super::events;
use crate::Usage;
use crate::hub::{Event, PartStart, StopReason, ToolKind};
use crate::openai_responses::decode_stream::Decoder;
use crate::sse::SseEvent;

/// A short form: one line per event, to compare whole streams.
fn lines(events: &[Event]) -> Vec<String> {
    events.iter().map(line).collect()
}

fn line(event: &Event) -> String {
    match event {
        Event::Start { id, .. } => format!("start {id}"),
        Event::PartStart { index, part } => match part {
            PartStart::Text => format!("{index} text"),
            PartStart::Refusal => format!("{index} refusal"),
            PartStart::Reasoning { is_summary, encrypted, .. } => {
                format!("{index} reasoning {is_summary} {}", encrypted.as_deref().unwrap_or("-"))
            }
            PartStart::ToolCall { id, name, .. } => format!("{index} call {id} {name}"),
        },
        Event::Text { index, text } | Event::Reasoning { index, text } => format!("{index} + {text}"),
        Event::Arguments { index, json } => format!("{index} + {json}"),
        Event::Signature { index, signature } => format!("{index} signature {signature}"),
        Event::Cite { index, .. } => format!("{index} cite"),
        Event::PartEnd { index } => format!("{index} end"),
        Event::Usage(usage) => format!("usage {} {}", usage.input, usage.output),
        Event::Finish(stop) => format!("finish {stop:?}"),
        Event::Error(fault) => format!("error {}", fault.message),
        Event::End => "end".to_owned(),
    }
}

fn created() -> Value {
    json!({"type": "response.created", "response": {"id": "resp_1", "model": "m", "created_at": 5, "output": []}})
}

fn item(kind: &str, index: u64, item: Value) -> Value {
    json!({"type": format!("response.output_item.{kind}"), "output_index": index, "item": item})
}

fn message(text: &str) -> Value {
    json!({"id": "msg_1", "type": "message", "content": [{"type": "output_text", "text": text,
        "annotations": [{"type": "url_citation", "url": "https://x"}]}]})
}

fn function(arguments: &str) -> Value {
    json!({"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": arguments})
}

fn completed(output: Value) -> Value {
    json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": output,
        "usage": {"input_tokens": 3, "output_tokens": 4}}})
}

fn delta(kind: &str, index: u64, delta: &str) -> Value {
    json!({"type": format!("response.{kind}.delta"), "output_index": index, "content_index": 0, "delta": delta})
}

fn summary(kind: &str, piece: u64, name: &str, text: &str) -> Value {
    let kind = format!("response.reasoning_summary_text.{kind}");
    json!({"type": kind, "output_index": 0, "summary_index": piece, name: text})
}

#[test]
fn case_12_a_full_stream_without_sequence_numbers() {
    let thought = json!({"id": "rs_1", "type": "reasoning", "encrypted_content": "gAAA",
        "summary": [{"text": "ab"}, {"text": "c"}]});
    let text_part = message("hello")["content"][0].clone();
    let annotation = json!({"type": "url_citation", "url": "https://x"});
    let got = events(&[
        created(),
        json!({"type": "response.in_progress", "response": {"id": "resp_1"}}),
        item("added", 0, json!({"id": "rs_1", "type": "reasoning", "summary": []})),
        json!({"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 0, "part": {}}),
        summary("delta", 0, "delta", "a"),
        summary("done", 0, "text", "ab"),
        summary("delta", 1, "delta", "c"),
        summary("done", 1, "text", "c"),
        item("done", 0, thought.clone()),
        item("added", 1, json!({"id": "msg_1", "type": "message", "content": []})),
        delta("output_text", 1, "he"),
        delta("output_text", 1, "llo"),
        json!({"type": "response.output_text.annotation.added", "output_index": 1, "content_index": 0,
            "annotation": annotation}),
        json!({"type": "response.output_text.done", "output_index": 1, "content_index": 0, "text": "hello"}),
        json!({"type": "response.content_part.done", "output_index": 1, "content_index": 0, "part": text_part}),
        item("done", 1, message("hello")),
        item("added", 2, function("")),
        delta("function_call_arguments", 2, "{\"a\":"),
        delta("function_call_arguments", 2, "1}"),
        json!({"type": "response.function_call_arguments.done", "output_index": 2, "arguments": "{\"a\":1}"}),
        item("done", 2, function("{\"a\":1}")),
        completed(json!([thought, message("hello"), function("{\"a\":1}")])),
    ]);
    let expected = [
        "start resp_1",
        "0 reasoning true -",
        "0 + a",
        "0 + b",
        "0 + \n\n",
        "0 + c",
        "0 end",
        "1 reasoning true gAAA",
        "1 end",
        "2 text",
        "2 + he",
        "2 + llo",
        "2 cite",
        "2 end",
        "3 call c1 f",
        "3 + {\"a\":",
        "3 + 1}",
        "3 end",
        "usage 3 4",
        "finish ToolCalls",
        "end",
    ];
    assert_eq!(lines(&got), expected);
    assert!(matches!(&got[0], Event::Start { model, created: Some(5), .. } if model == "m"));
}

#[test]
fn sparse_streams_give_every_text_once() {
    let expected = [
        "start resp_1",
        "0 text",
        "0 + hello",
        "0 cite",
        "0 end",
        "1 call c1 f",
        "1 + {}",
        "1 end",
        "usage 3 4",
        "finish ToolCalls",
        "end",
    ];
    let output = json!([message("hello"), function("{}")]);
    let text_done =
        json!({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "hello"});
    let arguments_done = json!({"type": "response.function_call_arguments.done", "output_index": 1,
        "item_id": "fc_1", "arguments": "{}"});
    let done = [item("done", 0, message("hello")), item("done", 1, function("{}"))];
    let late = vec![delta("output_text", 0, "hello"), done[0].clone(), item("added", 1, function("{}"))];
    for middle in [
        vec![],
        vec![text_done.clone()],
        vec![text_done, arguments_done.clone()],
        done.to_vec(),
        late.clone(),
        [late, vec![arguments_done]].concat(),
    ] {
        let wire = [vec![created()], middle, vec![completed(output.clone())]].concat();
        assert_eq!(lines(&events(&wire)), expected, "{wire:?}");
    }
    assert_eq!(lines(&events(&[completed(output)])), expected);
}

#[test]
fn ids_that_change_on_the_way_do_not_repeat_anything() {
    let mut renamed = message("hello");
    renamed["id"] = json!("msg_other");
    let got = events(&[created(), delta("output_text", 0, "hel"), completed(json!([renamed]))]);
    let expected =
        ["start resp_1", "0 text", "0 + hel", "0 + lo", "0 cite", "0 end", "usage 3 4", "finish Stop", "end"];
    assert_eq!(lines(&got), expected);
    let second =
        json!({"id": "fc_2", "type": "function_call", "call_id": "c2", "name": "g", "arguments": "{}"});
    let got = events(&[
        created(),
        item("added", 0, function("")),
        item("added", 0, second.clone()),
        completed(json!([function("{}"), second])),
    ]);
    let calls = lines(&got).into_iter().filter(|line| line.contains("call") || line.contains('+'));
    assert_eq!(calls.collect::<Vec<_>>(), ["0 call c1 f", "1 call c2 g", "0 + {}", "1 + {}"]);
}

#[test]
fn fault_45_interleaved_calls_and_arguments_before_the_name() {
    let second =
        json!({"id": "fc_2", "type": "function_call", "call_id": "c2", "name": "g", "arguments": ""});
    let custom = json!({"type": "custom_tool_call", "call_id": "c3", "name": "h", "input": "free"});
    let unnamed = json!({"id": "fc_4", "type": "function_call", "call_id": "c4"});
    let named =
        json!({"id": "fc_4", "type": "function_call", "call_id": "c4", "name": "i", "arguments": "early"});
    let got = events(&[
        created(),
        item("added", 0, function("")),
        item("added", 1, second),
        delta("function_call_arguments", 1, "not json"),
        delta("function_call_arguments", 0, "{}"),
        item("done", 2, custom),
        item("added", 3, unnamed),
        delta("function_call_arguments", 3, "ear"),
        delta("function_call_arguments", 3, "l"),
        item("done", 3, named),
        completed(json!([])),
    ]);
    let expected = [
        "start resp_1",
        "0 call c1 f",
        "1 call c2 g",
        "1 + not json",
        "0 + {}",
        "2 call c3 h",
        "2 + free",
        "2 end",
        "3 call c4 i",
        "3 + earl",
        "3 + y",
        "3 end",
        "0 end",
        "1 end",
        "usage 3 4",
        "finish ToolCalls",
        "end",
    ];
    assert_eq!(lines(&got), expected);
    let is_custom = |event: &Event| {
        matches!(event, Event::PartStart { part: PartStart::ToolCall { kind: ToolKind::Custom, .. }, .. })
    };
    assert!(got.iter().any(is_custom));
}

#[test]
fn case_13_an_error_after_created_is_an_error() {
    let inner = json!({"type": "requests", "code": "rate_limit_exceeded", "message": "wait", "param": null});
    let nested = json!({"type": "error", "sequence_number": 2, "error": inner});
    let flat = json!({"type": "error", "code": "rate_limit_exceeded", "message": "wait", "param": null});
    let bare = json!({"error": {"message": "wait", "code": 429}});
    for error in [nested, flat, bare] {
        let got = events(&[created(), error, completed(json!([message("hello")]))]);
        assert_eq!(lines(&got), ["start resp_1", "error wait"]);
        let Event::Error(fault) = &got[1] else { panic!() };
        assert_eq!((fault.kind, fault.status), (FaultKind::RateLimited, 429));
    }
}

#[test]
fn case_14_failed_is_an_error_and_case_07_keeps_its_usage() {
    let failed = json!({"type": "response.failed", "response": {"id": "resp_1", "status": "failed",
        "error": {"code": "server_error", "message": "boom"}, "usage": {"input_tokens": 9, "output_tokens": 1}}});
    let got = events(&[created(), delta("output_text", 0, "par"), failed]);
    assert_eq!(lines(&got), ["start resp_1", "0 text", "0 + par", "usage 9 1", "error boom"]);
    let silent = events(&[created(), json!({"type": "response.failed"})]);
    assert!(matches!(silent.last(), Some(Event::Error(fault)) if fault.kind == FaultKind::Upstream));
}

#[test]
fn case_15_incomplete_is_a_length_or_a_filter() {
    let reasons = [("max_output_tokens", StopReason::Length), ("content_filter", StopReason::ContentFilter)];
    for (reason, stop) in reasons {
        let end = json!({"type": "response.incomplete", "response": {"status": "incomplete",
            "incomplete_details": {"reason": reason}, "usage": {"input_tokens": 2, "output_tokens": 2}}});
        let got = events(&[created(), delta("output_text", 0, "x"), end]);
        let usage = Usage { input: 2, output: 2, ..Usage::default() };
        let end = [Event::PartEnd { index: 0 }, Event::Usage(usage), Event::Finish(stop), Event::End];
        assert_eq!(got[3..], end);
    }
}

#[test]
fn fault_39_a_cut_stream_has_no_end() {
    let got = events(&[created(), delta("output_text", 0, "x")]);
    assert_eq!(lines(&got), ["start resp_1", "0 text", "0 + x"]);
}

#[test]
fn case_26_and_fault_40_a_malformed_event_is_skipped() {
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    let text = delta("output_text", 0, "x").to_string();
    for (data, is_good) in [
        (text.as_str(), true),
        ("{\"type\":", false),
        ("[DONE]", true),
        ("{\"type\":\"response.new_thing\"}", true),
    ] {
        let read = decoder.decode(SseEvent { name: "", data: data.as_bytes() }, &mut out);
        assert_eq!(read.is_ok(), is_good, "{data}");
    }
    assert_eq!(lines(&out), ["start ", "0 text", "0 + x"]);
}

#[test]
fn fault_42_nothing_follows_the_end() {
    let late = [completed(json!([message("hello")])), delta("output_text", 0, "x")];
    let got = events(&[vec![created(), completed(json!([]))], late.to_vec()].concat());
    assert_eq!(lines(&got), ["start resp_1", "usage 3 4", "finish Stop", "end"]);
}
