//! Reads a provider's stream.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::usage::{Counts, lenient};
use super::{citation, error, stop};
use crate::codec::MalformedEvent;
use crate::hub::{Event, PartStart, StopReason, ToolKind};
use crate::sse::SseEvent;

/// The state of one stream being read.
#[derive(Debug, Default)]
pub struct Decoder {
    blocks: Vec<Block>,
    next_part: u32,
    counts: Counts,
    has_started: bool,
    has_calls: bool,
    has_finished: bool,
    has_ended: bool,
}

/// A block that was opened. Blocks may be open side by side (case 21).
#[derive(Debug)]
struct Block {
    /// The index on the wire, which counts unknown blocks too.
    wire: u64,
    /// The part; `None` for a block that the hub has no word for, whose deltas are skipped.
    part: Option<u32>,
    /// Arguments that came with the start of a tool call; used if no delta brings any.
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    r#type: Cow<'a, str>,
    #[serde(default)]
    index: u64,
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    content_block: Option<Value>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(default, deserialize_with = "lenient")]
    usage: Option<Counts>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    id: Option<String>,
    model: Option<String>,
    content: Option<Vec<Value>>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    r#type: Cow<'a, str>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(default)]
    partial_json: Option<String>,
    #[serde(default)]
    citation: Option<Value>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_sequence: Option<String>,
}

impl Decoder {
    /// Appends what `event` means to `out`. `ping` and events of unknown types mean nothing and are no error (case 25).
    pub fn decode(&mut self, event: SseEvent<'_>, out: &mut Vec<Event>) -> Result<(), MalformedEvent> {
        let data = event.data.trim_ascii();
        if self.has_ended || data.is_empty() || data == b"[DONE]" {
            return Ok(());
        }
        if data.first() != Some(&b'{') {
            return Err(malformed("no JSON object"));
        }
        let wire: Wire<'_> = match serde_json::from_slice(data) {
            Ok(wire) => wire,
            Err(why) => return self.odd(event.name, data, &why, out),
        };
        // Some who copied the dialect name the event only once.
        let kind = if wire.r#type.is_empty() { event.name } else { &wire.r#type };
        match kind {
            "message_start" => self.start(wire.message.unwrap_or_default(), out),
            "content_block_start" => match wire.content_block {
                Some(block) => self.open(wire.index, block, out),
                None => return Err(malformed("content_block_start without content_block")),
            },
            "content_block_delta" => match wire.delta {
                Some(delta) => self.delta(wire.index, delta, out)?,
                None => return Err(malformed("content_block_delta without delta")),
            },
            "content_block_stop" => self.close(wire.index, out),
            "message_delta" => self.message_delta(wire.delta, wire.usage, out),
            "message_stop" => self.stop(out),
            "error" | "" => self.error(kind, data, out),
            _ => {}
        }
        Ok(())
    }

    /// The body has ended. Without `message_stop` the stream was cut, unless the stop reason had come: then nothing of
    /// the answer is missing, and it counts as ended (case 17).
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        if self.has_finished && !self.has_ended {
            self.stop(out);
        }
    }

    /// An event of another shape than this dialect's may still be somebody's way to tell an error.
    fn odd(
        &mut self,
        name: &str,
        data: &[u8],
        why: &serde_json::Error,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedEvent> {
        self.error(name, data, out);
        if self.has_ended { Ok(()) } else { Err(malformed(why)) }
    }

    /// Tells the error in `data`, if it is one by its name or by its fields.
    fn error(&mut self, name: &str, data: &[u8], out: &mut Vec<Event>) {
        let Ok(body) = serde_json::from_slice::<Value>(data) else { return };
        let says_so = body.get("type").is_some_and(|kind| kind == "error");
        if says_so || name == "error" || body.get("error").is_some_and(|error| !error.is_null()) {
            out.push(Event::Error(error::decode_inside(&body)));
            self.has_ended = true;
        }
    }

    fn start(&mut self, message: Message, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.has_started, true) {
            return;
        }
        let (id, model) = (message.id.unwrap_or_default(), message.model.unwrap_or_default());
        out.push(Event::Start { id, model, created: None });
        self.report(message.usage, out);
        // Content that the model had before this answer, told whole; its blocks have no events of their own.
        for block in message.content.unwrap_or_default() {
            self.open(u64::MAX, block, out);
            self.close(u64::MAX, out);
        }
    }

    fn report(&mut self, told: Option<Counts>, out: &mut Vec<Event>) {
        if let Some(told) = told {
            self.counts.absorb(&told);
            out.push(Event::Usage(self.counts.usage()));
        }
    }

    fn begin(&mut self, wire: u64, part: PartStart, out: &mut Vec<Event>) -> u32 {
        let index = self.next_part;
        self.next_part += 1;
        self.blocks.push(Block { wire, part: Some(index), arguments: None });
        out.push(Event::PartStart { index, part });
        index
    }

    fn open(&mut self, wire: u64, mut block: Value, out: &mut Vec<Event>) {
        let kind = take(&mut block, "type");
        match kind.as_str() {
            "text" => {
                let index = self.begin(wire, PartStart::Text, out);
                push(Event::Text { index, text: take(&mut block, "text") }, out);
                if let Some(Value::Array(citations)) = block.get_mut("citations").map(Value::take) {
                    let cite = |raw| Event::Cite { index, citation: citation::decode(raw) };
                    out.extend(citations.into_iter().map(cite));
                }
            }
            "thinking" => {
                let index = self.begin(wire, thoughts(None), out);
                push(Event::Reasoning { index, text: take(&mut block, "thinking") }, out);
                push(Event::Signature { index, signature: take(&mut block, "signature") }, out);
            }
            "redacted_thinking" => {
                self.begin(wire, thoughts(Some(take(&mut block, "data"))), out);
            }
            "tool_use" => {
                let (id, name) = (take(&mut block, "id"), take(&mut block, "name"));
                self.has_calls = true;
                let start = PartStart::ToolCall { id, name, signature: None, kind: ToolKind::Function };
                self.begin(wire, start, out);
                if let Some(last) = self.blocks.last_mut() {
                    last.arguments = early_arguments(&block);
                }
            }
            _ => self.blocks.push(Block { wire, part: None, arguments: None }),
        }
    }

    /// The part that a delta is about. A delta whose block was never opened opens it, if its type tells what it is.
    fn part_of(
        &mut self,
        wire: u64,
        kind: &str,
        out: &mut Vec<Event>,
    ) -> Result<Option<u32>, MalformedEvent> {
        if let Some(block) = self.blocks.iter().rev().find(|block| block.wire == wire) {
            return Ok(block.part);
        }
        match kind {
            "text_delta" => Ok(Some(self.begin(wire, PartStart::Text, out))),
            "thinking_delta" => Ok(Some(self.begin(wire, thoughts(None), out))),
            _ => Err(malformed(format_args!("{kind} for block {wire}, which was not opened"))),
        }
    }

    fn delta(&mut self, wire: u64, delta: Delta<'_>, out: &mut Vec<Event>) -> Result<(), MalformedEvent> {
        let Some(index) = self.part_of(wire, &delta.r#type, out)? else { return Ok(()) };
        match &*delta.r#type {
            "text_delta" => push(Event::Text { index, text: delta.text.unwrap_or_default() }, out),
            "thinking_delta" => {
                push(Event::Reasoning { index, text: delta.thinking.unwrap_or_default() }, out);
            }
            "signature_delta" => {
                push(Event::Signature { index, signature: delta.signature.unwrap_or_default() }, out);
            }
            "input_json_delta" => {
                let json = delta.partial_json.unwrap_or_default();
                let block = self.blocks.iter_mut().rev().find(|block| block.wire == wire);
                if let Some(block) = block.filter(|_| !json.is_empty()) {
                    block.arguments = None;
                    out.push(Event::Arguments { index, json });
                }
            }
            "citations_delta" => {
                if let Some(raw) = delta.citation {
                    out.push(Event::Cite { index, citation: citation::decode(raw) });
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, wire: u64, out: &mut Vec<Event>) {
        if let Some(at) = self.blocks.iter().rposition(|block| block.wire == wire) {
            close_block(self.blocks.remove(at), out);
        }
    }

    fn message_delta(&mut self, delta: Option<Delta<'_>>, usage: Option<Counts>, out: &mut Vec<Event>) {
        if let Some(Delta { stop_reason: Some(reason), stop_sequence, .. }) = delta {
            self.end_parts(stop::decode(&reason, stop_sequence), out);
        }
        self.report(usage, out);
    }

    fn end_parts(&mut self, stop: StopReason, out: &mut Vec<Event>) {
        for block in self.blocks.drain(..) {
            close_block(block, out);
        }
        if !std::mem::replace(&mut self.has_finished, true) {
            out.push(Event::Finish(stop));
        }
    }

    fn stop(&mut self, out: &mut Vec<Event>) {
        let stop = if self.has_calls { StopReason::ToolCalls } else { StopReason::Stop };
        self.end_parts(stop, out);
        self.has_ended = true;
        out.push(Event::End);
    }
}

fn malformed(why: impl std::fmt::Display) -> MalformedEvent {
    MalformedEvent(why.to_string())
}

fn thoughts(encrypted: Option<String>) -> PartStart {
    PartStart::Reasoning { is_summary: false, encrypted, id: None }
}

fn take(block: &mut Value, name: &str) -> String {
    match block.get_mut(name).map(Value::take) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

fn close_block(block: Block, out: &mut Vec<Event>) {
    let Some(index) = block.part else { return };
    if let Some(json) = block.arguments {
        out.push(Event::Arguments { index, json });
    }
    out.push(Event::PartEnd { index });
}

/// `input` of a tool call that came whole with its start.
fn early_arguments(block: &Value) -> Option<String> {
    match block.get("input")? {
        Value::Object(map) if map.is_empty() => None,
        input @ Value::Object(_) => Some(input.to_string()),
        _ => None,
    }
}

/// Appends an event of text, unless the text is empty.
fn push(event: Event, out: &mut Vec<Event>) {
    let is_empty = match &event {
        Event::Text { text, .. } | Event::Reasoning { text, .. } => text.is_empty(),
        Event::Signature { signature, .. } => signature.is_empty(),
        _ => false,
    };
    if !is_empty {
        out.push(event);
    }
}
