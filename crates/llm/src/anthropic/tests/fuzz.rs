//! No bytes make the decoders panic, and what they take the encoders can write.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::Profile;
use crate::anthropic::decode_stream::Decoder;
use crate::anthropic::encode_stream::Encoder;
use crate::anthropic::{decode_request, decode_response, encode_request, encode_response, error, usage};
use crate::codec::Reply;
use crate::sse::SseEvent;

const WORDS: &str = "text image document tool_use tool_result thinking redacted_thinking mid_conv_system user \
    assistant system base64 url auto enabled adaptive disabled message_start content_block_start content_block_delta \
    content_block_stop message_delta message_stop error text_delta input_json_delta signature_delta \
    x-anthropic-billing-header é🌊";

const NAMES: &str = "type role content messages system model max_tokens tools tool_choice thinking output_config format \
    schema source data media_type text id name input index delta content_block message usage input_tokens \
    output_tokens cache_creation error stop_reason cache_control citations partial_json metadata tool_use_id \
    budget_tokens";

fn one_of(words: &'static str) -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(words.split_whitespace().collect::<Vec<_>>())
}

/// Values made of the words that the decoders look for.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        one_of(WORDS).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let fields = prop::collection::vec((one_of(NAMES), inner.clone()), 0..7);
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Value::from),
            fields.prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

fn try_all(bytes: &[u8]) {
    let reply = Reply::default();
    if let Ok(request) = decode_request::decode(bytes) {
        for model in ["claude-sonnet-4-5", "claude-opus-5-5", "other"] {
            if let Ok(encoded) = encode_request::encode(&request, &Profile::plain(model)) {
                serde_json::from_slice::<Value>(&encoded.body).unwrap();
            }
        }
        crate::tokens::estimate_request(&request);
    }
    if let Ok(response) = decode_response::decode(bytes) {
        serde_json::from_slice::<Value>(&encode_response::encode(&response, &reply)).unwrap();
    }
    error::decode(500, bytes);
    usage::of_response(bytes);
}

proptest! {
    #[test]
    fn any_bytes_are_taken_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        try_all(&bytes);
        let mut out = Vec::new();
        let _ = Decoder::default().decode(SseEvent { name: "error", data: &bytes }, &mut out);
    }

    #[test]
    fn any_json_is_taken_without_panic(value in value()) {
        try_all(value.to_string().as_bytes());
    }

    #[test]
    fn any_request_like_json_is_taken_without_panic(messages in prop::collection::vec(value(), 1..4), system in value(),
        content in prop::collection::vec(value(), 0..5), thinking in value(), choice in value()) {
        let mut messages = messages;
        messages.push(json!({"role": "user", "content": content}));
        try_all(json!({"model": "m", "max_tokens": 9, "messages": messages}).to_string().as_bytes());
        try_all(json!({"model": "m", "max_tokens": 9, "system": system, "thinking": thinking, "tool_choice": choice,
            "tools": [{"name": "f"}], "messages": [{"role": "user", "content": "x"}]}).to_string().as_bytes());
        try_all(json!({"content": content, "usage": thinking}).to_string().as_bytes());
    }

    #[test]
    fn any_stream_is_taken_without_panic_and_can_be_written(values in prop::collection::vec(value(), 0..12)) {
        let mut decoder = Decoder::default();
        let mut events = Vec::new();
        for value in values {
            let data = value.to_string();
            let before = events.len();
            if decoder.decode(SseEvent { name: "", data: data.as_bytes() }, &mut events).is_err() {
                prop_assert_eq!(events.len(), before, "a malformed event changes nothing");
            }
        }
        decoder.finish(&mut events);
        let mut encoder = Encoder::new(Reply::default());
        let mut out = Vec::new();
        for event in &events {
            encoder.encode(event, &mut out);
        }
        prop_assert!(String::from_utf8(out).is_ok());
    }
}
