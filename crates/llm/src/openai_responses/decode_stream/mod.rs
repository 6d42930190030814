//! Reads a provider's stream.
//!
//! Servers differ in what they send: all of OpenAI's events, or deltas without `.added`, or only `.done` events, or only
//! the completed response. Every piece is therefore told when it is first seen, and later events add only what is missing.

mod items;
mod reconcile;
mod wire;

use serde_json::Value;

use self::items::{Item, Slot};
use self::wire::Wire;
use super::{decode_response, failure, stop, usage};
use crate::codec::MalformedEvent;
use crate::fault::UpstreamFault;
use crate::hub::Event;
use crate::sse::SseEvent;

/// The state of one stream being read. `sequence_number` is not looked at: servers omit or reuse it (case 12).
#[derive(Debug, Default)]
pub struct Decoder {
    has_started: bool,
    is_over: bool,
    items: Vec<Item>,
    parts: u32,
    has_calls: bool,
}

impl Decoder {
    /// Appends what `event` means to `out`.
    pub fn decode(&mut self, event: SseEvent<'_>, out: &mut Vec<Event>) -> Result<(), MalformedEvent> {
        if self.is_over || event.data.starts_with(b"[DONE]") {
            return Ok(());
        }
        let mut wire: Wire =
            serde_json::from_slice(event.data).map_err(|error| MalformedEvent(error.to_string()))?;
        let kind = wire.kind.take().unwrap_or_else(|| event.name.to_owned());
        match kind.as_str() {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.start(&wire.response, out);
            }
            "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
                self.finish_with(&kind, wire.response, out);
            }
            "error" => self.fail(wire.fault(), out),
            _ if !wire.error.is_null() && !kind.starts_with("response.") => self.fail(wire.fault(), out),
            "response.output_item.added" => self.item_added(wire, out),
            "response.output_item.done" => self.item_done(wire, out),
            _ => self.content(&kind, wire, out),
        }
        Ok(())
    }

    /// The body has ended. This dialect marks its end, so there is nothing to add: without a mark the stream was cut.
    pub fn finish(&mut self, _out: &mut Vec<Event>) {}

    fn start(&mut self, response: &Value, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.has_started, true) {
            return;
        }
        let text = |name: &str| response[name].as_str().unwrap_or_default().to_owned();
        let created = decode_response::seconds(&response["created_at"]);
        out.push(Event::Start { id: text("id"), model: text("model"), created });
    }

    fn fail(&mut self, fault: UpstreamFault, out: &mut Vec<Event>) {
        self.is_over = true;
        out.push(Event::Error(fault));
    }

    fn content(&mut self, kind: &str, mut wire: Wire, out: &mut Vec<Event>) {
        let Some((slot, is_whole)) = slot_of(kind, &wire) else { return };
        self.start(&Value::Null, out);
        let at = self.find(&wire, slot);
        match (slot, kind) {
            (_, "response.output_text.annotation.added") => {
                let annotation = std::mem::take(&mut wire.annotation);
                self.cite(at, slot, annotation, out);
            }
            (_, "response.content_part.done") => {
                let part = std::mem::take(&mut wire.part);
                self.content_part(at, slot, &part, out);
            }
            (Slot::Summary | Slot::Thought, _) if is_whole => {
                self.thought_done(at, slot, (wire.piece(), wire.whole(slot)), out);
            }
            (Slot::Summary | Slot::Thought, _) => {
                self.thought(at, slot, (wire.piece(), wire.delta_text()), out);
            }
            _ if is_whole => self.whole(at, slot, wire.whole(slot), out),
            _ => self.piece(at, slot, wire.delta_text(), out),
        }
    }

    fn item_added(&mut self, wire: Wire, out: &mut Vec<Event>) {
        if !wire.item.is_object() {
            return;
        }
        self.start(&Value::Null, out);
        let at = self.claim(wire.output_index, &wire.item);
        self.open_call(at, &wire.item, out);
    }

    fn item_done(&mut self, wire: Wire, out: &mut Vec<Event>) {
        if !wire.item.is_object() {
            return;
        }
        self.start(&Value::Null, out);
        let at = self.claim(wire.output_index, &wire.item);
        self.complete(at, wire.item, out);
    }

    /// The last event: completes what the stream left away, then tells usage (case 7) and the end.
    fn finish_with(&mut self, kind: &str, mut response: Value, out: &mut Vec<Event>) {
        let status = match kind {
            "response.failed" => "failed",
            "response.cancelled" => "cancelled",
            "response.incomplete" => "incomplete",
            _ => response["status"].as_str().unwrap_or("completed"),
        }
        .to_owned();
        let is_failed = matches!(status.as_str(), "failed" | "cancelled");
        if !is_failed || !response["id"].is_null() {
            self.start(&response, out);
        }
        if !is_failed {
            let output = response.get_mut("output").and_then(Value::as_array_mut).map(std::mem::take);
            self.reconcile(output.unwrap_or_default(), out);
            self.end_parts(out);
        }
        if let Some(usage) = usage::read(&response) {
            out.push(Event::Usage(usage));
        }
        if is_failed {
            return self.fail(failed(response, &status), out);
        }
        self.is_over = true;
        out.push(Event::Finish(stop::read(&status, &response, self.has_calls)));
        out.push(Event::End);
    }
}

fn failed(mut response: Value, status: &str) -> UpstreamFault {
    if !response.is_object() {
        response = Value::Object(serde_json::Map::new());
    }
    response["status"] = status.into();
    decode_response::fault(&response).unwrap_or_else(|| failure::read(&Value::Null))
}

/// Where the content of an event belongs, and whether it is whole (`.done`) or a piece (`.delta`).
fn slot_of(kind: &str, wire: &Wire) -> Option<(Slot, bool)> {
    let content = wire.content_index.unwrap_or_default();
    Some(match kind {
        "response.output_text.delta" => (Slot::Text(content), false),
        "response.output_text.done" => (Slot::Text(content), true),
        "response.output_text.annotation.added" => (Slot::Text(content), false),
        "response.refusal.delta" => (Slot::Refusal(content), false),
        "response.refusal.done" => (Slot::Refusal(content), true),
        "response.content_part.done" => match wire.part["type"].as_str()? {
            "output_text" => (Slot::Text(content), true),
            "refusal" => (Slot::Refusal(content), true),
            _ => return None,
        },
        "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
            (Slot::Arguments, false)
        }
        "response.function_call_arguments.done" | "response.custom_tool_call_input.done" => {
            (Slot::Arguments, true)
        }
        "response.reasoning_summary_text.delta" => (Slot::Summary, false),
        "response.reasoning_summary_text.done" => (Slot::Summary, true),
        "response.reasoning_text.delta" => (Slot::Thought, false),
        "response.reasoning_text.done" => (Slot::Thought, true),
        _ => return None,
    })
}
