//! Writes a stream for a caller: server-sent events with `alt=sse`, else one JSON array.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::encode_response::or;
use super::{arguments_object, citations, error, finish, proto, usage};
use crate::Dialect;
use crate::codec::Reply;
use crate::hub::{Citation, Event, PartStart, StopReason, ToolKind};
use crate::sse;
use crate::usage::Usage;

/// The state of one stream being written.
#[derive(Debug)]
pub struct Encoder {
    id: String,
    model: String,
    is_array: bool,
    /// Whether an array has its first element.
    has_element: bool,
    over: bool,
    /// Whether the provider's seals are Gemini's; others would come back as Gemini's own.
    shows_seals: bool,
    open: Vec<Open>,
    stop: Option<StopReason>,
    usage: Option<Usage>,
    citations: Vec<Citation>,
}

/// An open part.
#[derive(Debug)]
struct Open {
    index: u32,
    kind: Kind,
    /// Arguments or seal so far: Gemini's callers get both whole.
    buffer: String,
    has_text: bool,
}

#[derive(Debug)]
enum Kind {
    Text,
    Reasoning,
    ToolCall { id: String, name: String, signature: Option<String>, kind: ToolKind },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Chunk<'a, P: Serialize> {
    candidates: [Candidate<'a, P>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_metadata: Option<usage::Report<'a>>,
    model_version: &'a str,
    response_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a, P: Serialize> {
    content: Content<P>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    citation_metadata: Option<Value>,
    index: u32,
}

#[derive(Serialize)]
struct Content<P: Serialize> {
    parts: [P; 1],
    role: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TextPart<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    thought: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallPart<'a> {
    function_call: Call<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<&'a str>,
}

#[derive(Serialize)]
struct Call<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'a str,
    name: &'a str,
    args: Args,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Args {
    /// As they came.
    Raw(Box<RawValue>),
    /// Made fit.
    Object(Value),
}

impl Encoder {
    /// A stream of server-sent events (`alt=sse`) that has not begun. It has no `[DONE]`.
    pub fn new(reply: Reply) -> Self {
        Self {
            id: reply.id,
            model: reply.model,
            is_array: false,
            has_element: false,
            over: false,
            shows_seals: reply.origin.is_none_or(|origin| origin == Dialect::Gemini),
            open: Vec::new(),
            stop: None,
            usage: None,
            citations: Vec::new(),
        }
    }

    /// A stream as one JSON array, `[{…},⏎{…}]`, that has not begun: what callers get who do not ask for `alt=sse`.
    pub fn as_array(reply: Reply) -> Self {
        Self { is_array: true, ..Self::new(reply) }
    }

    /// Appends the bytes that tell `event`.
    pub fn encode(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Start { id, model, .. } => self.start(id, model),
            Event::PartStart { index, part } => self.open(*index, part),
            Event::Text { text, .. } => self.text(text, false, out),
            Event::Reasoning { index, text } => {
                if let Some(open) = self.find(*index) {
                    open.has_text = true;
                }
                self.text(text, true, out);
            }
            Event::Signature { index, signature: more } | Event::Arguments { index, json: more } => {
                if let Some(open) = self.find(*index) {
                    open.buffer.push_str(more);
                }
            }
            Event::Cite { citation, .. } => self.citations.push(citation.clone()),
            Event::PartEnd { index } => self.close(*index, out),
            Event::Usage(usage) => self.usage.get_or_insert_default().replace_with(usage),
            Event::Finish(stop) => self.stop = Some(stop.clone()),
            Event::Error(fault) => {
                self.over = true;
                self.write(&error::in_stream(fault), out);
                self.end_array(out);
            }
            Event::End => self.end(out),
        }
    }

    fn start(&mut self, id: &str, model: &str) {
        self.id = or(id, &self.id).to_owned();
        self.model = or(model, &self.model).to_owned();
    }

    fn open(&mut self, index: u32, part: &PartStart) {
        let kind = match part {
            PartStart::Text | PartStart::Refusal => Kind::Text,
            PartStart::Reasoning { .. } => Kind::Reasoning,
            PartStart::ToolCall { id, name, signature, kind } => Kind::ToolCall {
                id: id.clone(),
                name: name.clone(),
                signature: signature.clone().filter(|seal| proto::is_base64(seal)),
                kind: *kind,
            },
        };
        self.open.push(Open { index, kind, buffer: String::new(), has_text: false });
    }

    fn find(&mut self, index: u32) -> Option<&mut Open> {
        self.open.iter_mut().find(|open| open.index == index)
    }

    fn text(&mut self, text: &str, thought: bool, out: &mut Vec<u8>) {
        if !text.is_empty() {
            self.chunk(TextPart { text, thought, thought_signature: None }, out);
        }
    }

    /// Calls are told whole, and so are seals.
    fn close(&mut self, index: u32, out: &mut Vec<u8>) {
        let Some(at) = self.open.iter().position(|open| open.index == index) else { return };
        let open = self.open.remove(at);
        match &open.kind {
            Kind::Text => {}
            Kind::Reasoning => {
                if self.shows_seals && proto::is_base64(&open.buffer) {
                    let thought_signature = Some(open.buffer.as_str());
                    self.chunk(TextPart { text: "", thought: open.has_text, thought_signature }, out);
                }
            }
            Kind::ToolCall { id, name, signature, kind } => {
                let args = arguments(&open.buffer, *kind);
                let function_call = Call { id, name, args };
                self.chunk(CallPart { function_call, thought_signature: signature.as_deref() }, out);
            }
        }
    }

    /// Parts that were never closed are told too, then the last chunk with the reason and the usage.
    fn end(&mut self, out: &mut Vec<u8>) {
        while let Some(index) = self.open.first().map(|open| open.index) {
            self.close(index, out);
        }
        self.over = true;
        let stop = self.stop.take().unwrap_or_default();
        let usage = self.usage.take();
        let parts = [TextPart { text: "", thought: false, thought_signature: None }];
        let candidate = Candidate {
            content: Content { parts, role: "model" },
            finish_reason: Some(finish::encode(&stop)),
            citation_metadata: citations::encode(self.citations.iter()),
            index: 0,
        };
        let (model, id) = (std::mem::take(&mut self.model), std::mem::take(&mut self.id));
        let chunk = Chunk {
            candidates: [candidate],
            usage_metadata: usage.as_ref().map(usage::encode),
            model_version: &model,
            response_id: &id,
        };
        self.write(&chunk, out);
        self.end_array(out);
    }

    fn chunk(&mut self, part: impl Serialize, out: &mut Vec<u8>) {
        self.frame(out);
        let content = Content { parts: [part], role: "model" };
        let candidate = Candidate { content, finish_reason: None, citation_metadata: None, index: 0 };
        let chunk = Chunk {
            candidates: [candidate],
            usage_metadata: None,
            model_version: &self.model,
            response_id: &self.id,
        };
        put(self.is_array, &chunk, out);
    }

    fn write(&mut self, json: &impl Serialize, out: &mut Vec<u8>) {
        self.frame(out);
        put(self.is_array, json, out);
    }

    /// What stands before an element of the array.
    fn frame(&mut self, out: &mut Vec<u8>) {
        if self.is_array {
            let first = !std::mem::replace(&mut self.has_element, true);
            out.extend_from_slice(if first { b"[" } else { b",\n" });
        }
    }

    fn end_array(&self, out: &mut Vec<u8>) {
        if self.is_array {
            out.extend_from_slice(b"]\n");
        }
    }
}

fn put(is_array: bool, json: &impl Serialize, out: &mut Vec<u8>) {
    if !is_array {
        sse::write_json(out, "", json);
        return;
    }
    let before = out.len();
    if serde_json::to_writer(&mut *out, json).is_err() {
        out.truncate(before);
        out.extend_from_slice(b"{}");
    }
}

/// The arguments as an object: as they came where they are one, on one line.
fn arguments(text: &str, kind: ToolKind) -> Args {
    if kind == ToolKind::Custom {
        return Args::Object(serde_json::json!({ "input": text }));
    }
    let text = text.trim();
    if text.starts_with('{')
        && !text.contains(['\n', '\r'])
        && let Ok(raw) = RawValue::from_string(text.to_owned())
    {
        return Args::Raw(raw);
    }
    Args::Object(arguments_object(text))
}

#[cfg(test)]
#[path = "encode_stream_tests.rs"]
mod tests;
