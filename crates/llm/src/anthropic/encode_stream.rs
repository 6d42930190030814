//! Writes a stream for a caller.

use serde::Serialize;
use serde_json::Value;

use super::encode_response::message_id;
use super::error::WireError;
use super::usage::WireUsage;
use super::{citation, stop};
use crate::Dialect;
use crate::codec::Reply;
use crate::fault::UpstreamFault;
use crate::hub::{Event, PartStart, StopReason, ToolKind};
use crate::sse::write_json;
use crate::usage::Usage;

/// The state of one stream being written.
///
/// `message_start` is held back until the event after the start, for it tells usage, and a provider that knows the input
/// already says so right then (case 3); otherwise its counts are 0. `message_delta`, which tells the stop reason and the
/// final, cumulative usage with its input and caches (case 8), is held back until usage has come or the stream ends.
#[derive(Debug)]
pub struct Encoder {
    reply: Reply,
    /// Id and model, until `message_start` is written.
    start: Option<(String, String)>,
    blocks: Vec<Block>,
    next_index: u32,
    usage: Option<Usage>,
    stop: Option<StopReason>,
    has_refusal: bool,
    has_started: bool,
    has_told_stop: bool,
    is_over: bool,
}

/// A block that is open, or may yet be.
#[derive(Debug)]
struct Block {
    part: u32,
    kind: Kind,
    /// The index on the wire; `None` while nothing of the part was written.
    index: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Redacted,
    Tool {
        has_arguments: bool,
    },
    /// Free text, which stands as one string inside the arguments.
    CustomTool,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Wire<'a> {
    MessageStart { message: WireMessage<'a> },
    ContentBlockStart { index: u32, content_block: WireBlock<'a> },
    ContentBlockDelta { index: u32, delta: WireDelta<'a> },
    ContentBlockStop { index: u32 },
    MessageDelta { delta: WireStop<'a>, usage: WireUsage<'a> },
    MessageStop,
}

impl Wire<'_> {
    const fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_json(out, self.name(), self);
    }
}

#[derive(Serialize)]
struct WireMessage<'a> {
    id: String,
    r#type: &'static str,
    role: &'static str,
    model: &'a str,
    content: [u8; 0],
    stop_reason: Option<&'static str>,
    stop_sequence: Option<&'static str>,
    usage: WireUsage<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireBlock<'a> {
    Text { text: &'static str },
    Thinking { thinking: &'static str, signature: &'static str },
    RedactedThinking { data: &'a str },
    ToolUse { id: &'a str, name: &'a str, input: Empty },
}

const THINKING: WireBlock<'static> = WireBlock::Thinking { thinking: "", signature: "" };

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
#[serde(tag = "type")]
enum WireDelta<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: &'a str },
    #[serde(rename = "citations_delta")]
    Citation { citation: Value },
}

#[derive(Serialize)]
struct WireStop<'a> {
    stop_reason: &'a str,
    stop_sequence: Option<&'a str>,
}

impl Encoder {
    /// A stream that has not begun.
    pub fn new(reply: Reply) -> Self {
        Self {
            reply,
            start: None,
            blocks: Vec::new(),
            next_index: 0,
            usage: None,
            stop: None,
            has_refusal: false,
            has_started: false,
            has_told_stop: false,
            is_over: false,
        }
    }

    /// Appends the bytes that tell `event`. After an error or the end nothing more is written.
    pub fn encode(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.is_over {
            return;
        }
        match event {
            Event::Start { id, model, .. } => {
                self.start.get_or_insert_with(|| (id.clone(), model.clone()));
            }
            Event::Usage(usage) => self.take_usage(usage, out),
            Event::Error(fault) => self.fail(fault, out),
            event => {
                self.write_start(out);
                self.write_event(event, out);
            }
        }
    }

    fn write_event(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::PartStart { index, part } => self.open(*index, part, out),
            Event::Text { index, text } => self.delta(*index, WireDelta::Text { text }, out),
            Event::Reasoning { index, text } => {
                self.delta(*index, WireDelta::Thinking { thinking: text }, out);
            }
            // Another vendor's seal would come back as if it were Anthropic's (case 55).
            Event::Signature { index, signature } => {
                if self.is_from_anthropic_or_unknown() {
                    self.delta(*index, WireDelta::Signature { signature }, out);
                }
            }
            Event::Arguments { index, json } => self.arguments(*index, json, out),
            Event::Cite { index, citation } => {
                let citation = citation::encode(citation);
                self.delta(*index, WireDelta::Citation { citation }, out);
            }
            Event::PartEnd { index } => self.close(*index, out),
            Event::Finish(stop) => {
                self.close_all(out);
                self.stop.get_or_insert_with(|| stop.clone());
            }
            Event::End => self.end(out),
            Event::Start { .. } | Event::Usage(_) | Event::Error(_) => {}
        }
    }

    fn is_from_anthropic_or_unknown(&self) -> bool {
        matches!(self.reply.origin, None | Some(Dialect::Anthropic))
    }

    fn take_usage(&mut self, usage: &Usage, out: &mut Vec<u8>) {
        match &mut self.usage {
            Some(known) => {
                known.replace_with(usage);
                known.cost = usage.cost.or(known.cost);
            }
            None => self.usage = Some(usage.clone()),
        }
        if self.start.is_some() {
            self.write_start(out);
        }
        if self.stop.is_some() {
            self.tell_stop(out);
        }
    }

    /// Writes `message_start`, once.
    fn write_start(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.has_started, true) {
            return;
        }
        let (id, model) = self.start.clone().unwrap_or_default();
        let nothing = Usage::default();
        let message = WireMessage {
            id: message_id(&id, &self.reply.id),
            r#type: "message",
            role: "assistant",
            model: if model.is_empty() { &self.reply.model } else { &model },
            content: [],
            stop_reason: None,
            stop_sequence: None,
            usage: WireUsage::of(self.usage.as_ref().unwrap_or(&nothing)),
        };
        Wire::MessageStart { message }.write(out);
    }

    fn open(&mut self, part: u32, start: &PartStart, out: &mut Vec<u8>) {
        let (kind, block) = match start {
            PartStart::Text => (Kind::Text, WireBlock::Text { text: "" }),
            PartStart::Refusal => {
                self.has_refusal = true;
                (Kind::Text, WireBlock::Text { text: "" })
            }
            // Another vendor's encrypted thoughts mean nothing here; a summary in words may follow.
            PartStart::Reasoning { encrypted: Some(_), id, .. }
                if id.is_some() || !self.is_from_anthropic_or_unknown() =>
            {
                self.blocks.push(Block { part, kind: Kind::Thinking, index: None });
                return;
            }
            PartStart::Reasoning { encrypted: Some(data), .. } => {
                (Kind::Redacted, WireBlock::RedactedThinking { data })
            }
            // It may hold nothing but another vendor's seal: it begins with its first words.
            PartStart::Reasoning { .. } if !self.is_from_anthropic_or_unknown() => {
                self.blocks.push(Block { part, kind: Kind::Thinking, index: None });
                return;
            }
            PartStart::Reasoning { .. } => (Kind::Thinking, THINKING),
            PartStart::ToolCall { id, name, kind, .. } => {
                let block = WireBlock::ToolUse { id, name, input: Empty {} };
                match kind {
                    ToolKind::Function => (Kind::Tool { has_arguments: false }, block),
                    ToolKind::Custom => (Kind::CustomTool, block),
                }
            }
        };
        let index = self.start_block(block, out);
        self.blocks.push(Block { part, kind, index: Some(index) });
        if kind == Kind::CustomTool {
            self.delta(part, WireDelta::InputJson { partial_json: "{\"input\":\"" }, out);
        }
    }

    fn start_block(&mut self, content_block: WireBlock<'_>, out: &mut Vec<u8>) -> u32 {
        let index = self.next_index;
        self.next_index += 1;
        Wire::ContentBlockStart { index, content_block }.write(out);
        index
    }

    fn delta(&mut self, part: u32, delta: WireDelta<'_>, out: &mut Vec<u8>) {
        let Some(at) = self.blocks.iter().position(|block| block.part == part) else { return };
        let index = match self.blocks[at].index {
            Some(index) => index,
            None => {
                let index = self.start_block(THINKING, out);
                self.blocks[at].index = Some(index);
                index
            }
        };
        Wire::ContentBlockDelta { index, delta }.write(out);
    }

    fn arguments(&mut self, part: u32, json: &str, out: &mut Vec<u8>) {
        let Some(block) = self.blocks.iter_mut().find(|block| block.part == part) else { return };
        match &mut block.kind {
            Kind::Tool { has_arguments } => {
                *has_arguments |= !json.is_empty();
                self.delta(part, WireDelta::InputJson { partial_json: json }, out);
            }
            _ => {
                let escaped = serde_json::to_string(json).unwrap_or_default();
                let inner = escaped.get(1..escaped.len().saturating_sub(1)).unwrap_or_default();
                self.delta(part, WireDelta::InputJson { partial_json: inner }, out);
            }
        }
    }

    fn close(&mut self, part: u32, out: &mut Vec<u8>) {
        if let Some(at) = self.blocks.iter().position(|block| block.part == part) {
            close_block(&self.blocks.remove(at), out);
        }
    }

    fn close_all(&mut self, out: &mut Vec<u8>) {
        for block in self.blocks.drain(..) {
            close_block(&block, out);
        }
    }

    /// Writes `message_delta`, once.
    fn tell_stop(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.has_told_stop, true) {
            return;
        }
        let stop = match self.stop.take().unwrap_or_default() {
            StopReason::Stop if self.has_refusal => StopReason::Refusal,
            stop => stop,
        };
        let (stop_reason, stop_sequence) = stop::encode(&stop);
        let nothing = Usage::default();
        let usage = WireUsage::of(self.usage.as_ref().unwrap_or(&nothing));
        Wire::MessageDelta { delta: WireStop { stop_reason, stop_sequence }, usage }.write(out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.close_all(out);
        self.tell_stop(out);
        Wire::MessageStop.write(out);
        self.is_over = true;
    }

    /// An error leaves open blocks open: nothing may look finished.
    fn fail(&mut self, fault: &UpstreamFault, out: &mut Vec<u8>) {
        write_json(out, "error", &WireError::new(fault.kind, &fault.message, &self.reply.id));
        self.is_over = true;
    }
}

/// A tool call without arguments still gets `{}` (case 19).
fn close_block(block: &Block, out: &mut Vec<u8>) {
    let Some(index) = block.index else { return };
    let last = match block.kind {
        Kind::Tool { has_arguments: false } => "{}",
        Kind::CustomTool => "\"}",
        _ => "",
    };
    if !last.is_empty() {
        Wire::ContentBlockDelta { index, delta: WireDelta::InputJson { partial_json: last } }.write(out);
    }
    Wire::ContentBlockStop { index }.write(out);
}
