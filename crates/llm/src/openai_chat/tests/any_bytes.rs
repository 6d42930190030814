//! No bytes make a decoder panic, and what a decoder takes, the encoders can write.

use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::codec::Reply;
use crate::completions;
use crate::openai_chat::encode_stream::Encoder;
use crate::openai_chat::{
    decode_request, decode_response, decode_stream, encode_request, encode_response, error,
};
use crate::quirks::{Profile, Quirks};
use crate::sse::SseEvent;

/// Every field name and word that the decoders look for, so that random values get deep.
const WORDS: [&str; 70] = [
    "model",
    "messages",
    "role",
    "content",
    "user",
    "assistant",
    "tool",
    "function",
    "system",
    "developer",
    "type",
    "text",
    "image_url",
    "url",
    "input_audio",
    "data",
    "format",
    "file",
    "file_data",
    "file_id",
    "refusal",
    "tool_calls",
    "id",
    "name",
    "arguments",
    "custom",
    "input",
    "tool_call_id",
    "function_call",
    "functions",
    "tools",
    "parameters",
    "strict",
    "tool_choice",
    "allowed_tools",
    "mode",
    "response_format",
    "json_schema",
    "schema",
    "stop",
    "stream",
    "stream_options",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "reasoning.text",
    "reasoning.encrypted",
    "signature",
    "index",
    "google-gemini-v1",
    "extra_content",
    "google",
    "thought_signature",
    "annotations",
    "url_citation",
    "choices",
    "message",
    "delta",
    "finish_reason",
    "usage",
    "prompt_tokens",
    "completion_tokens",
    "error",
    "code",
    "detail",
    "cache_control",
    "prompt",
    "metadata",
    "n",
    "data:image/png;base64,AA",
];

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(&WORDS[..]).prop_map(Value::from),
        ".{0,5}".prop_map(Value::from),
    ];
    leaf.prop_recursive(7, 64, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object(inner).prop_map(Value::Object),
        ]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let entry = (proptest::sample::select(&WORDS[..]).prop_map(str::to_owned), inner);
    proptest::collection::vec(entry, 0..6).prop_map(|entries| entries.into_iter().collect())
}

/// Feeds the bytes to everything that reads.
fn read_all(bytes: &[u8]) {
    for request in
        [decode_request::decode(bytes), completions::decode_request::decode(bytes)].into_iter().flatten()
    {
        let quirks = Quirks { plain_patterns: true, no_openai_extras: true, ..Quirks::default() };
        let _ = encode_request::encode(&request, &Profile::plain("m"));
        let _ = encode_request::encode(&request, &Profile { quirks, ..Profile::plain("m") });
    }
    if let Ok(response) = decode_response::decode(bytes) {
        let body = encode_response::encode(&response, &Reply::default());
        assert!(serde_json::from_slice::<Value>(&body).is_ok());
    }
    let _ = error::decode(500, bytes);
    let mut decoder = decode_stream::Decoder::default();
    let mut events = Vec::new();
    for name in ["", "", "error"] {
        let _ = decoder.decode(SseEvent { name, data: bytes }, &mut events);
    }
    decoder.finish(&mut events);
    let mut encoder = Encoder::new(Reply { include_usage: true, ..Reply::default() });
    let mut out = Vec::new();
    for event in &events {
        encoder.encode(event, &mut out);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_taken_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }

    #[test]
    fn any_json_is_taken_without_panic(value in json()) {
        read_all(value.to_string().as_bytes());
    }

    #[test]
    fn any_message_is_taken_without_panic(message in object(json()), role in 4usize..10, rest in object(json())) {
        let mut message = message;
        message.insert("role".into(), WORDS[role].into());
        let mut body = rest;
        body.insert("model".into(), "m".into());
        body.insert("messages".into(), Value::from(vec![Value::Object(message)]));
        read_all(Value::Object(body).to_string().as_bytes());
    }

    #[test]
    fn any_delta_is_taken_without_panic(delta in object(json()), message in object(json())) {
        let chunk = serde_json::json!({"id": "c", "choices": [{"delta": delta, "message": message}]});
        read_all(chunk.to_string().as_bytes());
    }
}
