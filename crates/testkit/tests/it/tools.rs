//! Tool calls: made, forced, forbidden, broken, and answered.

use serde_json::{Value, json};
use tidegate_testkit::{FakeProvider, SIGNATURE, sse};

use crate::dialects::{Dialect, FOUR, client};

/// Names and arguments of the calls in a plain answer.
fn calls_of(dialect: Dialect, answer: &Value) -> Vec<(String, Value)> {
    let list = match dialect {
        Dialect::Chat => &answer["choices"][0]["message"]["tool_calls"],
        Dialect::Responses => &answer["output"],
        Dialect::Anthropic => &answer["content"],
        _ => &answer["candidates"][0]["content"]["parts"],
    };
    let call = |call: &Value| {
        let parsed = |text: &Value| serde_json::from_str(text.as_str()?).ok();
        let (name, arguments) = match dialect {
            Dialect::Chat => (&call["function"]["name"], parsed(&call["function"]["arguments"])?),
            Dialect::Responses => (&call["name"], parsed(&call["arguments"])?),
            Dialect::Anthropic => (&call["name"], call.get("input")?.clone()),
            _ => (&call["functionCall"]["name"], call.get("functionCall")?["args"].clone()),
        };
        Some((name.as_str()?.to_owned(), arguments))
    };
    list.as_array().map(|calls| calls.iter().filter_map(call).collect()).unwrap_or_default()
}

/// Names and arguments of the calls in a stream, put together by index as a client does.
fn streamed_calls(dialect: Dialect, events: &[sse::Event]) -> Vec<(String, String)> {
    let mut calls: Vec<(u64, String, String)> = Vec::new();
    for event in events {
        let data = event.json();
        let (index, name, piece) = match dialect {
            Dialect::Chat => {
                let call = &data["choices"][0]["delta"]["tool_calls"][0];
                (&call["index"], &call["function"]["name"], &call["function"]["arguments"])
            }
            Dialect::Responses if event.name == "response.output_item.added" => {
                (&data["output_index"], &data["item"]["name"], &data["item"]["arguments"])
            }
            Dialect::Responses if event.name == "response.function_call_arguments.delta" => {
                (&data["output_index"], &Value::Null, &data["delta"])
            }
            Dialect::Anthropic => {
                (&data["index"], &data["content_block"]["name"], &data["delta"]["partial_json"])
            }
            _ => continue,
        };
        let (Some(index), piece) = (index.as_u64(), piece.as_str().unwrap_or_default()) else { continue };
        match (name.as_str(), calls.iter_mut().find(|call| call.0 == index)) {
            (Some(name), _) => calls.push((index, name.to_owned(), piece.to_owned())),
            (None, Some(call)) => call.2.push_str(piece),
            (None, None) => {}
        }
    }
    calls.into_iter().map(|(_, name, arguments)| (name, arguments)).collect()
}

#[tokio::test]
async fn tools_are_called() {
    let provider = FakeProvider::start().await.unwrap();
    let paris = |field: &str| json!({field: "Paris"});
    for dialect in FOUR {
        for (model, count) in [("tool", 1), ("tools2", 2)] {
            let expected = [("weather".to_owned(), paris("city")), ("time".to_owned(), paris("zone"))];
            let body = dialect.with_tools(dialect.body(model, false));
            let answer = client(&provider).post(&dialect.path(model, false), &body).await.unwrap().json();
            assert_eq!(calls_of(dialect, &answer), expected[..count], "{dialect:?} {model}");
            let finish = match dialect {
                Dialect::Chat => "tool_calls",
                Dialect::Responses => "completed",
                Dialect::Anthropic => "tool_use",
                _ => "STOP",
            };
            assert_eq!(dialect.finish_of(&answer), finish);
            let body = dialect.with_tools(dialect.body(model, true));
            let stream = client(&provider).open(&dialect.path(model, true), &body).await.unwrap();
            let (events, _) = stream.events().await;
            assert!(dialect.has_end(&events));
            if dialect != Dialect::Gemini {
                let streamed = streamed_calls(dialect, &events);
                let expected =
                    expected[..count].iter().map(|(name, arguments)| (name.clone(), arguments.to_string()));
                assert_eq!(streamed, expected.collect::<Vec<_>>(), "{dialect:?} {model}");
            }
        }
    }
}

#[tokio::test]
async fn parallel_calls_are_interleaved_where_the_dialect_can() {
    let provider = FakeProvider::start().await.unwrap();
    let body = Dialect::Chat.with_tools(Dialect::Chat.body("tools2", true));
    let (events, _) = client(&provider).open("/v1/chat/completions", &body).await.unwrap().events().await;
    let index = |event: &sse::Event| event.json()["choices"][0]["delta"]["tool_calls"][0]["index"].as_u64();
    let order: Vec<u64> = events.iter().filter_map(index).collect();
    assert_eq!(order[..5], [0, 1, 0, 1, 0]);
}

#[tokio::test]
async fn a_forced_tool_is_taken_and_a_forbidden_one_is_not() {
    let provider = FakeProvider::start().await.unwrap();
    let force = [
        (
            Dialect::Chat,
            "tool_choice",
            json!({"type": "function", "function": {"name": "time"}}),
            json!("none"),
        ),
        (Dialect::Responses, "tool_choice", json!({"type": "function", "name": "time"}), json!("none")),
        (Dialect::Anthropic, "tool_choice", json!({"type": "tool", "name": "time"}), json!({"type": "none"})),
        (
            Dialect::Gemini,
            "toolConfig",
            json!({"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["time"]}}),
            json!({"functionCallingConfig": {"mode": "NONE"}}),
        ),
    ];
    for (dialect, field, forced, forbidden) in force {
        let path = dialect.path("tool", false);
        let mut body = dialect.with_tools(dialect.body("tool", false));
        body[field] = forced;
        let answer = client(&provider).post(&path, &body).await.unwrap().json();
        assert_eq!(calls_of(dialect, &answer)[0].0, "time", "{dialect:?}");
        body[field] = forbidden;
        let answer = client(&provider).post(&path, &body).await.unwrap().json();
        assert_eq!(dialect.text_of(&answer), "You said: hi", "{dialect:?}");
    }
}

/// The request with the model's call and the result `sunny` put after it.
fn with_result(dialect: Dialect, model: &str, answer: &Value) -> Value {
    let mut body = dialect.with_tools(dialect.body(model, false));
    match dialect {
        Dialect::Chat => {
            let message = &answer["choices"][0]["message"];
            let id = &message["tool_calls"][0]["id"];
            let list = body["messages"].as_array_mut().unwrap();
            list.extend([message.clone(), json!({"role": "tool", "tool_call_id": id, "content": "sunny"})]);
        }
        Dialect::Responses => {
            let mut list = vec![json!({"role": "user", "content": "hi"})];
            let output = answer["output"].as_array().unwrap();
            list.extend(output.iter().cloned());
            let id = &output.last().unwrap()["call_id"];
            list.push(json!({"type": "function_call_output", "call_id": id, "output": "sunny"}));
            body["input"] = list.into();
        }
        Dialect::Anthropic => {
            let content = answer["content"].as_array().unwrap();
            let result = json!({"type": "tool_result", "tool_use_id": content.last().unwrap()["id"], "content": "sunny"});
            let list = body["messages"].as_array_mut().unwrap();
            list.push(json!({"role": "assistant", "content": content}));
            list.push(json!({"role": "user", "content": [result]}));
        }
        _ => {
            let result = json!({"functionResponse": {"name": "weather", "response": {"result": "sunny"}}});
            let list = body["contents"].as_array_mut().unwrap();
            list.push(answer["candidates"][0]["content"].clone());
            list.push(json!({"role": "user", "parts": [result]}));
        }
    }
    body
}

#[tokio::test]
async fn a_tool_result_is_answered_with_text() {
    let provider = FakeProvider::start().await.unwrap();
    for dialect in FOUR {
        for model in ["tool", "tool~signed"] {
            let path = dialect.path(model, false);
            let body = dialect.with_tools(dialect.body(model, false));
            let first = client(&provider).post(&path, &body).await.unwrap().json();
            let second = client(&provider).post(&path, &with_result(dialect, model, &first)).await.unwrap();
            assert_eq!(second.status, 200, "{dialect:?} {model}: {}", second.text());
            assert_eq!(dialect.text_of(&second.json()), "The tool said: sunny", "{dialect:?} {model}");
        }
    }
}

#[tokio::test]
async fn signed_thoughts_must_come_back() {
    let provider = FakeProvider::start().await.unwrap();
    let cases = [
        (Dialect::Anthropic, SIGNATURE, "Zm9yZ2Vk"),
        (Dialect::Anthropic, "\"type\":\"thinking\"", "\"type\":\"server_tool_use\""),
        (Dialect::Gemini, SIGNATURE, "Zm9yZ2Vk"),
        (Dialect::Gemini, "thoughtSignature", "lostSignature"),
    ];
    for (dialect, was, is) in cases {
        let path = dialect.path("tool~signed", false);
        let body = dialect.with_tools(dialect.body("tool~signed", false));
        let first = client(&provider).post(&path, &body).await.unwrap().text();
        assert!(first.contains(was));
        let changed = serde_json::from_str(&first.replace(was, is)).unwrap();
        let second =
            client(&provider).post(&path, &with_result(dialect, "tool~signed", &changed)).await.unwrap();
        assert_eq!(second.status, 400, "{dialect:?} {was}");
    }
}

#[tokio::test]
async fn bad_and_missing_arguments() {
    let provider = FakeProvider::start().await.unwrap();
    let post = async |dialect: Dialect, model: &str| {
        let body = dialect.with_tools(dialect.body(model, true));
        client(&provider).open(&dialect.path(model, true), &body).await.unwrap().events().await.0
    };
    for dialect in [Dialect::Chat, Dialect::Responses, Dialect::Anthropic] {
        let calls = streamed_calls(dialect, &post(dialect, "tool~toolbadjson").await);
        assert!(serde_json::from_str::<Value>(&calls[0].1).is_err(), "{dialect:?}");
        let calls = streamed_calls(dialect, &post(dialect, "tool~noargs").await);
        assert_eq!(calls, [("weather".to_owned(), String::new())], "{dialect:?}");
    }
    let gemini = post(Dialect::Gemini, "tool~toolbadjson").await;
    assert!(gemini.last().unwrap().data.contains("MALFORMED_FUNCTION_CALL"));
}
