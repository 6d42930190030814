//! Parts of the answer → items: where each part goes, when an item begins and ends.

use super::Encoder;
use crate::hub::{PartStart, StopReason, ToolKind};
use crate::openai_responses::output::{Body, Content, Item, prefix};
use crate::openai_responses::{ids, seal, stop};

/// Where a part of the answer is.
#[derive(Debug)]
pub(super) struct Part {
    index: u32,
    pub(super) item: usize,
    pub(super) content: usize,
    /// The seal so far (Anthropic, Gemini).
    signature: String,
    /// Whether its content block has been begun (thoughts may have none).
    pub(super) is_told: bool,
    has_ended: bool,
}

impl Encoder {
    pub(super) fn part_start(&mut self, index: u32, start: &PartStart, out: &mut Vec<u8>) {
        if self.place(index).is_some() {
            return;
        }
        let (item, content) = match start {
            PartStart::Text => self.message_content(Content::text(String::new(), Vec::new()), out),
            PartStart::Refusal => self.message_content(Content::Refusal { refusal: String::new() }, out),
            PartStart::Reasoning { is_summary, encrypted, id } => {
                (self.reasoning_item(*is_summary, encrypted.as_deref(), id.as_deref(), out), 0)
            }
            PartStart::ToolCall { id, name, kind, .. } => {
                let body = Body::Call {
                    call_id: id.clone(),
                    name: name.clone(),
                    arguments: String::new(),
                    kind: *kind,
                };
                (self.add_item(None, body, out), 0)
            }
        };
        let is_told = matches!(start, PartStart::Text | PartStart::Refusal);
        self.parts.push(Part { index, item, content, signature: String::new(), is_told, has_ended: false });
        if is_told {
            self.content_event("response.content_part.added", item, content, out);
        }
    }

    /// Puts a text or refusal into the message that is being told, else into a new one.
    fn message_content(&mut self, content: Content, out: &mut Vec<u8>) -> (usize, usize) {
        let is_growing_message = |item: &Item| item.status.is_none() && matches!(item.body, Body::Message(_));
        let at = if self.items.last().is_some_and(is_growing_message) {
            self.items.len() - 1
        } else {
            self.add_item(None, Body::Message(Vec::new()), out)
        };
        match &mut self.items[at].body {
            Body::Message(list) => {
                list.push(content);
                (at, list.len() - 1)
            }
            _ => (at, 0),
        }
    }

    /// A seal that comes after its text (with the same id) belongs to the same item.
    fn reasoning_item(
        &mut self,
        is_summary: bool,
        encrypted: Option<&str>,
        id: Option<&str>,
        out: &mut Vec<u8>,
    ) -> usize {
        let sealed = seal::write(None, encrypted, self.reply.origin);
        let id = id.filter(|id| id.starts_with("rs_"));
        if let (Some(id), Some(sealed), Some(last)) = (id, &sealed, self.items.last_mut())
            && last.id == id
            && last.status.is_none()
            && let Body::Reasoning { encrypted, .. } = &mut last.body
        {
            *encrypted = Some(sealed.clone());
            return self.items.len() - 1;
        }
        let id = id.filter(|id| self.items.iter().all(|item| item.id != *id)).map(str::to_owned);
        let body = Body::Reasoning { text: String::new(), is_summary, encrypted: sealed };
        self.add_item(id, body, out)
    }

    fn add_item(&mut self, id: Option<String>, body: Body, out: &mut Vec<u8>) -> usize {
        for at in 0..self.items.len() {
            self.close(at, "completed", out);
        }
        let at = self.items.len();
        let id = id.unwrap_or_else(|| ids::item_id(prefix(&body), &self.base, at));
        self.items.push(Item { id, status: None, body });
        self.item_event("response.output_item.added", at, out);
        at
    }

    /// The seal is told with the whole item.
    pub(super) fn signature(&mut self, index: u32, signature: &str) {
        let Some(place) = self.open_place(index) else { return };
        self.parts[place].signature.push_str(signature);
        let sealed = seal::write(Some(&self.parts[place].signature), None, self.reply.origin);
        let item = &mut self.items[self.parts[place].item];
        if let (Body::Reasoning { encrypted, .. }, Some(sealed)) = (&mut item.body, sealed) {
            *encrypted = Some(sealed);
        }
    }

    pub(super) fn part_end(&mut self, index: u32, out: &mut Vec<u8>) {
        let Some(place) = self.open_place(index) else { return };
        for (_, citation) in self.held.extract_if(.., |(of, _)| *of == index).collect::<Vec<_>>() {
            self.cite(index, &citation, out);
        }
        let (at, content) = (self.parts[place].item, self.parts[place].content);
        match &self.items[at].body {
            Body::Message(_) => self.content_done(at, content, out),
            Body::Reasoning { .. } if self.parts[place].is_told => self.thought_done(at, out),
            Body::Call { arguments, kind: ToolKind::Function, .. } if arguments.is_empty() => {
                self.arguments(index, "{}", out);
                self.call_done(at, out);
            }
            Body::Call { .. } => self.call_done(at, out),
            _ => {}
        }
        self.parts[place].has_ended = true;
        let is_call = matches!(self.items[at].body, Body::Call { .. });
        if is_call || at + 1 < self.items.len() {
            self.close(at, "completed", out);
        }
    }

    /// Ends all parts and items. The last item of an incomplete answer is incomplete.
    pub(super) fn close_all(&mut self, out: &mut Vec<u8>) {
        let open = self.parts.iter().filter(|part| !part.has_ended).map(|part| part.index);
        for index in open.collect::<Vec<_>>() {
            self.part_end(index, out);
        }
        let stop = self.stop.clone().unwrap_or(StopReason::Stop);
        let status = stop::write(&stop, self.has_refusal()).status;
        let last = self.items.len().saturating_sub(1);
        for at in 0..self.items.len() {
            self.close(at, if at == last { status } else { "completed" }, out);
        }
    }

    /// Closes an item, unless one of its parts is still open.
    fn close(&mut self, at: usize, status: &'static str, out: &mut Vec<u8>) {
        if self.items[at].status.is_some() || self.parts.iter().any(|part| part.item == at && !part.has_ended)
        {
            return;
        }
        self.items[at].status = Some(status);
        self.item_event("response.output_item.done", at, out);
    }

    fn place(&self, index: u32) -> Option<usize> {
        self.parts.iter().rposition(|part| part.index == index)
    }

    pub(super) fn open_place(&self, index: u32) -> Option<usize> {
        self.place(index).filter(|place| !self.parts[*place].has_ended)
    }
}
