//! Requests that the vendors refuse.

use serde_json::{Value, json};
use tidegate_testkit::client::Client;
use tidegate_testkit::{FakeProvider, SIGNATURE};

use crate::dialects::{Dialect, client};

async fn refused(provider: &FakeProvider, dialect: Dialect, changes: Value, needle: &str) {
    let mut body = dialect.body("text", false);
    let fields = body.as_object_mut().unwrap();
    for (field, value) in changes.as_object().unwrap() {
        fields.insert(field.clone(), value.clone());
    }
    let answer = client(provider).post(&dialect.path("text", false), &body).await.unwrap();
    assert_eq!(answer.status, 400, "{dialect:?} {changes}");
    assert!(answer.text().contains(needle), "{dialect:?} {changes}: {}", answer.text());
    fields_lax(provider, dialect, body).await;
}

/// The same request passes when the model is lax.
async fn fields_lax(provider: &FakeProvider, dialect: Dialect, mut body: Value) {
    if body.get("model").is_some() {
        body["model"] = "text~lax".into();
    }
    let answer = client(provider).post(&dialect.path("text~lax", false), &body).await.unwrap();
    assert_eq!(answer.status, 200, "{dialect:?}");
}

#[tokio::test]
async fn chat() {
    let provider = FakeProvider::start().await.unwrap();
    let call = json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    let user = json!({"role": "user", "content": "hi"});
    let result = json!({"role": "tool", "tool_call_id": "c1", "content": "x"});
    let cases = [
        (json!({"messages": []}), "non-empty"),
        (json!({"messages": null}), "Missing required parameter: 'messages'"),
        (json!({"tool_choice": "auto"}), "'tool_choice' is only allowed when 'tools'"),
        (json!({"stream_options": {"include_usage": true}}), "only allowed when 'stream'"),
        (json!({"metadata": {"a": "b"}}), "only allowed when 'store'"),
        (json!({"messages": [user, call, user, result]}), "c1"),
        (json!({"messages": [user, result]}), "must be a response to a preceding message"),
        (json!({"messages": [user, call]}), "did not have response messages: c1"),
        (json!({"messages": [{"role": "model", "content": "x"}]}), "'model'"),
        (json!({"tools": [{"type": "function", "function": {"name": "a.b"}}]}), "a.b"),
    ];
    for (changes, needle) in cases {
        refused(&provider, Dialect::Chat, changes, needle).await;
    }
}

#[tokio::test]
async fn responses() {
    let provider = FakeProvider::start().await.unwrap();
    let user = json!({"role": "user", "content": "hi"});
    let output = json!({"type": "function_call_output", "call_id": "c9", "output": "x"});
    let reasoning = json!({"type": "reasoning", "id": "rs_1", "summary": []});
    let cases = [
        (json!({"input": null}), "input"),
        (json!({"messages": []}), "moved to 'input'"),
        (json!({"input": [user, output]}), "No tool call found for function call output with call_id c9"),
        (json!({"input": [reasoning, user]}), "required following item"),
        (json!({"input": [{"type": "function_call", "role": "assistant", "call_id": "a"}]}), "input[0].role"),
    ];
    for (changes, needle) in cases {
        refused(&provider, Dialect::Responses, changes, needle).await;
    }
}

#[tokio::test]
async fn anthropic() {
    let provider = FakeProvider::start().await.unwrap();
    let user = json!({"role": "user", "content": "hi"});
    let call = |id: &str| json!({"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "f", "input": {}}]});
    let result = |id: &str| json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "x"}]});
    let thought = |signature: &str| json!({"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": signature}]});
    let cases = [
        (json!({"max_tokens": null}), "max_tokens: Field required"),
        (json!({"temperature": 1.5}), "temperature"),
        (json!({"messages": [{"role": "system", "content": "x"}]}), "Input should be 'user' or 'assistant'"),
        (json!({"messages": [{"role": "user", "content": ""}, user]}), "non-empty content"),
        (json!({"messages": [user, call("a:b"), result("a:b")]}), "should match pattern"),
        (json!({"messages": [user, call("a"), user]}), "without `tool_result` blocks"),
        (json!({"messages": [user, result("a")]}), "unexpected `tool_use_id`"),
        (json!({"messages": [user, thought("other"), user]}), "Invalid `signature`"),
        (json!({"tools": [{"name": "f"}]}), "input_schema: Field required"),
        (json!({"tool_choice": {"type": "any"}}), "while providing tools"),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 2000}}), "must be greater than"),
    ];
    for (changes, needle) in cases {
        refused(&provider, Dialect::Anthropic, changes, needle).await;
    }
    let mut body = Dialect::Anthropic.body("text", false);
    let keyed = Client::new(provider.addr()).header("x-api-key", "k");
    assert_eq!(keyed.post("/v1/messages", &body).await.unwrap().status, 400);
    body["messages"] = json!([user, thought(SIGNATURE), user]);
    assert_eq!(client(&provider).post("/v1/messages", &body).await.unwrap().status, 200);
}

#[tokio::test]
async fn gemini() {
    let provider = FakeProvider::start().await.unwrap();
    let tool =
        |schema: Value| json!({"tools": [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]});
    let call = json!({"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]});
    let user = json!({"role": "user", "parts": [{"text": "hi"}]});
    let cases = [
        (json!({"contents": []}), "contents is not specified"),
        (json!({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}), "valid role"),
        (json!({"contents": [{"role": "user", "parts": []}]}), "must not be empty"),
        (json!({"contents": [user, call, user]}), "number of function response parts"),
        (
            tool(json!({"type": "object", "additionalProperties": false})),
            "Unknown name \\\"additionalProperties\\\"",
        ),
        (tool(json!({"type": "object", "properties": {"a": {"type": "array"}}})), "items: missing field"),
        (tool(json!({"type": ["string", "null"]})), "not repeating"),
    ];
    for (changes, needle) in cases {
        refused(&provider, Dialect::Gemini, changes, needle).await;
    }
}
