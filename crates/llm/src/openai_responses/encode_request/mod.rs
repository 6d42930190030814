//! Writes a request for a provider.

mod content;
mod items;
mod settings;
mod tools;

use serde_json::{Map, Value};

use crate::Dialect;
use crate::codec::Encoded;
use crate::fault::BadRequest;
use crate::hub::{ChatRequest, Part, Role};
use crate::quirks::Profile;
use crate::words::{Words, is_no_op};

pub(super) use settings::format_value;
pub(super) use tools::{choice_value, tool_value};

/// Writes the JSON body. Rules beyond the obvious:
/// - A leading system turn of one text becomes `instructions`; other system turns stay in `input`.
/// - A tool result whose call is not in the conversation becomes a user message with its text (case 51).
/// - Reasoning goes along only if this dialect sealed it, and only before an item of the same turn (cases 59, 60).
/// - `store` is false unless the caller asked for it, and sealed reasoning is asked for when reasoning is.
/// - A function without `strict` is declared `strict: false` for callers of other dialects: here the default is true.
/// - A token limit under 16, which this API refuses, becomes 16.
pub fn encode(request: &ChatRequest, target: &Profile<'_>) -> Result<Encoded, BadRequest> {
    let mut writer = Writer {
        request,
        target,
        is_native: request.unmapped.dialect == Some(Dialect::OpenaiResponses),
        body: Map::new(),
        dropped: Vec::new(),
    };
    writer.put("model", target.model);
    writer.prompt();
    writer.settings();
    writer.tools();
    writer.unmapped();
    let body = serde_json::to_vec(&writer.body)
        .map_err(|error| BadRequest::body(format!("the request cannot be written as JSON: {error}")))?;
    Ok(Encoded { body, dropped: writer.dropped })
}

/// A request being written.
struct Writer<'a> {
    request: &'a ChatRequest,
    target: &'a Profile<'a>,
    /// Whether the caller speaks this dialect too.
    is_native: bool,
    body: Map<String, Value>,
    dropped: Vec<String>,
}

impl<'a> Writer<'a> {
    fn words(&self) -> Words<'a> {
        Words::of(self.request)
    }

    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.body.insert(name.to_owned(), value.into());
    }

    fn put_some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Names what is left out, once.
    fn drop(&mut self, name: impl Into<String>) {
        let name = name.into();
        if !self.dropped.contains(&name) {
            self.dropped.push(name);
        }
    }

    fn prompt(&mut self) {
        let mut first = 0;
        if let Some(text) = instructions(self.request) {
            first = 1;
            self.put("instructions", text);
        }
        let mut items = items::Items::new(self.request, self.target.quirks, self.is_native);
        for (index, turn) in self.request.turns.iter().enumerate().skip(first) {
            items.turn(index, turn);
        }
        let (items, dropped) = items.finish();
        self.put("input", items);
        for name in dropped {
            self.drop(name);
        }
    }

    /// Writes fields of this dialect back; names those of others.
    fn unmapped(&mut self) {
        for (path, value) in &self.request.unmapped.fields {
            if self.is_native && self.put_back(path, value) {
                continue;
            }
            if !is_no_op(path, value) {
                self.drop(path.clone());
            }
        }
    }

    /// Fields of items and tools have no place any more: turns are written anew.
    fn put_back(&mut self, path: &str, value: &Value) -> bool {
        if path.contains('[') {
            return false;
        }
        match path.split_once('.') {
            None if path == "include" => {
                self.include(value.as_array().map(Vec::as_slice).unwrap_or_default());
                true
            }
            None => {
                self.put(path, value.clone());
                true
            }
            Some((outer, inner)) => {
                let object = self.body.entry(outer).or_insert_with(|| Value::Object(Map::new()));
                let Some(object) = object.as_object_mut() else { return false };
                object.insert(inner.to_owned(), value.clone());
                true
            }
        }
    }

    fn include(&mut self, wishes: &[Value]) {
        let list = self.body.entry("include").or_insert_with(|| Value::Array(Vec::new()));
        if let Some(list) = list.as_array_mut() {
            for wish in wishes {
                if !list.contains(wish) {
                    list.push(wish.clone());
                }
            }
        }
    }
}

/// The text of `instructions`: a leading system turn that says one thing, if anything else follows.
pub(super) fn instructions(request: &ChatRequest) -> Option<&str> {
    let (first, rest) = request.turns.split_first()?;
    match first.parts.as_slice() {
        [Part::Text { text, cache: None, .. }]
            if first.role == Role::System && first.name.is_none() && !rest.is_empty() =>
        {
            Some(text)
        }
        _ => None,
    }
}
