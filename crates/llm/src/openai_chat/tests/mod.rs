//! Tests of the dialect: requests, answers, streams, and that no bytes make a decoder panic.

mod answers;
mod any_bytes;
mod request_decode;
mod request_encode;
mod stream_decode;
mod stream_encode;

use serde_json::Value;

use crate::codec::Encoded;
use crate::hub::{ChatRequest, Event};
use crate::quirks::{Profile, Quirks};
use crate::sse::SseEvent;

use super::{decode_request, decode_stream, encode_request};

/// Reads a request that is right.
fn request(body: Value) -> ChatRequest {
    decode_request::decode(body.to_string().as_bytes()).unwrap()
}

/// Writes a request, and reads the body back as JSON.
fn written(request: &ChatRequest, quirks: Quirks) -> (Value, Vec<String>) {
    let profile = Profile { quirks, ..Profile::plain("target-model") };
    let Encoded { body, dropped } = encode_request::encode(request, &profile).unwrap();
    (serde_json::from_slice(&body).unwrap(), dropped)
}

/// Reads a stream of chunks to its end.
fn events(chunks: &[&str]) -> Vec<Event> {
    let mut decoder = decode_stream::Decoder::default();
    let mut out = Vec::new();
    for data in chunks {
        decoder.decode(SseEvent { name: "", data: data.as_bytes() }, &mut out).unwrap();
    }
    decoder.finish(&mut out);
    out
}
