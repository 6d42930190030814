//! Builds the demo provider's answers.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::order::Order;
use super::{DemoAnswer, DemoBody, MODEL};

const STREAM: &str = "text/event-stream";
const JSON: &str = "application/json";

/// Answers an OpenAI chat request.
pub fn chat(body: &[u8]) -> DemoAnswer {
    let Ok(request) = serde_json::from_slice::<Value>(body) else {
        return failure(400, "the body is not JSON");
    };
    let order = Order::read(&request);
    if let Some(status) = order.fail {
        return failure(status, "the demo provider failed, as it was told");
    }
    let message = Message::of(&order);
    if request["stream"] == true {
        let with_usage = request["stream_options"]["include_usage"] == true;
        return stream(&order, &message, with_usage);
    }
    let mut said = json!({"role": "assistant", "content": message.text});
    if let Some(thought) = &message.thought {
        said["reasoning_content"] = json!(thought);
    }
    if let Some((name, arguments)) = &message.call {
        said["content"] = Value::Null;
        said["tool_calls"] = json!([call(name, arguments)]);
    }
    let answer = json!({
        "id": "chatcmpl-demo", "object": "chat.completion", "created": 0, "model": MODEL,
        "choices": [{"index": 0, "message": said, "finish_reason": message.finish()}],
        "usage": message.usage(&order),
    });
    DemoAnswer { status: 200, content_type: JSON, body: DemoBody::whole(answer.to_string()) }
}

/// Answers an OpenAI embeddings request: vectors of eight numbers that depend on the text alone.
pub fn embeddings(body: &[u8]) -> DemoAnswer {
    let Ok(request) = serde_json::from_slice::<Value>(body) else {
        return failure(400, "the body is not JSON");
    };
    let inputs = match &request["input"] {
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    };
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| json!({"object": "embedding", "index": index, "embedding": vector(&input.to_string())}))
        .collect();
    let tokens = inputs.iter().map(|input| input.to_string().len() as u64).sum::<u64>().div_ceil(4);
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    let answer = json!({"object": "list", "data": data, "model": MODEL, "usage": usage});
    DemoAnswer { status: 200, content_type: JSON, body: DemoBody::whole(answer.to_string()) }
}

/// Eight numbers from FNV-1a hashes of the text.
fn vector(text: &str) -> Vec<f64> {
    (0..8u64)
        .map(|seed| {
            let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
            (hash % 2001) as f64 / 1000.0 - 1.0
        })
        .collect()
}

struct Message {
    thought: Option<String>,
    text: String,
    call: Option<(String, String)>,
}

impl Message {
    fn of(order: &Order) -> Self {
        let thought = order.think.then(|| "The caller said something; I will repeat it.".to_owned());
        if let Some((name, schema)) = &order.tool {
            let call = Some((name.clone(), sample(schema).to_string()));
            return Self { thought, text: String::new(), call };
        }
        let text = match (&order.tool_result, order.words, &order.format) {
            (Some(result), ..) => format!("The tool said: {result}"),
            (None, Some(words), _) => vec!["echo"; words].join(" "),
            (None, None, Some(format)) if format["type"] == "json_schema" => {
                sample(&format["json_schema"]["schema"]).to_string()
            }
            (None, None, Some(format)) if format["type"] == "json_object" => {
                json!({"said": order.said}).to_string()
            }
            _ => format!("You said: {}", order.said),
        };
        Self { thought, text, call: None }
    }

    fn finish(&self) -> &'static str {
        if self.call.is_some() { "tool_calls" } else { "stop" }
    }

    /// A token is a word here: what can be checked by eye.
    fn usage(&self, order: &Order) -> Value {
        let words = |text: &str| text.split_whitespace().count();
        let reasoning = self.thought.as_deref().map_or(0, words);
        let output =
            words(&self.text) + reasoning + self.call.as_ref().map_or(0, |(_, json)| json.len().div_ceil(4));
        let input = order.prompt.div_ceil(4);
        json!({
            "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        })
    }
}

fn call(name: &str, arguments: &str) -> Value {
    json!({"id": "call_demo", "type": "function", "function": {"name": name, "arguments": arguments}})
}

fn stream(order: &Order, message: &Message, with_usage: bool) -> DemoAnswer {
    let chunk = |delta: Value, finish: Value| {
        let choices = json!([{"index": 0, "delta": delta, "finish_reason": finish}]);
        event(&json!({
            "id": "chatcmpl-demo", "object": "chat.completion.chunk", "created": 0, "model": MODEL, "choices": choices,
        }))
    };
    let mut pieces = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    for word in message.thought.iter().flat_map(|thought| thought.split_inclusive(' ')) {
        pieces.push(chunk(json!({"reasoning_content": word}), Value::Null));
    }
    for word in message.text.split_inclusive(' ') {
        pieces.push(chunk(json!({"content": word}), Value::Null));
    }
    if let Some((name, arguments)) = &message.call {
        let first = json!({"tool_calls": [{"index": 0, "id": "call_demo", "type": "function",
            "function": {"name": name, "arguments": ""}}]});
        pieces.push(chunk(first, Value::Null));
        pieces.push(chunk(
            json!({"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]}),
            Value::Null,
        ));
    }
    if order.cut {
        pieces.truncate((pieces.len() / 2).max(2));
        return paced(pieces, order.pace, true);
    }
    pieces.push(chunk(json!({}), json!(message.finish())));
    if with_usage {
        pieces.push(event(&json!({
            "id": "chatcmpl-demo", "object": "chat.completion.chunk", "created": 0, "model": MODEL, "choices": [],
            "usage": message.usage(order),
        })));
    }
    pieces.push(Bytes::from_static(b"data: [DONE]\n\n"));
    paced(pieces, order.pace, false)
}

fn paced(pieces: Vec<Bytes>, pace: Duration, cut: bool) -> DemoAnswer {
    DemoAnswer { status: 200, content_type: STREAM, body: DemoBody::paced(pieces, pace, cut) }
}

fn event(json: &Value) -> Bytes {
    Bytes::from(format!("data: {json}\n\n"))
}

fn failure(status: u16, message: &str) -> DemoAnswer {
    let kind = match status {
        401 => "authentication_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    };
    let body = json!({"error": {"message": message, "type": kind, "param": null, "code": "demo"}});
    DemoAnswer { status, content_type: JSON, body: DemoBody::whole(body.to_string()) }
}

/// A value that fits a JSON schema, as simple as can be.
fn sample(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"].get(0).and_then(Value::as_str));
    match kind {
        Some("object") => {
            let fields = schema["properties"].as_object();
            fields.into_iter().flatten().map(|(name, field)| (name.clone(), sample(field))).collect()
        }
        Some("array") => json!([sample(&schema["items"])]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        _ if schema["properties"].is_object() => {
            sample(&json!({"type": "object", "properties": schema["properties"]}))
        }
        Some("string") => json!("echo"),
        _ => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn ask(request: Value) -> (u16, String) {
        let answer = chat(request.to_string().as_bytes());
        let mut text = String::new();
        let mut body = answer.body;
        while let Some(Ok(frame)) = body.frame().await {
            text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
        (answer.status, text)
    }

    #[tokio::test]
    async fn echoes_and_follows_orders() {
        let (status, text) = ask(json!({"messages": [{"role": "user", "content": "hello !pace 0"}]})).await;
        assert_eq!(status, 200);
        assert!(text.contains("You said: hello"), "{text}");
        assert_eq!(ask(json!({"messages": [{"role": "user", "content": "!fail 429"}]})).await.0, 429);
    }

    #[tokio::test]
    async fn calls_a_tool_when_it_must() {
        let (_, text) = ask(json!({
            "messages": [{"role": "user", "content": "x"}], "tool_choice": "required",
            "tools": [{"type": "function", "function": {"name": "f",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}],
        }))
        .await;
        assert!(text.contains(r#""arguments":"{\"city\":\"echo\"}""#), "{text}");
    }

    #[tokio::test]
    async fn a_stream_ends_as_it_should() {
        let (_, text) =
            ask(json!({"stream": true, "messages": [{"role": "user", "content": "hi !pace 0"}]})).await;
        assert!(text.ends_with("data: [DONE]\n\n"));
        let (_, text) =
            ask(json!({"stream": true, "messages": [{"role": "user", "content": "hi !pace 0 !cut"}]})).await;
        assert!(!text.contains("[DONE]"));
    }
}
