//! The output items of a stream, and how much of each has been told.

use serde_json::Value;

use super::{Decoder, Wire};
use crate::hub::{Event, PartStart, ToolKind};
use crate::openai_responses::annotation;

/// One output item.
#[derive(Debug, Default)]
pub(super) struct Item {
    pub(super) output_index: Option<u64>,
    pub(super) id: String,
    pub(super) call_id: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) is_done: bool,
    /// Matched with an item of the final response.
    pub(super) is_final: bool,
    /// Arguments that came before the call's name.
    waiting: String,
    pub(super) open: Vec<Open>,
}

impl Item {
    /// Different call ids are different calls, whatever the server says about their place.
    pub(super) fn may_be_call(&self, call_id: &str) -> bool {
        self.call_id.is_empty() || call_id.is_empty() || self.call_id == call_id
    }

    fn part(&self, slot: Slot) -> Option<&Open> {
        self.open.iter().find(|open| open.slot == slot)
    }
}

/// A part of an item that has been started.
#[derive(Debug)]
pub(super) struct Open {
    slot: Slot,
    pub(super) index: u32,
    /// Bytes told.
    sent: usize,
    /// Citations told.
    cited: usize,
    /// Last piece of a summary or of full thoughts.
    piece: u64,
    /// Bytes of the earlier pieces, separators included.
    earlier: usize,
    has_ended: bool,
}

/// What a part is within its item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Text(u64),
    Refusal(u64),
    Summary,
    Thought,
    Arguments,
}

impl Slot {
    fn item_kind(self) -> &'static str {
        match self {
            Self::Text(_) | Self::Refusal(_) => "message",
            Self::Summary | Self::Thought => "reasoning",
            Self::Arguments => "function_call",
        }
    }

    fn fits(self, kind: &str) -> bool {
        kind == self.item_kind() || (self == Self::Arguments && kind == "custom_tool_call")
    }
}

/// Between the pieces of a summary, or of full thoughts.
const BETWEEN: &str = "\n\n";

impl Decoder {
    /// The item that a content event is about: by id, else by place, else a new one.
    pub(super) fn find(&mut self, wire: &Wire, slot: Slot) -> usize {
        let id = wire.item_id.as_deref().unwrap_or_default();
        let by_id =
            self.items.iter().position(|item| !id.is_empty() && item.id == id && slot.fits(&item.kind));
        let by_place = || {
            let same_place =
                |item: &Item| wire.output_index.is_none() || item.output_index == wire.output_index;
            self.items.iter().rposition(|item| slot.fits(&item.kind) && same_place(item))
        };
        by_id.or_else(by_place).unwrap_or_else(|| {
            self.items.push(Item {
                output_index: wire.output_index,
                id: id.to_owned(),
                kind: slot.item_kind().to_owned(),
                ..Item::default()
            });
            self.items.len() - 1
        })
    }

    /// The item that `.added` and `.done` are about; takes over its id, type and name.
    pub(super) fn claim(&mut self, output_index: Option<u64>, json: &Value) -> usize {
        let text = |name: &str| json[name].as_str().unwrap_or_default();
        let (id, kind) = (text("id"), text("type"));
        let same_id = |item: &Item| !id.is_empty() && item.id == id && item.kind == kind;
        let same_place = |item: &Item| {
            let fits = item.kind == kind && item.output_index == output_index && output_index.is_some();
            fits && !item.is_done && item.may_be_call(text("call_id"))
        };
        let found = self.items.iter().position(same_id).or_else(|| self.items.iter().position(same_place));
        let at = found.unwrap_or_else(|| {
            self.items.push(Item { output_index, kind: kind.to_owned(), ..Item::default() });
            self.items.len() - 1
        });
        let item = &mut self.items[at];
        for (mine, theirs) in
            [(&mut item.id, id), (&mut item.call_id, text("call_id")), (&mut item.name, text("name"))]
        {
            if mine.is_empty() {
                theirs.clone_into(mine);
            }
        }
        at
    }

    /// Starts a tool call as soon as its name is known.
    pub(super) fn open_call(&mut self, at: usize, json: &Value, out: &mut Vec<Event>) {
        let kind = match json["type"].as_str() {
            Some("function_call") => ToolKind::Function,
            Some("custom_tool_call") => ToolKind::Custom,
            _ => return,
        };
        let item = &mut self.items[at];
        if item.name.is_empty() || item.part(Slot::Arguments).is_some() {
            return;
        }
        let id = if item.call_id.is_empty() { item.id.clone() } else { item.call_id.clone() };
        let waiting = std::mem::take(&mut item.waiting);
        let start = PartStart::ToolCall { id, name: item.name.clone(), signature: None, kind };
        self.has_calls = true;
        self.open(at, Slot::Arguments, start, out);
        self.piece(at, Slot::Arguments, waiting, out);
    }

    pub(super) fn open(&mut self, at: usize, slot: Slot, part: PartStart, out: &mut Vec<Event>) -> usize {
        let index = self.parts;
        self.parts += 1;
        out.push(Event::PartStart { index, part });
        let open = &mut self.items[at].open;
        open.push(Open { slot, index, sent: 0, cited: 0, piece: 0, earlier: 0, has_ended: false });
        open.len() - 1
    }

    /// The part for a slot, started if need be. `None` for a call whose name is not known yet.
    fn part(&mut self, at: usize, slot: Slot, out: &mut Vec<Event>) -> Option<&mut Open> {
        let found = self.items[at].open.iter().position(|open| open.slot == slot);
        let place = match (found, slot) {
            (Some(place), _) => place,
            (None, Slot::Arguments) => return None,
            (None, Slot::Text(_)) => self.open(at, slot, PartStart::Text, out),
            (None, Slot::Refusal(_)) => self.open(at, slot, PartStart::Refusal, out),
            (None, Slot::Summary | Slot::Thought) => {
                let id = Some(self.items[at].id.clone()).filter(|id| !id.is_empty());
                let start = PartStart::Reasoning { is_summary: slot == Slot::Summary, encrypted: None, id };
                self.open(at, slot, start, out)
            }
        };
        self.items[at].open.get_mut(place)
    }

    /// More text of a part.
    pub(super) fn piece(&mut self, at: usize, slot: Slot, text: String, out: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        let Some(open) = self.part(at, slot, out).filter(|open| !open.has_ended) else {
            if slot == Slot::Arguments && !self.items[at].is_done {
                self.items[at].waiting.push_str(&text);
            }
            return;
        };
        open.sent += text.len();
        let index = open.index;
        out.push(match slot {
            Slot::Text(_) | Slot::Refusal(_) => Event::Text { index, text },
            Slot::Summary | Slot::Thought => Event::Reasoning { index, text },
            Slot::Arguments => Event::Arguments { index, json: text },
        });
    }

    /// The whole text of a part: tells what the deltas left away.
    pub(super) fn whole(&mut self, at: usize, slot: Slot, text: String, out: &mut Vec<Event>) {
        let sent = match self.items[at].part(slot) {
            Some(open) => open.sent,
            None if slot == Slot::Arguments => {
                if !text.is_empty() {
                    self.items[at].waiting = text;
                }
                return;
            }
            None => 0,
        };
        let missing = text.get(sent..).unwrap_or_default().to_owned();
        self.piece(at, slot, missing, out);
    }

    /// More of a numbered piece of a summary or of full thoughts; pieces are told with a blank line between.
    pub(super) fn thought(
        &mut self,
        at: usize,
        slot: Slot,
        (piece, text): (u64, String),
        out: &mut Vec<Event>,
    ) {
        if text.is_empty() {
            return;
        }
        let Some(open) = self.part(at, slot, out) else { return };
        if piece > open.piece {
            let separates = open.sent > 0;
            open.piece = piece;
            if separates {
                self.piece(at, slot, BETWEEN.to_owned(), out);
            }
            if let Some(open) = self.part(at, slot, out) {
                open.earlier = open.sent;
            }
        }
        self.piece(at, slot, text, out);
    }

    /// One whole piece of a summary or of full thoughts.
    pub(super) fn thought_done(
        &mut self,
        at: usize,
        slot: Slot,
        (piece, text): (u64, String),
        out: &mut Vec<Event>,
    ) {
        let told = match self.items[at].part(slot) {
            Some(open) if open.piece == piece => open.sent - open.earlier,
            Some(open) if open.piece > piece => return,
            _ => 0,
        };
        let missing = text.get(told..).unwrap_or_default().to_owned();
        self.thought(at, slot, (piece, missing), out);
    }

    pub(super) fn cite(&mut self, at: usize, slot: Slot, json: Value, out: &mut Vec<Event>) {
        if !json.is_object() {
            return;
        }
        if let Some(open) = self.part(at, slot, out).filter(|open| !open.has_ended) {
            open.cited += 1;
            let index = open.index;
            out.push(Event::Cite { index, citation: annotation::read(json) });
        }
    }

    /// A whole content block: its text, its citations, its end.
    pub(super) fn content_part(&mut self, at: usize, slot: Slot, block: &Value, out: &mut Vec<Event>) {
        let text = block["text"].as_str().or(block["refusal"].as_str()).unwrap_or_default();
        self.whole(at, slot, text.to_owned(), out);
        let cited = self.items[at].part(slot).map_or(0, |open| open.cited);
        for json in block["annotations"].as_array().into_iter().flatten().skip(cited) {
            self.cite(at, slot, json.clone(), out);
        }
        self.end(at, |open| open.slot == slot, out);
    }

    pub(super) fn end(&mut self, at: usize, which: impl Fn(&Open) -> bool, out: &mut Vec<Event>) {
        for open in self.items[at].open.iter_mut().filter(|open| which(open)) {
            if !std::mem::replace(&mut open.has_ended, true) {
                out.push(Event::PartEnd { index: open.index });
            }
        }
    }

    /// Ends what is still open.
    pub(super) fn end_parts(&mut self, out: &mut Vec<Event>) {
        for at in 0..self.items.len() {
            self.end(at, |_| true, out);
        }
    }
}
