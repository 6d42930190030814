//! One event of the stream, any type. Fields of other types than expected are left to who reads them.

use serde::Deserialize;
use serde_json::Value;

use super::items::Slot;
use crate::fault::UpstreamFault;
use crate::openai_responses::failure;

/// The fields that events have, all of them optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wire {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) output_index: Option<u64>,
    pub(super) content_index: Option<u64>,
    summary_index: Option<u64>,
    pub(super) item_id: Option<String>,
    delta: Value,
    text: Value,
    arguments: Value,
    input: Value,
    refusal: Value,
    pub(super) annotation: Value,
    pub(super) item: Value,
    pub(super) part: Value,
    pub(super) response: Value,
    pub(super) error: Value,
    code: Value,
    message: Value,
    param: Value,
}

impl Wire {
    /// The text of a `.delta` event.
    pub(super) fn delta_text(&mut self) -> String {
        owned(&mut self.delta)
    }

    /// The text of a `.done` event.
    pub(super) fn whole(&mut self, slot: Slot) -> String {
        owned(match slot {
            Slot::Text(_) | Slot::Summary | Slot::Thought => &mut self.text,
            Slot::Refusal(_) => &mut self.refusal,
            Slot::Arguments if self.arguments.is_null() => &mut self.input,
            Slot::Arguments => &mut self.arguments,
        })
    }

    /// Which piece of a summary or of full thoughts this is about.
    pub(super) fn piece(&self) -> u64 {
        self.summary_index.or(self.content_index).unwrap_or_default()
    }

    /// The error of an `error` event: flat as documented, or inside `error` as servers send it (case 13).
    pub(super) fn fault(&mut self) -> UpstreamFault {
        if !self.error.is_null() {
            return failure::read(&self.error);
        }
        let fields = [("code", &mut self.code), ("message", &mut self.message), ("param", &mut self.param)];
        let flat = fields.into_iter().map(|(name, value)| (name.to_owned(), value.take())).collect();
        failure::read(&Value::Object(flat))
    }
}

fn owned(value: &mut Value) -> String {
    match value.take() {
        Value::String(text) => text,
        _ => String::new(),
    }
}
