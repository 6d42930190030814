//! The content of items: pieces, their beginnings and ends.

use super::Encoder;
use super::wire::{Delta, Payload, PlaceEvent};
use crate::hub::{Citation, ToolKind};
use crate::openai_responses::annotation;
use crate::openai_responses::output::{Body, Content, Item, Thought};
use crate::sse::write_json;

impl Encoder {
    pub(super) fn text(&mut self, index: u32, text: &str, out: &mut Vec<u8>) {
        let Some(place) = self.open_place(index) else { return };
        let (at, content) = (self.parts[place].item, self.parts[place].content);
        let Item { id: item_id, body: Body::Message(list), .. } = &mut self.items[at] else { return };
        let (kind, logprobs) = match list.get_mut(content) {
            Some(Content::OutputText { text: all, .. }) => {
                all.push_str(text);
                ("response.output_text.delta", Some([]))
            }
            Some(Content::Refusal { refusal }) => {
                refusal.push_str(text);
                ("response.refusal.delta", None)
            }
            None => return,
        };
        let delta = Delta {
            kind,
            sequence_number: self.sequence,
            item_id,
            output_index: at,
            content_index: Some(content),
            summary_index: None,
            delta: text,
            logprobs,
        };
        write_json(out, kind, &delta);
        self.sequence += 1;
    }

    pub(super) fn thought(&mut self, index: u32, text: &str, out: &mut Vec<u8>) {
        let Some(place) = self.open_place(index) else { return };
        let at = self.parts[place].item;
        let Body::Reasoning { text: all, is_summary, .. } = &mut self.items[at].body else { return };
        let (is_first, is_summary) = (all.is_empty(), *is_summary);
        all.push_str(text);
        if !std::mem::replace(&mut self.parts[place].is_told, true) && is_first {
            let part = Thought::new("", is_summary);
            let (kind, payload) = if is_summary {
                ("response.reasoning_summary_part.added", Payload::SummaryPart { summary_index: 0, part })
            } else {
                ("response.content_part.added", Payload::ThoughtPart { content_index: 0, part })
            };
            let sequence_number = self.next();
            self.place_event(kind, sequence_number, at, payload, out);
        }
        let (kind, content_index, summary_index) = if is_summary {
            ("response.reasoning_summary_text.delta", None, Some(0))
        } else {
            ("response.reasoning_text.delta", Some(0), None)
        };
        let delta = Delta {
            kind,
            sequence_number: self.next(),
            item_id: &self.items[at].id,
            output_index: at,
            content_index,
            summary_index,
            delta: text,
            logprobs: None,
        };
        write_json(out, kind, &delta);
    }

    pub(super) fn arguments(&mut self, index: u32, json: &str, out: &mut Vec<u8>) {
        let Some(place) = self.open_place(index) else { return };
        let at = self.parts[place].item;
        let Item { id: item_id, body: Body::Call { arguments, kind, .. }, .. } = &mut self.items[at] else {
            return;
        };
        arguments.push_str(json);
        let kind = match kind {
            ToolKind::Function => "response.function_call_arguments.delta",
            ToolKind::Custom => "response.custom_tool_call_input.delta",
        };
        let delta = Delta {
            kind,
            sequence_number: self.sequence,
            item_id,
            output_index: at,
            content_index: None,
            summary_index: None,
            delta: json,
            logprobs: None,
        };
        write_json(out, kind, &delta);
        self.sequence += 1;
    }

    pub(super) fn cite(&mut self, index: u32, citation: &Citation, out: &mut Vec<u8>) {
        let Some(place) = self.open_place(index) else { return };
        let (at, content_index) = (self.parts[place].item, self.parts[place].content);
        let Body::Message(list) = &mut self.items[at].body else { return };
        let Some(Content::OutputText { text, annotations, .. }) = list.get_mut(content_index) else { return };
        let length = text.chars().count() as u64;
        let Some(annotation) = annotation::write(citation, length) else { return };
        let annotation_index = annotations.len();
        annotations.push(annotation.clone());
        let payload = Payload::Annotation { content_index, annotation_index, annotation: &annotation };
        let sequence_number = self.next();
        self.place_event("response.output_text.annotation.added", sequence_number, at, payload, out);
    }

    pub(super) fn content_done(&mut self, at: usize, content_index: usize, out: &mut Vec<u8>) {
        let sequence_number = self.next();
        let Body::Message(list) = &self.items[at].body else { return };
        let (kind, payload) = match list.get(content_index) {
            Some(Content::OutputText { text, .. }) => {
                ("response.output_text.done", Payload::TextDone { content_index, text, logprobs: [] })
            }
            Some(Content::Refusal { refusal }) => {
                ("response.refusal.done", Payload::RefusalDone { content_index, refusal })
            }
            None => return,
        };
        self.place_event(kind, sequence_number, at, payload, out);
        self.content_event("response.content_part.done", at, content_index, out);
    }

    pub(super) fn content_event(
        &mut self,
        kind: &'static str,
        at: usize,
        content_index: usize,
        out: &mut Vec<u8>,
    ) {
        let sequence_number = self.next();
        let Body::Message(list) = &self.items[at].body else { return };
        let Some(part) = list.get(content_index) else { return };
        self.place_event(kind, sequence_number, at, Payload::Content { content_index, part }, out);
    }

    pub(super) fn thought_done(&mut self, at: usize, out: &mut Vec<u8>) {
        let (first, second) = (self.next(), self.next());
        let Body::Reasoning { text, is_summary, .. } = &self.items[at].body else { return };
        let part = Thought::new(text, *is_summary);
        if *is_summary {
            let done = Payload::SummaryDone { summary_index: 0, text };
            self.place_event("response.reasoning_summary_text.done", first, at, done, out);
            let part = Payload::SummaryPart { summary_index: 0, part };
            self.place_event("response.reasoning_summary_part.done", second, at, part, out);
        } else {
            let done = Payload::ThoughtDone { content_index: 0, text };
            self.place_event("response.reasoning_text.done", first, at, done, out);
            let part = Payload::ThoughtPart { content_index: 0, part };
            self.place_event("response.content_part.done", second, at, part, out);
        }
    }

    pub(super) fn call_done(&mut self, at: usize, out: &mut Vec<u8>) {
        let sequence_number = self.next();
        let Body::Call { arguments, kind, .. } = &self.items[at].body else { return };
        let (kind, payload) = match kind {
            ToolKind::Function => ("response.function_call_arguments.done", Payload::Arguments { arguments }),
            ToolKind::Custom => ("response.custom_tool_call_input.done", Payload::Input { input: arguments }),
        };
        self.place_event(kind, sequence_number, at, payload, out);
    }

    fn place_event(
        &self,
        kind: &'static str,
        sequence_number: u64,
        at: usize,
        payload: Payload<'_>,
        out: &mut Vec<u8>,
    ) {
        let item_id = &self.items[at].id;
        write_json(out, kind, &PlaceEvent { kind, sequence_number, item_id, output_index: at, payload });
    }
}
