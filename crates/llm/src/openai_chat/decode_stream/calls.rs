//! Puts the pieces of tool calls together.

use serde_json::Value;

use crate::hub::{Event, PartStart, ToolKind};
use crate::openai_chat::decode_response::as_text;
use crate::openai_chat::reasoning::{Detail, read_extra_content, take_call_seal};

/// One call in the making.
#[derive(Debug)]
struct Call {
    /// The provider's index among the calls, where it gives one.
    key: Option<u64>,
    id: String,
    /// Index of the part, once begun; a call begins when its name is known.
    part: Option<u32>,
    name: String,
    /// Arguments that came before the name.
    waiting: String,
    kind: ToolKind,
    signature: Option<String>,
}

/// All calls of one answer.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
}

/// What the calls need of the stream.
pub(super) struct Around<'a> {
    /// Id of the answer, from which ids of calls without one are made.
    pub answer: &'a str,
    /// The next free part index.
    pub next: &'a mut u32,
    /// Seals that wait for their call.
    pub seals: &'a mut Vec<Detail>,
    /// Where events go.
    pub out: &'a mut Vec<Event>,
}

impl Calls {
    /// Whether the answer holds a call.
    pub(super) fn any(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Takes one entry of `tool_calls`.
    ///
    /// Which call it belongs to (fault 45): the one with the same index, unless it brings a name and another id (servers
    /// that number all calls 0); without an index the one with the same id; without an id, a name begins a new call and
    /// anything else belongs to the last one.
    pub(super) fn take(&mut self, delta: &Value, around: &mut Around<'_>) {
        let (kind, body, arguments) = match delta.get("custom") {
            Some(custom) if custom.is_object() => (ToolKind::Custom, custom, &custom["input"]),
            _ => (ToolKind::Function, &delta["function"], &delta["function"]["arguments"]),
        };
        let id = delta["id"].as_str().unwrap_or_default();
        let name = body["name"].as_str().unwrap_or_default();
        let place = self.find(delta["index"].as_u64(), id, name).unwrap_or_else(|| {
            let id = if id.is_empty() {
                crate::openai_chat::ids::call_id(around.answer, self.calls.len())
            } else {
                id.to_owned()
            };
            self.calls.push(Call {
                key: delta["index"].as_u64(),
                id,
                part: None,
                name: String::new(),
                waiting: String::new(),
                kind,
                signature: None,
            });
            self.calls.len() - 1
        });
        let call = &mut self.calls[place];
        if call.part.is_none() {
            call.signature = call.signature.take().or_else(|| read_extra_content(&delta["extra_content"]));
            call.kind = kind;
            name.clone_into(&mut call.name);
        }
        call.push(as_text(arguments), around);
    }

    fn find(&self, key: Option<u64>, id: &str, name: &str) -> Option<usize> {
        match key {
            Some(key) => {
                let place = self.calls.iter().rposition(|call| call.key == Some(key))?;
                let is_other = !id.is_empty() && !name.is_empty() && self.calls[place].id != id;
                (!is_other || self.calls[place].part.is_none()).then_some(place)
            }
            None if !id.is_empty() => self.calls.iter().rposition(|call| call.id == id),
            None if !name.is_empty() => None,
            None => self.calls.len().checked_sub(1),
        }
    }

    /// Ends all calls; one whose name never came is begun without.
    pub(super) fn close(&mut self, around: &mut Around<'_>) {
        for call in &mut self.calls {
            let part = call.begin(around);
            around.out.push(Event::PartEnd { index: part });
        }
    }
}

impl Call {
    fn push(&mut self, arguments: String, around: &mut Around<'_>) {
        if self.part.is_none() && self.name.is_empty() {
            self.waiting.push_str(&arguments);
            return;
        }
        let index = self.begin(around);
        if !arguments.is_empty() {
            around.out.push(Event::Arguments { index, json: arguments });
        }
    }

    fn begin(&mut self, around: &mut Around<'_>) -> u32 {
        if let Some(part) = self.part {
            return part;
        }
        let index = *around.next;
        *around.next += 1;
        self.part = Some(index);
        let sealed = take_call_seal(around.seals, &self.id);
        let part = PartStart::ToolCall {
            id: self.id.clone(),
            name: self.name.clone(),
            signature: self.signature.take().or(sealed),
            kind: self.kind,
        };
        around.out.push(Event::PartStart { index, part });
        let waiting = std::mem::take(&mut self.waiting);
        if !waiting.is_empty() {
            around.out.push(Event::Arguments { index, json: waiting });
        }
        index
    }
}
