//! Tests of the dialect as a whole; names carry the numbers of wire cases and faults.

mod anything;
mod decode_requests;
mod decode_streams;
mod encode_requests;
mod encode_streams;
mod responses;

use serde_json::Value;

use super::{decode_request, decode_stream, encode_request};
use crate::hub::{ChatRequest, Event};
use crate::quirks::Profile;
use crate::sse::{SseDecoder, SseEvent};

/// Reads a request that must be good.
fn request(json: &Value) -> ChatRequest {
    decode_request::decode(json.to_string().as_bytes()).unwrap()
}

/// Writes a request; gives the body and what was dropped.
fn write(request: &ChatRequest) -> (Value, Vec<String>) {
    let encoded = encode_request::encode(request, &Profile::plain("gpt-x")).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), encoded.dropped)
}

/// Reads a stream of these events.
fn events(wire: &[Value]) -> Vec<Event> {
    let mut decoder = decode_stream::Decoder::default();
    let mut out = Vec::new();
    for event in wire {
        let data = event.to_string();
        decoder.decode(SseEvent { name: "", data: data.as_bytes() }, &mut out).unwrap();
    }
    decoder.finish(&mut out);
    out
}

/// The data of every event in these bytes; each event's name must be its type.
fn datas(bytes: &[u8]) -> Vec<Value> {
    let mut datas = Vec::new();
    let mut decoder = SseDecoder::default();
    decoder
        .feed(bytes, &mut |event| {
            let data: Value = serde_json::from_slice(event.data).unwrap();
            assert_eq!(data["type"], event.name);
            datas.push(data);
        })
        .unwrap();
    datas
}
