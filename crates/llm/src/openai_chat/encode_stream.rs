//! Writes a stream for a caller.

use serde::Serialize;
use serde_json::Value;

use crate::Dialect;
use crate::codec::Reply;
use crate::hub::{Citation, Event, PartStart, Reasoning, ToolKind};
use crate::openai_chat::error::WireError;
use crate::openai_chat::usage::WireUsage;
use crate::openai_chat::{citation, finish, ids, reasoning};
use crate::sse;
use crate::usage::Usage;

/// The state of one stream being written.
///
/// Each event of the hub that says something to a chat client is one chunk; the first has the role. The parts of the
/// hub have no end in this dialect. With `include_usage` every chunk has `usage: null` and one more chunk, without
/// choices, has the usage, just before `[DONE]`.
#[derive(Debug)]
pub struct Encoder {
    reply: Reply,
    /// What every chunk begins with, from `data: {` to the model.
    head: Vec<u8>,
    parts: Vec<OpenPart>,
    calls: u64,
    thoughts: u64,
    /// Characters of text so far: citations count from the beginning of the answer.
    characters: u64,
    /// Citations of open texts that do not say where they belong: they cover the whole, whose length is not known yet.
    held: Vec<(u32, Citation)>,
    usage: Option<Usage>,
    is_over: bool,
}

#[derive(Debug)]
struct OpenPart {
    index: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Text { offset: u64, length: u64 },
    Refusal,
    Reasoning { ordinal: u64, is_summary: bool, id: Option<String> },
    Call { ordinal: u64, kind: ToolKind, is_empty: bool },
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<[Value; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_details: Option<[Value; 1]>,
}

#[derive(Default, Serialize)]
struct CallDelta<'a> {
    index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<FunctionDelta<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<CustomDelta<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<Value>,
}

#[derive(Serialize)]
struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

#[derive(Serialize)]
struct CustomDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    input: &'a str,
}

impl<'a> CallDelta<'a> {
    fn new(index: u64, kind: ToolKind, name: Option<&'a str>, text: &'a str) -> Self {
        let (function, custom) = match kind {
            ToolKind::Function => (Some(FunctionDelta { name, arguments: text }), None),
            ToolKind::Custom => (None, Some(CustomDelta { name, input: text })),
        };
        Self { index, function, custom, ..Self::default() }
    }
}

impl Encoder {
    /// A stream that has not begun.
    pub fn new(reply: Reply) -> Self {
        Self {
            reply,
            head: Vec::new(),
            parts: Vec::new(),
            calls: 0,
            thoughts: 0,
            characters: 0,
            held: Vec::new(),
            usage: None,
            is_over: false,
        }
    }

    /// Appends the bytes that tell `event`.
    pub fn encode(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.is_over {
            return;
        }
        match event {
            Event::Start { id, model, created } => self.start(id, model, *created, out),
            Event::PartStart { index, part } => self.open(*index, part, out),
            Event::Text { index, text } => self.text(*index, text, out),
            Event::Reasoning { index, text } => self.reasoning(*index, text, out),
            Event::Signature { index, signature } => self.signature(*index, signature, out),
            Event::Arguments { index, json } => self.arguments(*index, json, out),
            Event::Cite { index, citation } if citation.needs_length() => {
                self.held.push((*index, citation.clone()));
            }
            Event::Cite { index, citation } => self.cite(*index, citation, out),
            Event::PartEnd { index } => self.close(*index, out),
            Event::Usage(usage) => self.count(usage),
            Event::Finish(stop) => {
                while let Some(part) = self.parts.first() {
                    self.close(part.index, out);
                }
                self.chunk(&Delta::default(), Some(finish::finish_reason(stop)), out);
            }
            Event::Error(fault) => {
                sse::write_json(out, "", &WireError::from(fault));
                self.is_over = true;
            }
            Event::End => self.end(out),
        }
    }

    fn start(&mut self, id: &str, model: &str, created: Option<u64>, out: &mut Vec<u8>) {
        if !self.head.is_empty() {
            return;
        }
        self.write_head(id, model, created);
        self.chunk(&Delta { role: Some("assistant"), content: Some(""), ..Delta::default() }, None, out);
    }

    fn write_head(&mut self, id: &str, model: &str, created: Option<u64>) {
        #[derive(Serialize)]
        struct Head<'a> {
            id: &'a str,
            object: &'static str,
            created: u64,
            model: &'a str,
        }
        let head = Head {
            id: &ids::answer_id(id, &self.reply),
            object: "chat.completion.chunk",
            created: created.unwrap_or(self.reply.now),
            model: if model.is_empty() { &self.reply.model } else { model },
        };
        self.head.extend_from_slice(b"data: ");
        append(&mut self.head, &head);
        // The chunk goes on behind the model.
        self.head.pop();
    }

    /// Writes one chunk with one choice.
    fn chunk(&mut self, delta: &Delta<'_>, finish_reason: Option<&'static str>, out: &mut Vec<u8>) {
        if self.head.is_empty() {
            self.write_head("", "", None);
        }
        out.extend_from_slice(&self.head);
        out.extend_from_slice(br#","choices":[{"index":0,"delta":"#);
        append(out, delta);
        out.extend_from_slice(br#","logprobs":null,"finish_reason":"#);
        append(out, &finish_reason);
        out.extend_from_slice(b"}]");
        if self.reply.include_usage {
            out.extend_from_slice(br#","usage":null"#);
        }
        out.extend_from_slice(b"}\n\n");
    }

    fn part(&mut self, index: u32) -> Option<&mut Kind> {
        self.parts.iter_mut().find(|part| part.index == index).map(|part| &mut part.kind)
    }

    fn open(&mut self, index: u32, part: &PartStart, out: &mut Vec<u8>) {
        if self.part(index).is_some() {
            return;
        }
        let kind = match part {
            PartStart::Text => Kind::Text { offset: self.characters, length: 0 },
            PartStart::Refusal => Kind::Refusal,
            PartStart::Reasoning { is_summary, encrypted, id } => {
                let ordinal = self.thoughts;
                self.thoughts += 1;
                if let Some(data) = encrypted {
                    let origin = self.reply.origin;
                    self.detail(reasoning::encrypted_detail(data, id.as_deref(), origin, ordinal), out);
                }
                Kind::Reasoning { ordinal, is_summary: *is_summary, id: id.clone() }
            }
            PartStart::ToolCall { id, name, signature, kind } => {
                let ordinal = self.calls;
                self.calls += 1;
                self.open_call(ordinal, (id, name, *kind), signature.as_deref(), out);
                Kind::Call { ordinal, kind: *kind, is_empty: true }
            }
        };
        self.parts.push(OpenPart { index, kind });
    }

    fn open_call(
        &mut self,
        ordinal: u64,
        (id, name, kind): (&str, &str, ToolKind),
        seal: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        if let Some(seal) = seal {
            let detail = reasoning::call_seal(id, seal, self.thoughts);
            self.thoughts += 1;
            self.detail(detail, out);
        }
        let call = CallDelta {
            id: Some(id),
            kind: Some(if kind == ToolKind::Custom { "custom" } else { "function" }),
            extra_content: seal.map(reasoning::extra_content),
            ..CallDelta::new(ordinal, kind, Some(name), "")
        };
        self.chunk(&Delta { tool_calls: Some([call]), ..Delta::default() }, None, out);
    }

    fn detail(&mut self, detail: Value, out: &mut Vec<u8>) {
        self.chunk(&Delta { reasoning_details: Some([detail]), ..Delta::default() }, None, out);
    }

    fn text(&mut self, index: u32, text: &str, out: &mut Vec<u8>) {
        match self.part(index) {
            Some(Kind::Refusal) => {
                self.chunk(&Delta { refusal: Some(text), ..Delta::default() }, None, out);
            }
            kind => {
                let added = text.chars().count() as u64;
                if let Some(Kind::Text { length, .. }) = kind {
                    *length += added;
                }
                self.characters += added;
                self.chunk(&Delta { content: Some(text), ..Delta::default() }, None, out);
            }
        }
    }

    /// A thought's text; where the provider seals its thoughts, also as a detail, so that what a client has collected
    /// is whole once the seal comes.
    fn reasoning(&mut self, index: u32, text: &str, out: &mut Vec<u8>) {
        let origin = self.reply.origin;
        let detail = match self.part(index) {
            Some(Kind::Reasoning { ordinal, is_summary, id }) if origin == Some(Dialect::Anthropic) => {
                let (is_summary, id) = (*is_summary, id.clone());
                let piece =
                    Reasoning { text: text.to_owned(), is_summary, id, origin, ..Reasoning::default() };
                Some([reasoning::text_detail(&piece, *ordinal)])
            }
            _ => None,
        };
        let delta = Delta { reasoning_content: Some(text), reasoning_details: detail, ..Delta::default() };
        self.chunk(&delta, None, out);
    }

    fn signature(&mut self, index: u32, signature: &str, out: &mut Vec<u8>) {
        let origin = self.reply.origin;
        let Some(Kind::Reasoning { ordinal, is_summary, id }) = self.part(index) else { return };
        let signature = Some(signature.to_owned());
        let (is_summary, id) = (*is_summary, id.clone());
        let seal = Reasoning { is_summary, signature, id, origin, ..Reasoning::default() };
        let detail = reasoning::text_detail(&seal, *ordinal);
        self.detail(detail, out);
    }

    fn arguments(&mut self, index: u32, json: &str, out: &mut Vec<u8>) {
        let Some(Kind::Call { ordinal, kind, is_empty }) = self.part(index) else { return };
        *is_empty &= json.is_empty();
        let call = CallDelta::new(*ordinal, *kind, None, json);
        self.chunk(&Delta { tool_calls: Some([call]), ..Delta::default() }, None, out);
    }

    fn cite(&mut self, index: u32, cited: &Citation, out: &mut Vec<u8>) {
        let Some(Kind::Text { offset, length }) = self.part(index) else { return };
        if let Some(annotation) = citation::write(cited, *offset, *length) {
            self.chunk(&Delta { annotations: Some([annotation]), ..Delta::default() }, None, out);
        }
    }

    /// Writes the citations that cover a whole text. A call that came without arguments gets `{}` (case 19).
    fn close(&mut self, index: u32, out: &mut Vec<u8>) {
        for (_, citation) in self.held.extract_if(.., |(of, _)| *of == index).collect::<Vec<_>>() {
            self.cite(index, &citation, out);
        }
        let Some(place) = self.parts.iter().position(|part| part.index == index) else { return };
        let part = self.parts.remove(place);
        if let Kind::Call { ordinal, kind: ToolKind::Function, is_empty: true } = part.kind {
            let call = CallDelta::new(ordinal, ToolKind::Function, None, "{}");
            self.chunk(&Delta { tool_calls: Some([call]), ..Delta::default() }, None, out);
        }
    }

    fn count(&mut self, usage: &Usage) {
        let mine = self.usage.get_or_insert_default();
        mine.replace_with(usage);
        mine.cost = usage.cost.or(mine.cost);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.is_over = true;
        if let (true, Some(usage)) = (self.reply.include_usage, self.usage.take()) {
            if self.head.is_empty() {
                self.write_head("", "", None);
            }
            out.extend_from_slice(&self.head);
            if let Some(tier) = &usage.service_tier {
                out.extend_from_slice(br#","service_tier":"#);
                append(out, tier);
            }
            out.extend_from_slice(br#","choices":[],"usage":"#);
            append(out, &WireUsage::from(&usage));
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

/// Appends `value` as JSON. None of the values here can fail; should one, `null` keeps the chunk valid.
fn append(out: &mut Vec<u8>, value: &impl Serialize) {
    let before = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(before);
        out.extend_from_slice(b"null");
    }
}
