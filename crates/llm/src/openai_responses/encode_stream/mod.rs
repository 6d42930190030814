//! Writes a stream for a caller.
//!
//! Neighbouring texts and refusals share one message item. A message or reasoning item is closed when another item has
//! begun, because only then is it known to be whole; a call is closed with its part, so that callers can start on it.

mod content;
mod items;
mod wire;

use self::wire::{ErrorEvent, ItemEvent, Lifecycle};
use super::output::{Body, Content, Item};
use super::response_object::{Echo, ResponseObject, State};
use super::{failure, ids, stop};
use crate::codec::Reply;
use crate::fault::UpstreamFault;
use crate::hub::{Citation, Event, StopReason};
use crate::sse;
use crate::usage::Usage;

/// The state of one stream being written.
#[derive(Debug)]
pub struct Encoder {
    reply: Reply,
    echo: Echo,
    phase: Phase,
    id: String,
    /// What item ids are made from.
    base: String,
    model: String,
    created_at: u64,
    sequence: u64,
    items: Vec<Item>,
    parts: Vec<items::Part>,
    /// Citations of open texts that do not say where they belong: they cover the whole, whose length is not known yet.
    held: Vec<(u32, Citation)>,
    usage: Option<Usage>,
    stop: Option<StopReason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Fresh,
    Open,
    Over,
}

impl Encoder {
    /// A stream that has not begun.
    pub fn new(reply: Reply) -> Self {
        let (model, created_at) = (reply.model.clone(), reply.now);
        Self {
            echo: Echo::of(&reply.request),
            reply,
            phase: Phase::Fresh,
            id: String::new(),
            base: String::new(),
            model,
            created_at,
            sequence: 0,
            items: Vec::new(),
            parts: Vec::new(),
            held: Vec::new(),
            usage: None,
            stop: None,
        }
    }

    /// Appends the bytes that tell `event`.
    pub fn encode(&mut self, event: &Event, out: &mut Vec<u8>) {
        match (self.phase, event) {
            (Phase::Over, _) => return,
            (Phase::Fresh, Event::Start { id, model, created }) => {
                return self.start(id, model, *created, out);
            }
            (Phase::Fresh, Event::Error(_) | Event::Usage(_)) => {}
            (Phase::Fresh, _) => self.start("", "", None, out),
            (Phase::Open, _) => {}
        }
        match event {
            Event::Start { .. } => {}
            Event::PartStart { index, part } => self.part_start(*index, part, out),
            Event::Text { index, text } => self.text(*index, text, out),
            Event::Reasoning { index, text } => self.thought(*index, text, out),
            Event::Signature { index, signature } => self.signature(*index, signature),
            Event::Arguments { index, json } => self.arguments(*index, json, out),
            Event::Cite { index, citation } if citation.needs_length() => {
                self.held.push((*index, citation.clone()));
            }
            Event::Cite { index, citation } => self.cite(*index, citation, out),
            Event::PartEnd { index } => self.part_end(*index, out),
            Event::Usage(usage) => self.count(usage),
            Event::Finish(stop) => {
                self.stop = Some(stop.clone());
                self.close_all(out);
            }
            Event::Error(fault) => self.fail(fault, out),
            Event::End => self.end(out),
        }
    }

    /// Takes in a report of tokens; a cost that comes late is taken too.
    fn count(&mut self, usage: &Usage) {
        let mine = self.usage.get_or_insert_default();
        mine.replace_with(usage);
        mine.cost = usage.cost.or(mine.cost);
    }

    fn start(&mut self, id: &str, model: &str, created: Option<u64>, out: &mut Vec<u8>) {
        self.phase = Phase::Open;
        self.id = ids::response_id(id, &self.reply.id);
        ids::base(id, &self.reply.id).clone_into(&mut self.base);
        if !model.is_empty() {
            model.clone_into(&mut self.model);
        }
        self.created_at = created.unwrap_or(self.created_at);
        self.lifecycle("response.created", "in_progress", None, out);
        self.lifecycle("response.in_progress", "in_progress", None, out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.close_all(out);
        let stop = self.stop.take().unwrap_or_default();
        let outcome = stop::write(&stop, self.has_refusal());
        let name = if outcome.status == "completed" { "response.completed" } else { "response.incomplete" };
        self.lifecycle(name, outcome.status, outcome.reason, out);
        self.phase = Phase::Over;
    }

    /// The error twice: as `error`, which SDKs raise, and as `response.failed`, which other clients wait for.
    fn fail(&mut self, fault: &UpstreamFault, out: &mut Vec<u8>) {
        let event = ErrorEvent {
            kind: "error",
            sequence_number: self.next(),
            code: failure::code(fault),
            message: &fault.message,
            param: fault.param.as_deref(),
            error: failure::ErrorBody::from(fault),
        };
        sse::write_json(out, "error", &event);
        if self.phase == Phase::Open {
            for item in &mut self.items {
                item.status.get_or_insert("incomplete");
            }
            let sequence_number = self.next();
            let state = State { error: Some(fault), ..self.state("failed") };
            self.write_lifecycle("response.failed", sequence_number, state, out);
        }
        self.phase = Phase::Over;
    }

    fn lifecycle(&mut self, name: &'static str, status: &str, reason: Option<&str>, out: &mut Vec<u8>) {
        let sequence_number = self.next();
        let completed_at = (status == "completed").then_some(self.reply.now.max(self.created_at));
        let state = State { incomplete_reason: reason, completed_at, ..self.state(status) };
        self.write_lifecycle(name, sequence_number, state, out);
    }

    fn state<'a>(&'a self, status: &'a str) -> State<'a> {
        State {
            id: &self.id,
            model: &self.model,
            created_at: self.created_at,
            completed_at: None,
            status,
            error: None,
            incomplete_reason: None,
            output: &self.items,
            usage: self.usage.as_ref().filter(|_| status != "in_progress"),
        }
    }

    fn write_lifecycle(&self, kind: &'static str, sequence_number: u64, state: State<'_>, out: &mut Vec<u8>) {
        let response = ResponseObject::new(&self.echo, state);
        sse::write_json(out, kind, &Lifecycle { kind, response, sequence_number });
    }

    /// The next sequence number; the first is 0.
    fn next(&mut self) -> u64 {
        let number = self.sequence;
        self.sequence += 1;
        number
    }

    fn item_event(&mut self, kind: &'static str, at: usize, out: &mut Vec<u8>) {
        let sequence_number = self.next();
        let event = ItemEvent { kind, sequence_number, output_index: at, item: &self.items[at] };
        sse::write_json(out, kind, &event);
    }

    fn has_refusal(&self) -> bool {
        let refuses = |content: &Content| matches!(content, Content::Refusal { .. });
        let holds = |item: &Item| matches!(&item.body, Body::Message(list) if list.iter().any(refuses));
        self.items.iter().any(holds)
    }
}
