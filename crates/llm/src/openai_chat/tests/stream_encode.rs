//! Writing streams.

use serde_json::{Value, json};
use tidegate_core::{FaultKind, NanoUsd};

use super::events;
use crate::codec::Reply;
use crate::fault::UpstreamFault;
use crate::hub::{Event, PartStart, StopReason, ToolKind};
use crate::openai_chat::encode_stream::Encoder;
use crate::{Dialect, Usage};

fn reply(origin: Dialect) -> Reply {
    Reply { id: "x1".into(), model: "m0".into(), now: 9, origin: Some(origin), ..Reply::default() }
}

fn written(reply: Reply, events: &[Event]) -> Vec<String> {
    let mut encoder = Encoder::new(reply);
    let mut out = Vec::new();
    for event in events {
        encoder.encode(event, &mut out);
    }
    let text = String::from_utf8(out).unwrap();
    text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap().to_owned()).collect()
}

fn deltas(chunks: &[String]) -> Vec<Value> {
    let chunks = chunks.iter().filter(|chunk| *chunk != "[DONE]");
    chunks.map(|chunk| serde_json::from_str::<Value>(chunk).unwrap()["choices"][0]["delta"].clone()).collect()
}

fn start() -> Event {
    Event::Start { id: "msg_1".into(), model: "m".into(), created: None }
}

fn open(index: u32, part: PartStart) -> Event {
    Event::PartStart { index, part }
}

fn tool(id: &str) -> PartStart {
    PartStart::ToolCall { id: id.into(), name: "f".into(), signature: None, kind: ToolKind::Function }
}

fn text(index: u32, text: &str) -> Event {
    Event::Text { index, text: text.into() }
}

fn end(index: u32) -> Event {
    Event::PartEnd { index }
}

fn thought() -> PartStart {
    PartStart::Reasoning { is_summary: false, encrypted: None, id: None }
}

#[test]
fn case_16_and_18_the_role_comes_first_and_done_last() {
    let usage = Usage { input: 3, output: 2, ..Usage::default() };
    let all = [
        start(),
        Event::Usage(usage),
        open(0, PartStart::Text),
        text(0, "hi \"there\"\n"),
        end(0),
        Event::Finish(StopReason::Refusal),
        Event::End,
        Event::End,
    ];
    let head = r#"{"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":9,"model":"m","choices":[{"index":0,"delta":"#;
    let expected = [
        format!(r#"{head}{{"role":"assistant","content":""}},"logprobs":null,"finish_reason":null}}]}}"#),
        format!(r#"{head}{{"content":"hi \"there\"\n"}},"logprobs":null,"finish_reason":null}}]}}"#),
        format!(r#"{head}{{}},"logprobs":null,"finish_reason":"content_filter"}}]}}"#),
        "[DONE]".to_owned(),
    ];
    assert_eq!(written(reply(Dialect::Anthropic), &all), expected);
}

#[test]
fn case_03_and_05_the_usage_chunk_comes_last_and_only_when_wanted() {
    let early = Usage { input: 3, ..Usage::default() };
    let late = Usage {
        output: 2,
        service_tier: Some("flex".into()),
        cost: Some(NanoUsd(5_000_000)),
        ..Usage::default()
    };
    let all = [start(), Event::Usage(early), Event::Finish(StopReason::Stop), Event::Usage(late), Event::End];
    let chunks = written(Reply { include_usage: true, ..reply(Dialect::Anthropic) }, &all);
    assert_eq!(chunks.len(), 4);
    for chunk in &chunks[..2] {
        let chunk: Value = serde_json::from_str(chunk).unwrap();
        assert_eq!(chunk.get("usage"), Some(&Value::Null));
    }
    let last: Value = serde_json::from_str(&chunks[2]).unwrap();
    assert_eq!((&last["choices"], &last["service_tier"]), (&json!([]), &json!("flex")));
    let usage = &last["usage"];
    assert_eq!(
        (&usage["prompt_tokens"], &usage["completion_tokens"], &usage["cost"]),
        (&json!(3), &json!(2), &json!(0.005))
    );
    assert_eq!(chunks[3], "[DONE]");
}

#[test]
fn case_19_20_and_21_calls_have_their_own_indexes() {
    let arguments = |index: u32, json: &str| Event::Arguments { index, json: json.into() };
    let all = [
        start(),
        open(0, PartStart::Text),
        text(0, "ok"),
        open(1, tool("a")),
        open(2, tool("b")),
        arguments(2, "{\"y\":"),
        arguments(1, ""),
        arguments(2, "2}"),
        end(2),
        end(1),
        end(0),
        Event::Finish(StopReason::ToolCalls),
    ];
    let got = deltas(&written(reply(Dialect::Anthropic), &all));
    let begin = |index: u32, id: &str| {
        json!({"tool_calls": [{"index": index, "id": id, "type": "function",
            "function": {"name": "f", "arguments": ""}}]})
    };
    let more =
        |index: u32, json: &str| json!({"tool_calls": [{"index": index, "function": {"arguments": json}}]});
    let expected = [
        begin(0, "a"),
        begin(1, "b"),
        more(1, "{\"y\":"),
        more(0, ""),
        more(1, "2}"),
        more(0, "{}"),
        json!({}),
    ];
    assert_eq!(got[2..], expected);
}

#[test]
fn parts_that_never_ended_end_with_the_finish() {
    let all = [start(), open(0, tool("a")), Event::Finish(StopReason::ToolCalls)];
    let got = deltas(&written(reply(Dialect::Gemini), &all));
    assert_eq!(got[2]["tool_calls"][0]["function"]["arguments"], "{}");
}

#[test]
fn case_54_a_signed_thought_survives_a_client_that_collects_details() {
    let redacted = PartStart::Reasoning { is_summary: false, encrypted: Some("xyz".into()), id: None };
    let all = [
        start(),
        open(0, thought()),
        Event::Reasoning { index: 0, text: "h".into() },
        Event::Reasoning { index: 0, text: "m".into() },
        Event::Signature { index: 0, signature: "sig".into() },
        end(0),
        open(1, redacted),
        end(1),
        Event::Finish(StopReason::Stop),
    ];
    let got = deltas(&written(reply(Dialect::Anthropic), &all));
    assert_eq!(got[1]["reasoning_content"], "h");
    let details: Vec<Value> =
        got.iter().filter_map(|delta| delta["reasoning_details"].as_array()).flatten().cloned().collect();
    let body = json!({"model": "m", "messages": [
        {"role": "assistant", "content": "x", "reasoning_content": "hm", "reasoning_details": details}]});
    let turns = super::request(body).turns;
    let sealed: Vec<_> = turns[0]
        .parts
        .iter()
        .filter_map(|part| match part {
            crate::hub::Part::Reasoning(part) => {
                Some((part.text.as_str(), part.signature.as_deref(), part.encrypted.as_deref(), part.origin))
            }
            _ => None,
        })
        .collect();
    let by = Some(Dialect::Anthropic);
    assert_eq!(sealed, [("hm", Some("sig"), None, by), ("", None, Some("xyz"), by)]);
}

#[test]
fn unsealed_thoughts_are_plain() {
    let all = [start(), open(0, thought()), Event::Reasoning { index: 0, text: "h".into() }];
    let got = deltas(&written(reply(Dialect::Gemini), &all));
    assert_eq!(got[1], json!({"reasoning_content": "h"}));
}

#[test]
fn case_33_a_calls_seal_is_carried_twice() {
    let part = PartStart::ToolCall {
        id: "a".into(),
        name: "f".into(),
        signature: Some("S".into()),
        kind: ToolKind::Function,
    };
    let got = deltas(&written(reply(Dialect::Gemini), &[start(), open(0, part)]));
    let detail = json!({"type": "reasoning.encrypted", "data": "S", "id": "a", "format": "google-gemini-v1", "index": 0});
    assert_eq!(got[1]["reasoning_details"][0], detail);
    assert_eq!(got[2]["tool_calls"][0]["extra_content"]["google"]["thought_signature"], "S");
}

#[test]
fn an_error_ends_the_stream_without_done() {
    let fault = UpstreamFault::new(FaultKind::Overloaded, "busy");
    let all = [start(), Event::Error(fault), Event::Finish(StopReason::Stop), Event::End];
    let got = written(reply(Dialect::Anthropic), &all);
    let error = r#"{"error":{"message":"busy","type":"server_error","param":null,"code":"overloaded"}}"#;
    assert_eq!(got[1..], [error.to_owned()]);
}

#[test]
fn citations_count_from_the_beginning_of_the_answer() {
    let citation = crate::hub::Citation { url: Some("https://x".into()), ..Default::default() };
    let all = [
        start(),
        open(0, PartStart::Text),
        text(0, "äb"),
        end(0),
        open(1, PartStart::Text),
        Event::Cite { index: 1, citation },
        text(1, "cde"),
        end(1),
    ];
    let got = deltas(&written(reply(Dialect::Anthropic), &all));
    let place = &got[3]["annotations"][0]["url_citation"];
    assert_eq!((&place["start_index"], &place["end_index"]), (&json!(2), &json!(5)));
}

#[test]
fn what_is_written_is_read_back() {
    let usage = Usage { input: 3, output: 2, ..Usage::default() };
    let all = vec![
        Event::Start { id: "chatcmpl-1".into(), model: "m".into(), created: Some(5) },
        open(0, thought()),
        Event::Reasoning { index: 0, text: "hm".into() },
        end(0),
        open(1, PartStart::Text),
        text(1, "a"),
        end(1),
        open(2, tool("t")),
        Event::Arguments { index: 2, json: "{}".into() },
        end(2),
        Event::Finish(StopReason::ToolCalls),
        Event::Usage(usage),
        Event::End,
    ];
    let chunks = written(Reply { include_usage: true, ..reply(Dialect::OpenaiChat) }, &all);
    assert_eq!(events(&chunks.iter().map(String::as_str).collect::<Vec<_>>()), all);
}
