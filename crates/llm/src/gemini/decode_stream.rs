//! Reads a provider's stream: each event is a `GenerateContentResponse` with the next parts.
//!
//! The hub's events have no word for media and code execution inside a stream; such parts are skipped.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{citations, error, finish, usage};
use crate::codec::MalformedEvent;
use crate::hub::{Event, PartStart, StopReason, ToolKind};
use crate::sse::SseEvent;

/// The state of one stream being read.
#[derive(Debug, Default)]
pub struct Decoder {
    started: bool,
    /// An error was reported, or the stream was finished: nothing more is read.
    over: bool,
    id: String,
    next_index: u32,
    calls: u32,
    open: Option<Open>,
    /// The text of the open text part, for citations.
    text: String,
    stop: Option<StopReason>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Open {
    index: u32,
    is_thought: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Chunk {
    candidates: Option<Vec<Candidate>>,
    prompt_feedback: Option<Value>,
    usage_metadata: Option<Value>,
    model_version: Option<String>,
    response_id: Option<String>,
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Candidate {
    index: Option<u32>,
    content: Option<Content>,
    finish_reason: Option<String>,
    citation_metadata: Option<Value>,
    grounding_metadata: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Content {
    parts: Option<Vec<Part>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Part {
    text: Option<String>,
    thought: Option<bool>,
    thought_signature: Option<String>,
    function_call: Option<Call>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Call {
    id: Option<String>,
    name: Option<String>,
    args: Option<Box<RawValue>>,
}

impl Decoder {
    /// Appends what `event` means to `out`.
    pub fn decode(&mut self, event: SseEvent<'_>, out: &mut Vec<Event>) -> Result<(), MalformedEvent> {
        let data = event.data.trim_ascii();
        // Some proxies that speak Gemini end their streams in OpenAI's way.
        if self.over || data.is_empty() || data == b"[DONE]" {
            return Ok(());
        }
        let malformed = |error: serde_json::Error| MalformedEvent(error.to_string());
        if data.starts_with(b"[") {
            for chunk in serde_json::from_slice::<Vec<Chunk>>(data).map_err(malformed)? {
                self.chunk(chunk, out);
            }
        } else {
            let chunk = serde_json::from_slice(data).map_err(malformed)?;
            self.chunk(chunk, out);
        }
        Ok(())
    }

    /// The body has ended. Gemini has no end mark (case 16): a stream that told a reason for its end is whole. The
    /// reason is held back until here, because some models tell one with every chunk.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        if let Some(stop) = self.stop.take() {
            self.close(out);
            out.push(Event::Finish(stop));
            out.push(Event::End);
        }
    }

    fn chunk(&mut self, chunk: Chunk, out: &mut Vec<Event>) {
        if self.over {
            return;
        }
        if let Some(reported) = chunk.error {
            self.over = true;
            out.push(Event::Error(error::from_status(&reported, None)));
            return;
        }
        self.start(chunk.response_id, chunk.model_version, out);
        if let Some(usage) = chunk.usage_metadata.as_ref().and_then(usage::decode) {
            out.push(Event::Usage(usage));
        }
        let mut candidates = chunk.candidates.unwrap_or_default().into_iter();
        let is_blocked = chunk.prompt_feedback.is_some_and(|told| told.get("blockReason").is_some());
        match candidates.find(|candidate| candidate.index.unwrap_or(0) == 0) {
            Some(candidate) => self.candidate(candidate, out),
            None if is_blocked => self.stop = Some(StopReason::ContentFilter),
            None => {}
        }
    }

    fn start(&mut self, id: Option<String>, model: Option<String>, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            self.id = id.unwrap_or_default();
            out.push(Event::Start { id: self.id.clone(), model: model.unwrap_or_default(), created: None });
        }
    }

    fn candidate(&mut self, candidate: Candidate, out: &mut Vec<Event>) {
        for part in candidate.content.and_then(|content| content.parts).unwrap_or_default() {
            self.part(part, out);
        }
        let (citations, grounding) = (candidate.citation_metadata, candidate.grounding_metadata);
        if let Some(open) = self.open.filter(|open| !open.is_thought) {
            let found = citations::decode(citations.as_ref(), grounding.as_ref(), &self.text);
            out.extend(found.into_iter().map(|citation| Event::Cite { index: open.index, citation }));
        }
        let reason = candidate.finish_reason.unwrap_or_default();
        if let Some(fault) = finish::fault(&reason) {
            self.over = true;
            out.push(Event::Error(fault));
            return;
        }
        if let Some(stop) = finish::decode(&reason, self.calls > 0) {
            self.stop = Some(stop);
        }
    }

    fn part(&mut self, part: Part, out: &mut Vec<Event>) {
        let signature = part.thought_signature.filter(|seal| !seal.is_empty());
        if let Some(call) = part.function_call {
            self.call(call, signature, out);
            return;
        }
        let is_thought = part.thought.unwrap_or(false);
        if let Some(text) = part.text.filter(|text| !text.is_empty()) {
            let index = self.open_text(is_thought, out);
            if is_thought {
                out.push(Event::Reasoning { index, text });
            } else {
                self.text.push_str(&text);
                out.push(Event::Text { index, text });
            }
        }
        if let Some(signature) = signature {
            self.seal(is_thought, signature, out);
        }
    }

    /// The seal of a thought belongs to it; that of a text becomes a reasoning part without text behind it, as in a
    /// whole answer.
    fn seal(&mut self, is_thought: bool, signature: String, out: &mut Vec<Event>) {
        if !is_thought {
            self.close(out);
        }
        let index = self.open_text(true, out);
        out.push(Event::Signature { index, signature });
        self.close(out);
    }

    fn call(&mut self, call: Call, signature: Option<String>, out: &mut Vec<Event>) {
        self.close(out);
        let index = self.take_index();
        let id = call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| self.made_up_id());
        self.calls += 1;
        let name = call.name.unwrap_or_default();
        let part = PartStart::ToolCall { id, name, signature, kind: ToolKind::Function };
        out.push(Event::PartStart { index, part });
        let json = call.args.map_or_else(|| "{}".to_owned(), |args| args.get().to_owned());
        out.push(Event::Arguments { index, json });
        out.push(Event::PartEnd { index });
    }

    /// By position in the answer, as in a whole answer: `call_<responseId>_0`.
    fn made_up_id(&self) -> String {
        if self.id.is_empty() {
            format!("call_{}", self.calls)
        } else {
            format!("call_{}_{}", self.id, self.calls)
        }
    }

    fn open_text(&mut self, is_thought: bool, out: &mut Vec<Event>) -> u32 {
        if let Some(open) = self.open.filter(|open| open.is_thought == is_thought) {
            return open.index;
        }
        self.close(out);
        let index = self.take_index();
        self.open = Some(Open { index, is_thought });
        let part = if is_thought {
            PartStart::Reasoning { is_summary: false, encrypted: None, id: None }
        } else {
            PartStart::Text
        };
        out.push(Event::PartStart { index, part });
        index
    }

    fn close(&mut self, out: &mut Vec<Event>) {
        if let Some(open) = self.open.take() {
            self.text.clear();
            out.push(Event::PartEnd { index: open.index });
        }
    }

    fn take_index(&mut self) -> u32 {
        let index = self.next_index;
        self.next_index = self.next_index.saturating_add(1);
        index
    }
}

#[cfg(test)]
#[path = "decode_stream_tests.rs"]
mod tests;
