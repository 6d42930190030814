//! Whole answers, both ways.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate_core::FaultKind;

use super::request;
use crate::codec::Reply;
use crate::hub::{ChatResponse, Citation, MediaKind, Part, Reasoning, StopReason, ToolCall, ToolKind};
use crate::openai_responses::{decode_response, encode_response};
use crate::{Dialect, Usage};

fn read(json: &Value) -> ChatResponse {
    decode_response::decode(json.to_string().as_bytes()).unwrap()
}

fn written(response: &ChatResponse, reply: &Reply) -> Value {
    serde_json::from_slice(&encode_response::encode(response, reply)).unwrap()
}

#[test]
fn every_item_becomes_a_part_in_order() {
    let annotation = json!({"type": "url_citation", "url": "https://x", "start_index": 0, "end_index": 2});
    let summary = json!([{"type": "summary_text", "text": "hm"}]);
    let response = read(&json!({"id": "resp_1", "model": "gpt-x", "created_at": 7.0, "status": "completed",
        "error": null, "output": [
            {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "gAAA"},
            {"type": "message", "content": [
                {"type": "output_text", "text": "so", "annotations": [annotation]},
                {"type": "refusal", "refusal": "no"}]},
            {"type": "web_search_call", "id": "ws"},
            {"type": "image_generation_call", "result": "QUJD"},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "x"}
        ],
        "usage": {"input_tokens": 3, "output_tokens": 4}
    }));
    assert_eq!((response.id.as_str(), response.created), ("resp_1", Some(7)));
    assert_eq!(response.stop, StopReason::ToolCalls);
    let [
        Part::Reasoning(thought),
        Part::Text { citations, .. },
        Part::Refusal(no),
        Part::Opaque { name, .. },
        Part::Media(picture),
        Part::ToolCall(broken),
        Part::ToolCall(custom),
    ] = response.parts.as_slice()
    else {
        panic!("{:?}", response.parts)
    };
    assert_eq!(thought.encrypted.as_deref(), Some("gAAA"));
    assert_eq!(thought.origin, Some(Dialect::OpenaiResponses));
    assert_eq!((citations[0].url.as_deref(), citations[0].end), (Some("https://x"), Some(2)), "case 32");
    assert_eq!((no.as_str(), name.as_str()), ("no", "output[2] (web_search_call)"));
    assert_eq!(picture.kind, MediaKind::Image);
    assert_eq!(broken.arguments, "{", "case 49: invalid arguments are passed on");
    assert_eq!((custom.arguments.as_str(), custom.kind), ("x", ToolKind::Custom));
    assert_eq!(response.usage.map(|usage| (usage.input, usage.output)), Some((3, 4)));
}

#[test]
fn case_15_incomplete_has_its_reason_and_case_07_its_usage() {
    let stop = |reason: Value| {
        read(&json!({"status": "incomplete", "incomplete_details": {"reason": reason}, "output": [],
            "usage": {"input_tokens": 1, "output_tokens": 2}}))
    };
    assert_eq!(stop(json!("max_output_tokens")).stop, StopReason::Length);
    assert_eq!(stop(json!("content_filter")).stop, StopReason::ContentFilter);
    assert_eq!(stop(json!("steered")).stop, StopReason::Other("steered".into()));
    assert_eq!(stop(json!(null)).usage.map(|usage| usage.total()), Some(3));
}

#[test]
fn case_14_and_fault_47_what_is_no_answer_is_a_fault() {
    let fault = |body: Value| decode_response::decode(body.to_string().as_bytes()).unwrap_err();
    let error = json!({"code": "rate_limit_exceeded", "message": "slow down"});
    let failed = fault(json!({"status": "failed", "output": [], "error": error}));
    assert_eq!((failed.kind, failed.status), (FaultKind::RateLimited, 429));
    assert_eq!(failed.message, "slow down");
    let error =
        json!({"type": "invalid_request_error", "code": "invalid_prompt", "message": "m", "param": "input"});
    let inside = fault(json!({"error": error}));
    assert_eq!((inside.kind, inside.param.as_deref()), (FaultKind::InvalidRequest, Some("input")));
    let too_long = fault(json!({"error": {"code": "context_length_exceeded", "message": "m"}, "output": []}));
    assert_eq!((too_long.kind, too_long.status), (FaultKind::InvalidRequest, 400));
    for body in [
        "<html>busy</html>",
        "{}",
        "[]",
        "null",
        "",
        r#"{"output":{}}"#,
        r#"{"output":["#,
        r#"{"status":"failed","output":[]}"#,
        r#"{"status":"in_progress","output":[]}"#,
        r#"{"error":"boom"}"#,
    ] {
        let fault = decode_response::decode(body.as_bytes()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Upstream, "{body}");
    }
}

#[test]
fn an_answer_repeats_the_request_and_gets_this_dialects_ids() {
    let tools = json!([{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search"}]);
    let asked = request(&json!({"model": "m", "instructions": "be brief", "input": "hi", "temperature": 0.2,
        "max_output_tokens": 50, "tools": tools, "tool_choice": {"type": "web_search"},
        "parallel_tool_calls": false, "truncation": "auto", "reasoning": {"effort": "low"},
        "metadata": {"a": "b"}, "text": {"verbosity": "low"}}));
    let reply =
        Reply { id: "x1".into(), model: "up".into(), now: 9, request: Arc::new(asked), ..Reply::default() };
    let thought = Reasoning {
        text: "hm".into(),
        signature: Some("sig".into()),
        origin: Some(Dialect::Anthropic),
        ..Reasoning::default()
    };
    let citation = Citation { url: Some("https://x".into()), ..Citation::default() };
    let usage = Usage { input: 5, output: 3, service_tier: Some("flex".into()), ..Usage::default() };
    let response = ChatResponse {
        id: "chatcmpl-5".into(),
        parts: vec![
            Part::Reasoning(thought),
            Part::Text { text: "a".into(), citations: vec![citation], cache: None },
            Part::text("b"),
            Part::ToolCall(ToolCall { id: "c".into(), name: "f".into(), ..ToolCall::default() }),
        ],
        stop: StopReason::ToolCalls,
        usage: Some(usage),
        ..ChatResponse::default()
    };
    let body = written(&response, &reply);
    for (name, value) in [
        ("id", json!("resp_chatcmpl-5")),
        ("object", json!("response")),
        ("status", json!("completed")),
        ("model", json!("up")),
        ("created_at", json!(9)),
        ("instructions", json!("be brief")),
        ("temperature", json!(0.2)),
        ("top_p", json!(1.0)),
        ("max_output_tokens", json!(50)),
        ("tools", tools),
        ("tool_choice", json!({"type": "web_search"})),
        ("parallel_tool_calls", json!(false)),
        ("truncation", json!("auto")),
        ("reasoning", json!({"effort": "low", "summary": null})),
        ("metadata", json!({"a": "b"})),
        ("text", json!({"format": {"type": "text"}, "verbosity": "low"})),
        ("previous_response_id", json!(null)),
        ("store", json!(false)),
        ("service_tier", json!("flex")),
    ] {
        assert_eq!(body[name], value, "{name}");
    }
    let annotation = json!({"type": "url_citation", "start_index": 0, "end_index": 1, "url": "https://x", "title": "https://x"});
    let seal = "tidegate.seal.1:anthropic:signature:sig";
    let thoughts = json!([{"type": "reasoning_text", "text": "hm"}]);
    assert_eq!(
        body["output"],
        json!([
            {"id": "rs_x1_0", "type": "reasoning", "summary": [], "content": thoughts, "encrypted_content": seal},
            {"id": "msg_x1_1", "type": "message", "status": "completed", "role": "assistant", "content": [
                {"type": "output_text", "text": "a", "annotations": [annotation], "logprobs": []},
                {"type": "output_text", "text": "b", "annotations": [], "logprobs": []}]},
            {"id": "fc_x1_2", "type": "function_call", "status": "completed", "arguments": "{}", "call_id": "c", "name": "f"}
        ])
    );
}

#[test]
fn case_57_a_seal_without_text_is_kept_on_the_way_there_and_back() {
    let origin = Some(Dialect::Anthropic);
    let thought = Reasoning { signature: Some("sig".into()), origin, ..Reasoning::default() };
    let redacted = Reasoning { encrypted: Some("data".into()), origin, ..Reasoning::default() };
    let parts = vec![Part::Reasoning(thought), Part::Reasoning(redacted), Part::text("x")];
    let reply = Reply { id: "e".into(), ..Reply::default() };
    let body = written(&ChatResponse { parts, ..ChatResponse::default() }, &reply);
    let mut input = body["output"].clone();
    input.as_array_mut().unwrap().push(json!({"role": "user", "content": "go on"}));
    let again = request(&json!({"model": "m", "input": input}));
    let [Part::Reasoning(thought), Part::Reasoning(redacted), Part::Text { .. }] =
        again.turns[0].parts.as_slice()
    else {
        panic!("{:?}", again.turns[0].parts)
    };
    assert_eq!((thought.signature.as_deref(), thought.origin), (Some("sig"), origin));
    assert_eq!((redacted.encrypted.as_deref(), redacted.origin), (Some("data"), origin));
}

#[test]
fn ends_are_told_as_status_and_reason() {
    let status = |stop: StopReason, part: Part| {
        let response = ChatResponse { stop, parts: vec![part], ..ChatResponse::default() };
        let body = written(&response, &Reply::default());
        assert_eq!(body["output"][0]["status"], body["status"]);
        (body["status"].clone(), body["incomplete_details"]["reason"].clone())
    };
    let text = || Part::text("x");
    let completed = (json!("completed"), json!(null));
    let incomplete = |reason: &str| (json!("incomplete"), json!(reason));
    assert_eq!(status(StopReason::Stop, text()), completed);
    assert_eq!(status(StopReason::StopSequence(None), text()), completed);
    assert_eq!(status(StopReason::Length, text()), incomplete("max_output_tokens"));
    assert_eq!(status(StopReason::ContentFilter, text()), incomplete("content_filter"));
    assert_eq!(status(StopReason::Refusal, text()), incomplete("content_filter"));
    assert_eq!(status(StopReason::Refusal, Part::Refusal("no".into())), completed);
    assert_eq!(status(StopReason::Other("odd".into()), text()), incomplete("odd"));
}
