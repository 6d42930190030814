//! Tests of the whole dialect: what a request, an answer and a stream become.

mod answers;
mod decoding;
mod encoding;
mod errors;
mod fuzz;
mod streams_in;
mod streams_out;
mod thinking;

use serde_json::Value;

use crate::Profile;
use crate::codec::Encoded;
use crate::hub::{ChatRequest, Part, Role, Turn};

/// Reads a request that must be good.
fn read(body: Value) -> ChatRequest {
    super::decode_request::decode(body.to_string().as_bytes()).unwrap()
}

/// Writes a request for a model; the body and what was dropped.
fn write(request: &ChatRequest, model: &str) -> (Value, Vec<String>) {
    write_for(request, &Profile::plain(model))
}

fn write_for(request: &ChatRequest, target: &Profile<'_>) -> (Value, Vec<String>) {
    let Encoded { body, dropped } = super::encode_request::encode(request, target).unwrap();
    (serde_json::from_slice(&body).unwrap(), dropped)
}

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, parts, name: None }
}

/// A request of one user turn, as if it came from another dialect.
fn asking(text: &str) -> ChatRequest {
    ChatRequest { turns: vec![turn(Role::User, vec![Part::text(text)])], ..ChatRequest::default() }
}
