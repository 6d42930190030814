//! One conversation in each dialect, and the answer's words read back from each.

use serde_json::{Value, json};
use tidegate_testkit::client::{Answer, Client, Stream};
use tidegate_testkit::{FakeProvider, sse};

/// The dialects in which text is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Chat,
    Responses,
    Completions,
    Anthropic,
    Gemini,
}

/// Those that have tools and thoughts.
pub(crate) const FOUR: [Dialect; 4] =
    [Dialect::Chat, Dialect::Responses, Dialect::Anthropic, Dialect::Gemini];
/// All of them.
pub(crate) const FIVE: [Dialect; 5] =
    [Dialect::Chat, Dialect::Responses, Dialect::Completions, Dialect::Anthropic, Dialect::Gemini];

pub(crate) fn client(provider: &FakeProvider) -> Client {
    Client::new(provider.addr()).bearer("k").header("anthropic-version", "2023-06-01")
}

/// The bytes of a plain `/v1/completions` request; the connection stays open after it.
pub(crate) fn raw_request(model: &str) -> String {
    let body = json!({"model": model, "prompt": "hi"}).to_string();
    let length = body.len();
    format!(
        "POST /v1/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

impl Dialect {
    /// The path of a request for this model.
    pub(crate) fn path(self, model: &str, stream: bool) -> String {
        match self {
            Self::Chat => "/v1/chat/completions".into(),
            Self::Responses => "/v1/responses".into(),
            Self::Completions => "/v1/completions".into(),
            Self::Anthropic => "/v1/messages".into(),
            Self::Gemini if stream => format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
            Self::Gemini => format!("/v1beta/models/{model}:generateContent"),
        }
    }

    /// The body of a request in which the user says `hi`.
    pub(crate) fn body(self, model: &str, stream: bool) -> Value {
        let mut body = match self {
            Self::Chat => json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}),
            Self::Responses => json!({"model": model, "input": "hi"}),
            Self::Completions => json!({"model": model, "prompt": "hi"}),
            Self::Anthropic => {
                json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]})
            }
            Self::Gemini => return json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
        };
        body["stream"] = stream.into();
        if stream && matches!(self, Self::Chat | Self::Completions) {
            body["stream_options"] = json!({"include_usage": true});
        }
        body
    }

    /// Offers the tools `weather(city)` and `time(zone)`.
    pub(crate) fn with_tools(self, mut body: Value) -> Value {
        let schema = |field: &str| json!({"type": "object", "properties": {field: {"type": "string"}}});
        let tools = [("weather", schema("city")), ("time", schema("zone"))];
        let each =
            |make: &dyn Fn(&str, &Value) -> Value| tools.iter().map(|(name, s)| make(name, s)).collect();
        body["tools"] = match self {
            Self::Chat => {
                each(&|name, s| json!({"type": "function", "function": {"name": name, "parameters": s}}))
            }
            Self::Responses => each(&|name, s| json!({"type": "function", "name": name, "parameters": s})),
            Self::Anthropic => each(&|name, s| json!({"name": name, "input_schema": s})),
            Self::Gemini => {
                let declarations: Value = each(&|name, s| json!({"name": name, "parameters": s}));
                json!([{"functionDeclarations": declarations}])
            }
            Self::Completions => Value::Null,
        };
        body
    }

    pub(crate) async fn plain(self, provider: &FakeProvider, model: &str) -> Answer {
        client(provider).post(&self.path(model, false), &self.body(model, false)).await.unwrap()
    }

    pub(crate) async fn open(self, provider: &FakeProvider, model: &str) -> Stream {
        client(provider).open(&self.path(model, true), &self.body(model, true)).await.unwrap()
    }

    pub(crate) async fn events(self, provider: &FakeProvider, model: &str) -> Vec<sse::Event> {
        let (events, ended) = self.open(provider, model).await.events().await;
        assert!(ended, "{self:?} {model}: cut off");
        events
    }

    /// The text of a plain answer.
    pub(crate) fn text_of(self, answer: &Value) -> String {
        let text = match self {
            Self::Chat => &answer["choices"][0]["message"]["content"],
            Self::Completions => &answer["choices"][0]["text"],
            Self::Responses => return deep(&answer["output"], "type", "output_text", "text"),
            Self::Anthropic => return deep(&answer["content"], "type", "text", "text"),
            Self::Gemini => return gemini_text(answer),
        };
        text.as_str().unwrap_or_default().to_owned()
    }

    /// The text of a stream.
    pub(crate) fn streamed_text(self, events: &[sse::Event]) -> String {
        let piece = |event: &sse::Event| {
            let data = event.json();
            let text = match self {
                Self::Chat => &data["choices"][0]["delta"]["content"],
                Self::Completions => &data["choices"][0]["text"],
                Self::Responses if event.name == "response.output_text.delta" => &data["delta"],
                Self::Anthropic => &data["delta"]["text"],
                Self::Gemini => return gemini_text(&data),
                Self::Responses => &Value::Null,
            };
            text.as_str().unwrap_or_default().to_owned()
        };
        events.iter().map(piece).collect()
    }

    /// All prompt and completion tokens that a plain answer claims.
    pub(crate) fn usage_of(self, answer: &Value) -> (u64, u64) {
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let usage = &answer["usage"];
        match self {
            Self::Chat | Self::Completions => {
                (number(&usage["prompt_tokens"]), number(&usage["completion_tokens"]))
            }
            Self::Responses => (number(&usage["input_tokens"]), number(&usage["output_tokens"])),
            Self::Anthropic => {
                let parts = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
                (parts.iter().map(|part| number(&usage[part])).sum(), number(&usage["output_tokens"]))
            }
            Self::Gemini => {
                let usage = &answer["usageMetadata"];
                let output = number(&usage["candidatesTokenCount"]) + number(&usage["thoughtsTokenCount"]);
                (number(&usage["promptTokenCount"]), output)
            }
        }
    }

    /// The last counts that a stream told.
    pub(crate) fn streamed_usage(self, events: &[sse::Event]) -> Option<(u64, u64)> {
        let data = events.iter().rev().map(sse::Event::json);
        let told = |data: Value| if self == Self::Responses { data["response"].clone() } else { data };
        let key = if self == Self::Gemini { "usageMetadata" } else { "usage" };
        data.map(told).find(|data| data[key].is_object()).map(|data| self.usage_of(&data))
    }

    /// Why a plain answer says it stopped.
    pub(crate) fn finish_of(self, answer: &Value) -> String {
        let word = match self {
            Self::Chat | Self::Completions => &answer["choices"][0]["finish_reason"],
            Self::Responses => &answer["status"],
            Self::Anthropic => &answer["stop_reason"],
            Self::Gemini => &answer["candidates"][0]["finishReason"],
        };
        word.as_str().unwrap_or_default().to_owned()
    }

    /// The event that ends a good stream, as its name or data.
    pub(crate) fn has_end(self, events: &[sse::Event]) -> bool {
        let Some(last) = events.last() else { return false };
        match self {
            Self::Chat | Self::Completions => last.data == "[DONE]",
            Self::Responses => last.name == "response.completed",
            Self::Anthropic => last.name == "message_stop",
            Self::Gemini => last.json()["candidates"][0]["finishReason"].is_string(),
        }
    }

    /// Whether this event is the dialect's error event.
    pub(crate) fn is_error(self, event: &sse::Event) -> bool {
        match self {
            Self::Responses | Self::Anthropic => event.name == "error" && event.json()["type"] == "error",
            _ => event.json()["error"]["message"].is_string(),
        }
    }
}

fn gemini_text(chunk: &Value) -> String {
    let parts = chunk["candidates"][0]["content"]["parts"].as_array().cloned().unwrap_or_default();
    parts.iter().filter(|part| part["thought"] != true).filter_map(|part| part["text"].as_str()).collect()
}

/// The `field` of all objects in `value`, at any depth, whose `key` is `is`.
fn deep(value: &Value, key: &str, is: &str, field: &str) -> String {
    match value {
        Value::Array(all) => all.iter().map(|one| deep(one, key, is, field)).collect(),
        Value::Object(object) if value[key] == is => {
            object.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        Value::Object(object) => object.values().map(|one| deep(one, key, is, field)).collect(),
        _ => String::new(),
    }
}
