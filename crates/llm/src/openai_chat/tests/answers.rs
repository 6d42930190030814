//! Whole answers, read and written.

use serde_json::{Value, json};
use tidegate_core::FaultKind;

use crate::codec::Reply;
use crate::fault::UpstreamFault;
use crate::hub::{ChatResponse, Citation, Part, Reasoning, StopReason, ToolCall, ToolKind};
use crate::openai_chat::{decode_response, encode_response};
use crate::{Dialect, Usage};

fn read(body: &Value) -> Result<ChatResponse, UpstreamFault> {
    decode_response::decode(body.to_string().as_bytes())
}

fn message(message: Value, finish_reason: &str) -> ChatResponse {
    read(&json!({"id": "chatcmpl-1", "model": "m", "created": 5,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}]}))
    .unwrap()
}

fn write(response: &ChatResponse) -> Value {
    let reply = Reply { id: "x1".into(), model: "fallback".into(), now: 9, ..Reply::default() };
    serde_json::from_slice(&encode_response::encode(response, &reply)).unwrap()
}

fn call(id: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.into(), name: "f".into(), arguments: arguments.into(), ..ToolCall::default() }
}

#[test]
fn an_answer_comes_back_whole() {
    let response = ChatResponse {
        id: "chatcmpl-1".into(),
        model: "m".into(),
        created: Some(5),
        parts: vec![
            Part::Reasoning(Reasoning {
                text: "hm".into(),
                signature: Some("sig".into()),
                origin: Some(Dialect::Anthropic),
                ..Reasoning::default()
            }),
            Part::text("hello"),
            Part::ToolCall(ToolCall { signature: Some("S".into()), ..call("a", "{\"x\":1}") }),
            Part::ToolCall(ToolCall { kind: ToolKind::Custom, ..call("b", "free") }),
        ],
        stop: StopReason::ToolCalls,
        usage: Some(Usage { input: 10, output: 5, service_tier: Some("flex".into()), ..Usage::default() }),
    };
    assert_eq!(read(&write(&response)).unwrap(), response);
}

#[test]
fn the_shape_is_openais() {
    let response = ChatResponse {
        id: "msg_01".into(),
        parts: vec![Part::text("a"), Part::text("b")],
        usage: Some(Usage { input: 2, output: 1, ..Usage::default() }),
        ..ChatResponse::default()
    };
    let reply = Reply { id: "x1".into(), model: "fallback".into(), now: 9, ..Reply::default() };
    let body = String::from_utf8(encode_response::encode(&response, &reply)).unwrap();
    let expected = concat!(
        r#"{"id":"chatcmpl-msg_01","object":"chat.completion","created":9,"model":"fallback","choices":[{"index":0,"#,
        r#""message":{"role":"assistant","content":"ab","refusal":null,"annotations":[]},"logprobs":null,"#,
        r#""finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":1,"total_tokens":3,"#,
        r#""prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":"#,
        r#"{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}"#
    );
    assert_eq!(body, expected);
}

#[test]
fn case_32_citations_are_read_and_written_with_their_place() {
    let cited = Citation { url: Some("https://x".into()), title: Some("X".into()), ..Citation::default() };
    let response = ChatResponse {
        parts: vec![Part::text("äb "), Part::Text { text: "cd".into(), citations: vec![cited], cache: None }],
        ..ChatResponse::default()
    };
    let body = write(&response);
    let annotation = &body["choices"][0]["message"]["annotations"][0];
    let expected = json!({"type": "url_citation",
        "url_citation": {"end_index": 5, "start_index": 3, "title": "X", "url": "https://x"}});
    assert_eq!(annotation, &expected);
    let again = read(&body).unwrap();
    let Part::Text { text, citations, .. } = &again.parts[0] else { panic!("{again:?}") };
    assert_eq!((text.as_str(), citations[0].start, citations[0].end), ("äb cd", Some(3), Some(5)));
}

#[test]
fn case_22_stop_with_tool_calls_is_tool_calls() {
    let calls = json!([{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
    assert_eq!(message(json!({"content": null, "tool_calls": calls}), "stop").stop, StopReason::ToolCalls);
}

#[test]
fn case_49_broken_arguments_do_not_abort_the_answer() {
    let calls = json!([{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\":"}}]);
    assert_eq!(
        message(json!({"tool_calls": calls}), "tool_calls").parts,
        [Part::ToolCall(call("a", "{\"x\":"))]
    );
}

#[test]
fn calls_without_id_or_with_objects_are_read() {
    let calls = json!([{"function": {"name": "f", "arguments": {"x": 1}}}, {"function": {"name": "f"}}]);
    let parts = message(json!({"tool_calls": calls}), "tool_calls").parts;
    let expected = [call("call_chatcmpl1_0", "{\"x\":1}"), call("call_chatcmpl1_1", "")];
    assert_eq!(parts, expected.map(Part::ToolCall));
}

#[test]
fn case_19_a_call_without_arguments_is_written_with_an_empty_object() {
    let response = ChatResponse { parts: vec![Part::ToolCall(call("a", ""))], ..ChatResponse::default() };
    assert_eq!(write(&response)["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"], "{}");
}

#[test]
fn thoughts_of_every_spelling_are_read() {
    let thought = |text: &str| Part::Reasoning(Reasoning { text: text.into(), ..Reasoning::default() });
    for spelling in [
        json!({"reasoning_content": "hm", "content": "a"}),
        json!({"reasoning": "hm", "content": "a"}),
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}]}),
    ] {
        assert_eq!(message(spelling, "stop").parts, [thought("hm"), Part::text("a")]);
    }
}

#[test]
fn an_old_function_call_is_a_tool_call() {
    let response = message(json!({"function_call": {"name": "f", "arguments": "{}"}}), "function_call");
    assert_eq!(response.parts, [Part::ToolCall(call("call_chatcmpl1_0", "{}"))]);
    assert_eq!(response.stop, StopReason::ToolCalls);
}

#[test]
fn case_14_an_answer_that_failed_is_a_fault() {
    let body = |reason: &str| json!({"choices": [{"message": {"content": "half"}, "finish_reason": reason}]});
    assert_eq!(read(&body("error")).unwrap_err().kind, FaultKind::Upstream);
    assert_eq!(read(&body("insufficient_system_resource")).unwrap_err().kind, FaultKind::Overloaded);
}

#[test]
fn fault_47_and_49_errors_and_nonsense_inside_a_200_are_faults() {
    for (body, kind) in [
        (r#"{"error":{"message":"slow down","code":429}}"#, FaultKind::RateLimited),
        ("<html>hello</html>", FaultKind::Upstream),
        (r#"{"choices":[{"message":{"content":"ha"#, FaultKind::Upstream),
        ("", FaultKind::Upstream),
        (r#"{"choices":[]}"#, FaultKind::Upstream),
        ("null", FaultKind::Upstream),
    ] {
        assert_eq!(decode_response::decode(body.as_bytes()).unwrap_err().kind, kind, "{body}");
    }
}

#[test]
fn fault_43_nonsense_usage_is_no_usage() {
    let body = json!({"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": -5, "completion_tokens": 2}});
    assert_eq!(read(&body).unwrap().usage, None);
}

#[test]
fn refusals_go_both_ways() {
    let response = message(json!({"content": null, "refusal": "I can't."}), "stop");
    assert_eq!(response.parts, [Part::Refusal("I can't.".into())]);
    let body = write(&ChatResponse { stop: StopReason::Refusal, ..response });
    assert_eq!(body["choices"][0]["finish_reason"], "content_filter");
    assert_eq!(body["choices"][0]["message"]["refusal"], "I can't.");
    assert_eq!(body["choices"][0]["message"]["content"], Value::Null);
}
