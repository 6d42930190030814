//! Reads a provider's stream.

mod calls;
mod wire;

use serde_json::Value;
use tidegate_core::FaultKind;

use self::calls::{Around, Calls};
use self::wire::{Choice, Chunk, Delta};
use crate::Dialect;
use crate::codec::MalformedEvent;
use crate::fault::UpstreamFault;
use crate::hub::{Event, PartStart, StopReason};
use crate::openai_chat::decode_response::{failed, pieces};
use crate::openai_chat::reasoning::{Detail, DetailKind, read_details};
use crate::openai_chat::{citation, error, finish, usage};
use crate::sse::SseEvent;

/// The state of one stream being read. Only the choice with index 0 is read.
///
/// A text or thought ends where something else begins; tool calls stay open to the finish, since their pieces may be
/// mixed (case 21). What comes behind the finish is no part of the answer any more, save the usage (cases 17, 42 to 44).
#[derive(Debug, Default)]
pub struct Decoder {
    id: String,
    is_started: bool,
    is_finished: bool,
    is_over: bool,
    next: u32,
    open: Option<Open>,
    calls: Calls,
    /// Gemini's seals of calls that have not begun.
    seals: Vec<Detail>,
    tier: Option<String>,
}

/// The part that text is being added to.
#[derive(Clone, Debug, PartialEq)]
struct Open {
    index: u32,
    kind: OpenKind,
}

#[derive(Clone, Debug, PartialEq)]
enum OpenKind {
    Text,
    Refusal,
    /// A thought, with its index among the provider's details.
    Reasoning {
        is_summary: bool,
        key: Option<u64>,
    },
}

impl Decoder {
    /// Appends what `event` means to `out`.
    pub fn decode(&mut self, event: SseEvent<'_>, out: &mut Vec<Event>) -> Result<(), MalformedEvent> {
        let data = event.data.trim_ascii();
        if self.is_over || data.is_empty() {
            return Ok(());
        }
        if data == b"[DONE]" {
            self.done(out);
            return Ok(());
        }
        if event.name == "error" {
            self.fail(error_event(data), out);
            return Ok(());
        }
        let chunk: Chunk<'_> =
            serde_json::from_slice(data).map_err(|error| MalformedEvent(error.to_string()))?;
        let is_bare = chunk.choices.is_none() && (chunk.message.is_there() || chunk.detail.is_there());
        if chunk.error.is_there() || is_bare {
            let value: Value = serde_json::from_slice(data).unwrap_or_default();
            self.fail(error::from_value(&value, None), out);
            return Ok(());
        }
        self.chunk(&chunk, out);
        Ok(())
    }

    /// The body has ended. Without `[DONE]` the answer counts as whole when it was finished (case 17).
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        if self.is_finished && !self.is_over {
            self.is_over = true;
            out.push(Event::End);
        }
    }

    /// `[DONE]` ends the answer, also where no `finish_reason` came; but nothing at all is no answer.
    fn done(&mut self, out: &mut Vec<Event>) {
        if !self.is_started {
            return;
        }
        if !self.is_finished {
            self.end_answer("stop", out);
        }
        self.is_over = true;
        out.push(Event::End);
    }

    fn fail(&mut self, fault: UpstreamFault, out: &mut Vec<Event>) {
        self.is_over = true;
        out.push(Event::Error(fault));
    }

    fn chunk(&mut self, chunk: &Chunk<'_>, out: &mut Vec<Event>) {
        if let Some(tier) = chunk.service_tier.text() {
            self.tier = Some(tier);
        }
        let choices = chunk.choices.as_deref().unwrap_or_default();
        // The first chunk of Azure only has filter results, and neither id nor model.
        if !self.is_started && (!choices.is_empty() || chunk.usage.is_there() || chunk.id.text().is_some()) {
            self.is_started = true;
            self.id = chunk.id.text().unwrap_or_default();
            let model = chunk.model.text().unwrap_or_default();
            let created = chunk.created.number().filter(|created| *created > 0);
            out.push(Event::Start { id: self.id.clone(), model, created });
        }
        for choice in choices {
            if choice.index.number().unwrap_or(0) == 0 && !self.is_over {
                self.choice(choice, out);
            }
        }
        if !self.is_over {
            self.usage(chunk, out);
        }
    }

    fn usage(&mut self, chunk: &Chunk<'_>, out: &mut Vec<Event>) {
        let own = || chunk.usage.value();
        let in_choice = || chunk.choices.as_deref()?.iter().find_map(|choice| choice.usage.value());
        let groq = || chunk.x_groq.value()?.get_mut("usage").map(Value::take);
        let read = |counts: Option<Value>| usage::read(&counts?, self.tier.as_deref());
        let found = read(own()).or_else(|| read(in_choice())).or_else(|| read(groq()));
        out.extend(found.map(Event::Usage));
    }

    fn choice(&mut self, choice: &Choice<'_>, out: &mut Vec<Event>) {
        if self.is_finished {
            return;
        }
        if let Some(delta) = &choice.delta {
            self.delta(delta, out);
        }
        match choice.finish_reason.text() {
            Some(reason) if finish::is_failure(&reason) => self.fail(failed(&reason), out),
            Some(reason) => self.end_answer(&reason, out),
            None => {}
        }
    }

    fn delta(&mut self, delta: &Delta<'_>, out: &mut Vec<Event>) {
        let has_text = delta.reasoning_details.is_there() && self.details(delta, out);
        if !has_text && let Some(text) = delta.reasoning_content.text().or_else(|| delta.reasoning.text()) {
            self.think(false, None, text, out);
        }
        if let Some(text) = delta.content.text() {
            self.speak(OpenKind::Text, text, out);
        } else if let Some(Value::Array(blocks)) = delta.content.value() {
            for (is_thought, text) in pieces(&blocks) {
                if is_thought {
                    self.think(false, None, text, out);
                } else {
                    self.speak(OpenKind::Text, text, out);
                }
            }
        }
        if let Some(text) = delta.refusal.text() {
            self.speak(OpenKind::Refusal, text, out);
        }
        if let Some(annotations) = delta.annotations.value() {
            self.cite(&annotations, out);
        }
        self.tool_calls(delta, out);
    }

    fn tool_calls(&mut self, delta: &Delta<'_>, out: &mut Vec<Event>) {
        let old = delta.function_call.value().filter(Value::is_object);
        let old = old.map(|call| serde_json::json!({"index": u64::MAX, "function": call}));
        let calls = match delta.tool_calls.value() {
            Some(Value::Array(calls)) => calls,
            _ => Vec::new(),
        };
        for call in calls.iter().filter(|call| call.is_object()).chain(&old) {
            self.close(out);
            let seals = &mut self.seals;
            self.calls.take(call, &mut Around { answer: &self.id, next: &mut self.next, seals, out });
        }
    }

    /// Takes `reasoning_details`; true when they hold text, which `reasoning` then only repeats.
    fn details(&mut self, delta: &Delta<'_>, out: &mut Vec<Event>) -> bool {
        let mut has_text = false;
        for detail in read_details(delta.reasoning_details.value().as_ref()) {
            match detail.kind {
                DetailKind::Encrypted if detail.origin == Some(Dialect::Gemini) && detail.id.is_some() => {
                    self.seals.push(detail);
                }
                DetailKind::Encrypted => self.encrypted(detail, out),
                kind => {
                    has_text |= !detail.body.is_empty();
                    self.thought(kind == DetailKind::Summary, detail, out);
                }
            }
        }
        has_text
    }

    fn thought(&mut self, is_summary: bool, detail: Detail, out: &mut Vec<Event>) {
        let Detail { body, signature, index: key, .. } = detail;
        if !body.is_empty() {
            self.think(is_summary, key, body, out);
        }
        let Some(signature) = signature else { return };
        let index = self.begin_thought(is_summary, key, out);
        out.push(Event::Signature { index, signature });
        // A sealed thought takes no more text.
        self.close(out);
    }

    fn think(&mut self, is_summary: bool, key: Option<u64>, text: String, out: &mut Vec<Event>) {
        let index = self.begin_thought(is_summary, key, out);
        out.push(Event::Reasoning { index, text });
    }

    /// A thought goes on when its key is the same or one of the two has none (`reasoning` beside a lone seal).
    fn begin_thought(&mut self, is_summary: bool, key: Option<u64>, out: &mut Vec<Event>) -> u32 {
        match &mut self.open {
            Some(Open { index, kind: OpenKind::Reasoning { is_summary: open, key: open_key } })
                if *open == is_summary && (open_key.is_none() || key.is_none() || *open_key == key) =>
            {
                *open_key = open_key.or(key);
                *index
            }
            _ => self.begin(OpenKind::Reasoning { is_summary, key }, out),
        }
    }

    fn encrypted(&mut self, detail: Detail, out: &mut Vec<Event>) {
        self.close(out);
        let index = self.next;
        self.next += 1;
        let part = PartStart::Reasoning { is_summary: false, encrypted: Some(detail.body), id: detail.id };
        out.push(Event::PartStart { index, part });
        out.push(Event::PartEnd { index });
    }

    fn speak(&mut self, kind: OpenKind, text: String, out: &mut Vec<Event>) {
        let index = match &self.open {
            Some(open) if open.kind == kind => open.index,
            _ => self.begin(kind, out),
        };
        out.push(Event::Text { index, text });
    }

    fn cite(&mut self, annotations: &Value, out: &mut Vec<Event>) {
        for citation in annotations.as_array().into_iter().flatten().filter_map(citation::read) {
            let index = match &self.open {
                Some(Open { index, kind: OpenKind::Text }) => *index,
                _ => self.begin(OpenKind::Text, out),
            };
            out.push(Event::Cite { index, citation });
        }
    }

    fn begin(&mut self, kind: OpenKind, out: &mut Vec<Event>) -> u32 {
        self.close(out);
        let index = self.next;
        self.next += 1;
        let part = match kind {
            OpenKind::Text => PartStart::Text,
            OpenKind::Refusal => PartStart::Refusal,
            OpenKind::Reasoning { is_summary, .. } => {
                PartStart::Reasoning { is_summary, encrypted: None, id: None }
            }
        };
        out.push(Event::PartStart { index, part });
        self.open = Some(Open { index, kind });
        index
    }

    fn close(&mut self, out: &mut Vec<Event>) {
        if let Some(open) = self.open.take() {
            out.push(Event::PartEnd { index: open.index });
        }
    }

    /// The answer is finished: all parts end. A seal whose call never came is passed on as an encrypted thought.
    fn end_answer(&mut self, reason: &str, out: &mut Vec<Event>) {
        self.close(out);
        let seals = &mut self.seals;
        self.calls.close(&mut Around { answer: &self.id, next: &mut self.next, seals, out });
        for seal in std::mem::take(&mut self.seals) {
            self.encrypted(seal, out);
        }
        self.is_finished = true;
        let stop: StopReason = finish::stop_reason(reason, self.calls.any());
        out.push(Event::Finish(stop));
    }
}

fn error_event(data: &[u8]) -> UpstreamFault {
    match serde_json::from_slice::<Value>(data) {
        Ok(value) => error::from_value(&value, None),
        Err(_) => UpstreamFault::new(FaultKind::Upstream, String::from_utf8_lossy(data)),
    }
}
