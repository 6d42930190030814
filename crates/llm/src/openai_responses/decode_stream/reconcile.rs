//! Whole items, and the final response: what they say more than the stream did.

use serde_json::Value;

use super::Decoder;
use super::items::{Item, Slot};
use crate::Dialect;
use crate::hub::{Event, PartStart, Reasoning};
use crate::openai_responses::{decode_response, seal};

impl Decoder {
    /// A whole item. Tells what is missing of it and ends its parts.
    pub(super) fn complete(&mut self, at: usize, json: Value, out: &mut Vec<Event>) {
        if self.items[at].is_done {
            return;
        }
        match json["type"].as_str().unwrap_or_default() {
            "message" => {
                for (i, block) in json["content"].as_array().into_iter().flatten().enumerate() {
                    let slot = match block["type"].as_str() {
                        Some("output_text" | "text") => Slot::Text(i as u64),
                        Some("refusal") => Slot::Refusal(i as u64),
                        _ => continue,
                    };
                    self.content_part(at, slot, block, out);
                }
            }
            "reasoning" => self.complete_reasoning(at, &json, out),
            "function_call" => self.complete_call(at, &json, "arguments", out),
            "custom_tool_call" => self.complete_call(at, &json, "input", out),
            _ => {}
        }
        self.items[at].is_done = true;
        self.end(at, |_| true, out);
    }

    fn complete_call(&mut self, at: usize, json: &Value, input: &str, out: &mut Vec<Event>) {
        self.open_call(at, json, out);
        let text = match &json[input] {
            Value::String(text) => text.clone(),
            object @ Value::Object(_) => object.to_string(),
            _ => String::new(),
        };
        self.whole(at, Slot::Arguments, text, out);
    }

    /// The seal comes last in a stream, after the text was told: it then makes a part of its own, with the item's id.
    fn complete_reasoning(&mut self, at: usize, json: &Value, out: &mut Vec<Event>) {
        let encrypted = json["encrypted_content"].as_str().filter(|text| !text.is_empty());
        let content = decode_response::thoughts(json, "content");
        let (slot, text) = if content.is_empty() {
            (Slot::Summary, decode_response::thoughts(json, "summary"))
        } else {
            (Slot::Thought, content)
        };
        let is_new = self.items[at].open.is_empty();
        let Some(encrypted) = encrypted else {
            if is_new {
                self.whole(at, slot, text, out);
            }
            return;
        };
        let mut sealed = Reasoning { origin: Some(Dialect::OpenaiResponses), ..Reasoning::default() };
        seal::read(encrypted.to_owned(), &mut sealed);
        self.end(at, |_| true, out);
        let id = Some(self.items[at].id.clone()).filter(|id| !id.is_empty());
        let is_summary = slot == Slot::Summary;
        let start = PartStart::Reasoning { is_summary, encrypted: sealed.encrypted, id };
        let place = self.open(at, slot, start, out);
        let index = self.items[at].open[place].index;
        if is_new && !text.is_empty() {
            out.push(Event::Reasoning { index, text });
        }
        if let Some(signature) = sealed.signature {
            out.push(Event::Signature { index, signature });
        }
    }

    /// Completes the items from the final response. Servers may number or name them differently there, so what no id
    /// matches is taken for the first streamed item of its type that is left.
    pub(super) fn reconcile(&mut self, output: Vec<Value>, out: &mut Vec<Event>) {
        let matches = output.iter().map(|json| self.match_by_id(json)).collect::<Vec<_>>();
        for (i, (json, matched)) in output.into_iter().zip(matches).enumerate() {
            if !json.is_object() {
                continue;
            }
            let at = matched.or_else(|| self.match_by_order(&json)).unwrap_or_else(|| {
                // A place of its own, beyond those that were streamed.
                let place = self.items.len() + i;
                self.claim(Some(place as u64), &json)
            });
            let item = &mut self.items[at];
            item.is_final = true;
            if item.name.is_empty() {
                json["name"].as_str().unwrap_or_default().clone_into(&mut item.name);
                json["call_id"].as_str().unwrap_or_default().clone_into(&mut item.call_id);
            }
            self.complete(at, json, out);
        }
    }

    fn match_by_id(&mut self, json: &Value) -> Option<usize> {
        let id = json["id"].as_str().filter(|id| !id.is_empty())?;
        let same = |item: &Item| !item.is_final && item.id == id && json["type"] == item.kind.as_str();
        let at = self.items.iter().position(same)?;
        self.items[at].is_final = true;
        Some(at)
    }

    fn match_by_order(&self, json: &Value) -> Option<usize> {
        let call_id = json["call_id"].as_str().unwrap_or_default();
        let same_kind = |item: &Item| !item.is_final && json["type"] == item.kind.as_str();
        self.items.iter().position(|item| same_kind(item) && item.may_be_call(call_id))
    }
}
