//! Writing streams for callers.

use serde_json::{Value, json};
use tidegate_core::{FaultKind, NanoUsd};

use super::{datas, events};
use crate::codec::Reply;
use crate::hub::{ChatResponse, Citation, Event, Part, PartStart, StopReason, ToolCall, ToolKind};
use crate::openai_responses::{encode_response, encode_stream};
use crate::{Dialect, UpstreamFault, Usage};

fn reply() -> Reply {
    Reply {
        id: "x1".into(),
        model: "up".into(),
        now: 9,
        origin: Some(Dialect::Anthropic),
        ..Reply::default()
    }
}

fn write_with(reply: Reply, events: &[Event]) -> Vec<Value> {
    let mut encoder = encode_stream::Encoder::new(reply);
    let mut bytes = Vec::new();
    for event in events {
        encoder.encode(event, &mut bytes);
    }
    let datas = datas(&bytes);
    for (i, data) in datas.iter().enumerate() {
        assert_eq!(data["sequence_number"], i);
    }
    datas
}

fn write(events: &[Event]) -> Vec<Value> {
    write_with(reply(), events)
}

fn start() -> Event {
    Event::Start { id: "resp_7".into(), model: "m".into(), created: Some(5) }
}

fn open(index: u32, part: PartStart) -> Event {
    Event::PartStart { index, part }
}

fn text(index: u32, text: &str) -> Event {
    Event::Text { index, text: text.into() }
}

fn thought(index: u32) -> Event {
    Event::Reasoning { index, text: "hm".into() }
}

fn arguments(index: u32, json: &str) -> Event {
    Event::Arguments { index, json: json.into() }
}

fn end(index: u32) -> Event {
    Event::PartEnd { index }
}

fn call(id: &str) -> PartStart {
    PartStart::ToolCall { id: id.into(), name: "f".into(), signature: None, kind: ToolKind::Function }
}

fn thinking(is_summary: bool) -> PartStart {
    PartStart::Reasoning { is_summary, encrypted: None, id: None }
}

/// Type, output index and content or summary index of each event.
fn places(datas: &[Value]) -> Vec<String> {
    let place = |data: &Value| {
        let kind = data["type"].as_str().unwrap().trim_start_matches("response.").to_owned();
        let index = data["output_index"].as_u64().map(|index| format!(" {index}"));
        let inner = data["content_index"].as_u64().or(data["summary_index"].as_u64());
        let inner = inner.map(|index| format!(".{index}"));
        format!("{kind}{}{}", index.unwrap_or_default(), inner.unwrap_or_default())
    };
    datas.iter().map(place).collect()
}

#[test]
fn a_text_has_all_its_events_in_order() {
    let cost = Some(NanoUsd(2_000_000));
    let citation = Citation { url: Some("https://x".into()), ..Citation::default() };
    let got = write(&[
        start(),
        open(0, PartStart::Text),
        text(0, "he"),
        Event::Cite { index: 0, citation },
        text(0, "llo"),
        end(0),
        Event::Finish(StopReason::Stop),
        Event::Usage(Usage { input: 4, cache_read: 1, output: 2, reasoning: 1, ..Usage::default() }),
        Event::Usage(Usage { cost, ..Usage::default() }),
        Event::End,
        text(0, "never"),
    ]);
    let expected = [
        "created",
        "in_progress",
        "output_item.added 0",
        "content_part.added 0.0",
        "output_text.delta 0.0",
        "output_text.delta 0.0",
        "output_text.annotation.added 0.0",
        "output_text.done 0.0",
        "content_part.done 0.0",
        "output_item.done 0",
        "completed",
    ];
    assert_eq!(places(&got), expected);
    assert_eq!(got[0]["response"]["status"], "in_progress");
    assert_eq!(got[0]["response"]["usage"], Value::Null);
    assert_eq!((&got[4]["delta"], &got[4]["item_id"]), (&json!("he"), &json!("msg_x1_0")));
    assert_eq!(got[4]["logprobs"], json!([]));
    assert_eq!(got[7]["text"], "hello");
    let last = &got[10]["response"];
    assert_eq!((&last["id"], &last["model"]), (&json!("resp_7"), &json!("m")));
    assert_eq!(last["created_at"], 5);
    assert_eq!(last["output"][0], got[9]["item"]);
    assert_eq!(last["output"][0]["content"][0]["annotations"][0]["url"], "https://x");
    assert_eq!(last["output"][0]["content"][0]["annotations"][0]["end_index"], 5, "case 32: all of the text");
    assert_eq!(
        last["usage"],
        json!({"input_tokens": 4, "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0},
               "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 6,
               "cost": 0.002})
    );
}

#[test]
fn case_21_parts_side_by_side_keep_their_places() {
    let got = write(&[
        start(),
        open(0, PartStart::Text),
        text(0, "a"),
        open(1, call("c1")),
        open(2, call("c2")),
        arguments(2, "{\"x\":"),
        arguments(1, "{}"),
        text(0, "b"),
        end(0),
        arguments(2, "2}"),
        end(2),
        end(1),
        Event::Finish(StopReason::ToolCalls),
        Event::End,
    ]);
    let added = got.iter().filter(|data| data["type"] == "response.output_item.added");
    assert_eq!(added.count(), 3);
    let output = &got.last().unwrap()["response"]["output"];
    assert_eq!(output[0]["content"][0]["text"], "ab");
    assert_eq!((&output[1]["call_id"], &output[1]["arguments"]), (&json!("c1"), &json!("{}")));
    assert_eq!((&output[2]["call_id"], &output[2]["arguments"]), (&json!("c2"), &json!("{\"x\":2}")));
    for data in got.iter().filter(|data| data["type"] == "response.function_call_arguments.delta") {
        let item = &output[data["output_index"].as_u64().unwrap() as usize];
        assert_eq!(data["item_id"], item["id"]);
    }
}

#[test]
fn case_19_a_call_without_arguments_has_an_empty_object() {
    let got =
        write(&[start(), open(0, call("c1")), end(0), Event::Finish(StopReason::ToolCalls), Event::End]);
    let expected = [
        "created",
        "in_progress",
        "output_item.added 0",
        "function_call_arguments.delta 0",
        "function_call_arguments.done 0",
        "output_item.done 0",
        "completed",
    ];
    assert_eq!(places(&got), expected);
    assert_eq!(got[2]["item"]["arguments"], "");
    assert_eq!(got[4]["arguments"], "{}");
    assert_eq!(got[6]["response"]["output"][0], got[5]["item"]);
}

#[test]
fn case_31_thoughts_and_texts_keep_their_order() {
    let got = write(&[
        start(),
        open(0, thinking(true)),
        thought(0),
        Event::Signature { index: 0, signature: "si".into() },
        Event::Signature { index: 0, signature: "g".into() },
        end(0),
        open(1, PartStart::Text),
        text(1, "a"),
        end(1),
        open(2, thinking(false)),
        thought(2),
        end(2),
        open(3, PartStart::Refusal),
        text(3, "no"),
        end(3),
        Event::Finish(StopReason::Refusal),
        Event::End,
    ]);
    let expected = [
        "created",
        "in_progress",
        "output_item.added 0",
        "reasoning_summary_part.added 0.0",
        "reasoning_summary_text.delta 0.0",
        "reasoning_summary_text.done 0.0",
        "reasoning_summary_part.done 0.0",
        "output_item.done 0",
        "output_item.added 1",
        "content_part.added 1.0",
        "output_text.delta 1.0",
        "output_text.done 1.0",
        "content_part.done 1.0",
        "output_item.done 1",
        "output_item.added 2",
        "content_part.added 2.0",
        "reasoning_text.delta 2.0",
        "reasoning_text.done 2.0",
        "content_part.done 2.0",
        "output_item.done 2",
        "output_item.added 3",
        "content_part.added 3.0",
        "refusal.delta 3.0",
        "refusal.done 3.0",
        "content_part.done 3.0",
        "output_item.done 3",
        "completed",
    ];
    assert_eq!(places(&got), expected);
    let seal = "tidegate.seal.1:anthropic:signature:sig";
    assert_eq!(got[7]["item"]["encrypted_content"], seal, "case 54");
    assert_eq!(got[19]["item"]["content"], json!([{"type": "reasoning_text", "text": "hm"}]));
}

#[test]
fn case_15_an_answer_that_was_cut_short_is_incomplete_with_its_usage() {
    let got = write(&[
        start(),
        open(0, PartStart::Text),
        text(0, "a"),
        end(0),
        Event::Usage(Usage { input: 1, output: 1, ..Usage::default() }),
        Event::Finish(StopReason::Length),
        Event::End,
    ]);
    let last = got.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["incomplete_details"], json!({"reason": "max_output_tokens"}));
    assert_eq!(last["response"]["output"][0]["status"], "incomplete");
    assert_eq!(last["response"]["usage"]["total_tokens"], 2, "case 7");
}

#[test]
fn an_error_is_told_truthfully_and_nothing_follows() {
    let fault = UpstreamFault::new(FaultKind::Overloaded, "busy");
    let error = Event::Error(fault.with_code(Some("overloaded_error".into())));
    let got = write(&[start(), open(0, PartStart::Text), text(0, "a"), error.clone(), Event::End]);
    assert_eq!(places(&got)[5..], ["error".to_owned(), "failed".to_owned()]);
    assert_eq!((&got[5]["message"], &got[5]["code"]), (&json!("busy"), &json!("server_error")));
    assert_eq!(
        got[5]["error"],
        json!({"message": "busy", "type": "server_error", "param": null, "code": "server_error"})
    );
    let response = &got[6]["response"];
    assert_eq!((&response["status"], &response["error"]["message"]), (&json!("failed"), &json!("busy")));
    assert_eq!(response["output"][0]["status"], "incomplete");
    assert_eq!(places(&write(&[error, start()])), ["error"]);
}

#[test]
fn a_stream_and_a_whole_answer_say_the_same() {
    let streamed = write(&[
        start(),
        open(0, PartStart::Text),
        text(0, "a"),
        end(0),
        open(1, PartStart::Text),
        text(1, "b"),
        end(1),
        open(2, call("c1")),
        end(2),
        Event::Finish(StopReason::ToolCalls),
        Event::End,
    ]);
    let call = ToolCall { id: "c1".into(), name: "f".into(), ..ToolCall::default() };
    let whole = ChatResponse {
        id: "resp_7".into(),
        model: "m".into(),
        created: Some(5),
        parts: vec![Part::text("a"), Part::text("b"), Part::ToolCall(call)],
        stop: StopReason::ToolCalls,
        usage: None,
    };
    let whole: Value = serde_json::from_slice(&encode_response::encode(&whole, &reply())).unwrap();
    assert_eq!(streamed.last().unwrap()["response"], whole);
}

#[test]
fn what_is_written_can_be_read_again() {
    let told = [
        start(),
        open(0, thinking(true)),
        thought(0),
        end(0),
        open(1, PartStart::Text),
        text(1, "a"),
        text(1, "b"),
        end(1),
        open(2, call("c1")),
        arguments(2, "{}"),
        end(2),
        Event::Usage(Usage { input: 1, output: 2, ..Usage::default() }),
        Event::Finish(StopReason::ToolCalls),
        Event::End,
    ];
    let mut again = events(&write(&told));
    if let Event::PartStart { part: PartStart::Reasoning { id, .. }, .. } = &mut again[1] {
        assert_eq!(id.take().as_deref(), Some("rs_x1_0"));
    }
    assert_eq!(again, told);
}

#[test]
fn a_seal_that_comes_after_its_text_joins_its_item() {
    let own = |encrypted: Option<&str>| PartStart::Reasoning {
        is_summary: true,
        encrypted: encrypted.map(str::to_owned),
        id: Some("rs_9".into()),
    };
    let told = [
        open(0, own(None)),
        thought(0),
        end(0),
        open(1, own(Some("gAAA"))),
        end(1),
        Event::Finish(StopReason::Stop),
        Event::End,
    ];
    let got = write_with(Reply { origin: Some(Dialect::OpenaiResponses), ..reply() }, &told);
    let summary = json!([{"type": "summary_text", "text": "hm"}]);
    let item = json!({"id": "rs_9", "type": "reasoning", "summary": summary, "encrypted_content": "gAAA"});
    assert_eq!(got.last().unwrap()["response"]["output"], json!([item]));
}
