//! Any bytes and any JSON are read without panic, and what is written can be read again.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::datas;
use crate::Dialect;
use crate::codec::Reply;
use crate::hub::Event;
use crate::openai_responses::{
    decode_request, decode_response, decode_stream, encode_request, encode_response, encode_stream,
};
use crate::quirks::Profile;
use crate::sse::SseEvent;

#[rustfmt::skip]
const WORDS: [&str; 58] = [
    "input", "type", "role", "content", "message", "user", "assistant", "text", "input_text", "output_text",
    "refusal", "input_image", "image_url", "input_file", "file_data", "function_call", "call_id", "name", "arguments",
    "function_call_output", "output", "reasoning", "summary", "encrypted_content", "id", "tools", "function",
    "tool_choice", "allowed_tools", "mode", "format", "json_schema", "schema", "metadata", "model", "response",
    "status", "completed", "incomplete", "failed", "error", "code", "usage", "input_tokens", "output_tokens",
    "response.created", "response.completed", "response.output_item.added", "response.output_item.done", "item",
    "response.output_text.delta", "delta", "response.reasoning_summary_text.delta", "output_index",
    "response.function_call_arguments.done", "part", "annotations", "custom_tool_call",
];

const ITEMS: [&str; 6] =
    ["message", "function_call", "function_call_output", "reasoning", "custom_tool_call", "web_search_call"];

const EVENTS: [&str; 13] = [
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.refusal.delta",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.reasoning_summary_text.delta",
    "response.reasoning_text.done",
    "response.completed",
    "response.incomplete",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => proptest::sample::select(&WORDS[..]).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0u64..4).prop_map(Value::from),
        word().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            object(inner).prop_map(Value::from),
        ]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    proptest::collection::vec((word(), inner), 0..9).prop_map(|pairs| pairs.into_iter().collect())
}

fn item() -> impl Strategy<Value = Value> {
    (proptest::sample::select(&ITEMS[..]), object(json_value())).prop_map(|(kind, mut item)| {
        item.insert("type".to_owned(), kind.into());
        for (name, value) in [
            ("role", "user"),
            ("call_id", "c1"),
            ("name", "f"),
            ("arguments", "{}"),
            ("input", "x"),
            ("output", "y"),
            ("content", "hello"),
        ] {
            item.entry(name).or_insert_with(|| value.into());
        }
        Value::Object(item)
    })
}

fn stream_event() -> impl Strategy<Value = Value> {
    let kinds = proptest::sample::select(&EVENTS[..]);
    (kinds, item(), 0u64..3, json_value()).prop_map(|(kind, item, index, any)| {
        json!({"type": kind, "output_index": index, "content_index": index, "summary_index": index, "item": item,
               "delta": "ab", "text": "abcd", "arguments": "abc", "part": any, "item_id": "i",
               "response": {"id": "r", "output": [item]}})
    })
}

fn encode_all(events: &[Event]) -> Vec<u8> {
    let origin = Some(Dialect::OpenaiResponses);
    let mut encoder = encode_stream::Encoder::new(Reply { id: "e".into(), origin, ..Reply::default() });
    let mut bytes = Vec::new();
    for event in events {
        encoder.encode(event, &mut bytes);
    }
    bytes
}

fn read_events(datas: &[Vec<u8>]) -> Vec<Event> {
    let mut decoder = decode_stream::Decoder::default();
    let mut out = Vec::new();
    for data in datas {
        let _malformed = decoder.decode(SseEvent { name: "", data }, &mut out);
    }
    decoder.finish(&mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn fault_49_any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_request::decode(&bytes);
        let _ = decode_response::decode(&bytes);
        read_events(&[bytes]);
    }

    #[test]
    fn any_json_is_read_without_panic(value in json_value()) {
        let bytes = value.to_string().into_bytes();
        let _ = decode_request::decode(&bytes);
        let _ = decode_response::decode(&bytes);
        read_events(&[bytes]);
    }

    #[test]
    fn any_conversation_is_read_and_written(
        items in proptest::collection::vec(item(), 1..6),
        rest in object(json_value()),
    ) {
        let mut body = rest;
        body.insert("model".into(), "m".into());
        body.insert("input".into(), items.clone().into());
        if let Ok(request) = decode_request::decode(Value::Object(body).to_string().as_bytes()) {
            encode_request::encode(&request, &Profile::plain("m")).unwrap();
        }
        let answer = json!({"id": "r", "status": "completed", "output": items}).to_string();
        let response = decode_response::decode(answer.as_bytes()).unwrap();
        let bytes = encode_response::encode(&response, &Reply::default());
        decode_response::decode(&bytes).unwrap();
    }

    #[test]
    fn any_stream_keeps_the_order_of_events(wire in proptest::collection::vec(stream_event(), 0..12)) {
        let datas: Vec<Vec<u8>> = wire.iter().map(|event| event.to_string().into_bytes()).collect();
        let events = read_events(&datas);
        check_order(&events);
        check_numbers(&encode_all(&events));
    }
}

fn check_order(events: &[Event]) {
    let mut open = std::collections::HashSet::new();
    let mut next = 0;
    for (i, event) in events.iter().enumerate() {
        match event {
            Event::Start { .. } => assert_eq!(i, 0),
            Event::PartStart { index, .. } => {
                assert_eq!(*index, next);
                next += 1;
                open.insert(*index);
            }
            Event::PartEnd { index } => assert!(open.remove(index), "{events:?}"),
            Event::Text { index, .. } | Event::Reasoning { index, .. } | Event::Arguments { index, .. } => {
                assert!(open.contains(index), "{events:?}");
            }
            Event::Finish(_) => assert!(open.is_empty(), "{events:?}"),
            Event::End => assert_eq!(i, events.len() - 1),
            _ => {}
        }
    }
}

/// What SDKs insist on: numbers that rise by one, and an item's `.added` before anything about it.
fn check_numbers(bytes: &[u8]) {
    let mut added = 0;
    for (i, data) in datas(bytes).iter().enumerate() {
        assert_eq!(data["sequence_number"], i);
        if data["type"] == "response.output_item.added" {
            assert_eq!(data["output_index"], added);
            added += 1;
        } else if let Some(index) = data["output_index"].as_u64() {
            assert!(index < added);
        }
    }
}
