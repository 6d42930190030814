//! Whole answers, both ways.

use serde_json::{Value, json};
use tidegate_core::{FaultKind, NanoUsd};

use crate::Dialect;
use crate::anthropic::{decode_response, encode_response, usage};
use crate::codec::Reply;
use crate::hub::{ChatResponse, Citation, Part, Reasoning, StopReason, ToolCall};
use crate::usage::Usage;

fn read(body: Value) -> ChatResponse {
    decode_response::decode(body.to_string().as_bytes()).unwrap()
}

fn write(response: &ChatResponse) -> Value {
    let reply = Reply { id: "x1".into(), model: "claude".into(), ..Reply::default() };
    serde_json::from_slice(&encode_response::encode(response, &reply)).unwrap()
}

fn full() -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-4-6",
        "content": [
            {"type": "thinking", "thinking": "", "signature": "SEAL"},
            {"type": "redacted_thinking", "data": "XX"},
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}},
            {"type": "text", "text": "so", "citations": [{"type": "web_search_result_location", "url": "u",
                "title": "t", "cited_text": "c", "encrypted_index": "e"}]},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"b": 1, "a": [2]}}],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 10, "cache_creation_input_tokens": 300, "cache_read_input_tokens": 1000,
            "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
            "output_tokens": 50, "output_tokens_details": {"thinking_tokens": 30}, "service_tier": "priority"}})
}

#[test]
fn case_10_searches_are_counted_by_the_usage_and_not_by_the_tools() {
    let mut body = full();
    assert_eq!(
        read(body.clone()).usage.unwrap().web_searches,
        0,
        "a search is in the content, none in the usage"
    );
    body["usage"]["server_tool_use"] = json!({"web_search_requests": 3, "web_fetch_requests": 9});
    assert_eq!(usage::of_response(body.to_string().as_bytes()).unwrap().web_searches, 3);
    let answer = read(body);
    assert_eq!(answer.usage.as_ref().unwrap().web_searches, 3);
    assert_eq!(write(&answer)["usage"]["server_tool_use"], json!({"web_search_requests": 3}));
    let routed =
        json!({"prompt_tokens": 1, "completion_tokens": 1, "server_tool_use": {"web_search_requests": 2}});
    assert_eq!(crate::openai_chat::usage::read(&routed, None).unwrap().web_searches, 2);
}

#[test]
fn an_answer_comes_back_as_it_was() {
    assert_eq!(write(&read(full())), full());
}

#[test]
fn case_01_08_09_input_has_the_caches_in_it() {
    let usage = read(full()).usage.unwrap();
    assert_eq!(
        (usage.input, usage.cache_read, usage.cache_write, usage.cache_write_1h),
        (1310, 1000, 300, 200)
    );
    assert_eq!((usage.output, usage.reasoning, usage.service_tier.as_deref()), (50, 30, Some("priority")));
    assert_eq!(usage::of_response(full().to_string().as_bytes()), Some(usage));
}

#[test]
fn case_11_the_tier_is_told_and_the_cost_where_set() {
    let usage = Usage {
        input: 5,
        output: 1,
        service_tier: Some("default".into()),
        cost: Some(NanoUsd(1_500_000)),
        ..Usage::default()
    };
    let body = write(&ChatResponse { usage: Some(usage), ..ChatResponse::default() });
    assert_eq!(
        body["usage"],
        json!({"input_tokens": 5, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0, "output_tokens": 1, "service_tier": "standard", "cost": 0.0015})
    );
}

#[test]
fn answers_of_others_get_this_dialects_shape() {
    let parts = vec![
        Part::Reasoning(Reasoning {
            text: "hm".into(),
            origin: Some(Dialect::OpenaiChat),
            ..Reasoning::default()
        }),
        Part::Reasoning(Reasoning {
            encrypted: Some("E".into()),
            origin: Some(Dialect::OpenaiResponses),
            ..Reasoning::default()
        }),
        Part::Text {
            text: "t".into(),
            cache: None,
            citations: vec![Citation {
                url: Some("u".into()),
                title: Some("n".into()),
                ..Citation::default()
            }],
        },
        Part::Refusal("no".into()),
        Part::ToolCall(ToolCall { id: "a".into(), name: "f".into(), ..ToolCall::default() }),
        Part::ToolCall(ToolCall {
            id: "b".into(),
            name: "f".into(),
            arguments: "{oops".into(),
            ..ToolCall::default()
        }),
    ];
    let body = write(&ChatResponse { id: "chatcmpl-9".into(), parts, ..ChatResponse::default() });
    assert_eq!((&body["id"], &body["model"]), (&json!("msg_chatcmpl-9"), &json!("claude")));
    assert_eq!(body["stop_reason"], "refusal");
    assert_eq!(
        body["content"],
        json!([
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "text", "text": "t", "citations": [{"type": "web_search_result_location", "cited_text": "",
            "encrypted_index": "", "title": "n", "url": "u"}]},
        {"type": "text", "text": "no"},
        {"type": "tool_use", "id": "a", "name": "f", "input": {}},
        {"type": "tool_use", "id": "b", "name": "f", "input": {"input": "{oops"}}])
    );
    assert_eq!(write(&ChatResponse::default())["id"], "msg_x1");
}

#[test]
fn case_15_stop_reasons_hold_both_ways() {
    let both = [
        ("end_turn", StopReason::Stop),
        ("max_tokens", StopReason::Length),
        ("tool_use", StopReason::ToolCalls),
        ("refusal", StopReason::Refusal),
        ("pause_turn", StopReason::Pause),
        ("model_context_window_exceeded", StopReason::ContextWindow),
        ("of_tomorrow", StopReason::Other("of_tomorrow".into())),
    ];
    for (word, stop) in both {
        assert_eq!(read(json!({"content": [], "stop_reason": word})).stop, stop);
        assert_eq!(write(&ChatResponse { stop, ..ChatResponse::default() })["stop_reason"], word);
    }
    let stopped = read(json!({"content": [], "stop_reason": "stop_sequence", "stop_sequence": "END"}));
    assert_eq!(stopped.stop, StopReason::StopSequence(Some("END".into())));
    assert_eq!(write(&stopped)["stop_sequence"], "END");
    let filtered = ChatResponse { stop: StopReason::ContentFilter, ..ChatResponse::default() };
    assert_eq!(write(&filtered)["stop_reason"], "refusal");
}

#[test]
fn an_error_or_nonsense_in_a_200_is_a_fault() {
    let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}});
    let fault = decode_response::decode(error.to_string().as_bytes()).unwrap_err();
    assert_eq!((fault.kind, fault.status, fault.message.as_str()), (FaultKind::Overloaded, 529, "busy"));
    for nonsense in ["", "[]", "{}", "<html>", "{\"content\": 5}"] {
        assert_eq!(decode_response::decode(nonsense.as_bytes()).unwrap_err().kind, FaultKind::Upstream);
    }
}
