//! `systemInstruction` and `contents`.

use serde_json::{Map, Value, json};

use super::Context;
use super::{media, results};
use crate::Dialect;
use crate::gemini::model::Generation;
use crate::gemini::{DUMMY_SIGNATURE, arguments_object};
use crate::hub::{Media, Part, Reasoning, Role, ToolCall, ToolKind, Turn};

/// The conversation as it is sent.
#[derive(Default)]
pub(super) struct Written {
    /// Parts of `systemInstruction`: all system and developer turns, wherever they stood.
    pub(super) system: Vec<Value>,
    contents: Vec<Content>,
}

struct Content {
    role: &'static str,
    parts: Vec<Value>,
    /// Function responses stand alone in their content (case 35).
    is_results: bool,
}

impl Written {
    /// Puts both into the body. Gemini wants at least one content (case 71), and the user to begin.
    pub(super) fn finish(mut self, body: &mut Map<String, Value>) {
        let blank = || vec![json!({ "text": " " })];
        if self.contents.is_empty() {
            // A request of instructions only: they are what is to be answered.
            let parts = std::mem::take(&mut self.system);
            self.push("user", if parts.is_empty() { blank() } else { parts }, false);
        } else if self.contents.first().is_some_and(|content| content.role == "model") {
            self.contents.insert(0, Content { role: "user", parts: blank(), is_results: false });
        }
        if !self.system.is_empty() {
            body.insert("systemInstruction".to_owned(), json!({ "parts": self.system }));
        }
        let contents = self.contents.into_iter();
        let contents = contents.map(|content| json!({ "role": content.role, "parts": content.parts }));
        body.insert("contents".to_owned(), contents.collect());
    }

    /// Appends parts; contents of one role in a row become one, but function responses stay alone.
    fn push(&mut self, role: &'static str, parts: Vec<Value>, is_results: bool) {
        if parts.is_empty() {
            return;
        }
        match self.contents.last_mut() {
            Some(last) if last.role == role && last.is_results == is_results => last.parts.extend(parts),
            _ => self.contents.push(Content { role, parts, is_results }),
        }
    }

    /// Gemini 3 refuses a step whose first call has no signature (case 33).
    fn sign_calls(&mut self) {
        for content in &mut self.contents {
            let call = content.parts.iter_mut().find(|part| part.get("functionCall").is_some());
            if let Some(Value::Object(part)) = call {
                part.entry("thoughtSignature").or_insert_with(|| DUMMY_SIGNATURE.into());
            }
        }
    }
}

/// Writes all turns.
pub(super) fn write(context: Context<'_>, dropped: &mut Vec<String>) -> Written {
    let mut writer = Writer { context, dropped, turn: 0, calls: Vec::new(), has_cache_mark: false };
    let mut written = Written::default();
    let mut after_user = true;
    for (index, turn) in context.request.turns.iter().enumerate() {
        writer.turn = index;
        if turn.name.is_some() {
            writer.dropped.push(format!("{}.name", context.words.turn(index)));
        }
        match turn.role {
            Role::System | Role::Developer => written.system.extend(writer.system(turn)),
            Role::User => {
                after_user = true;
                let (results, rest) = writer.user(turn);
                written.push("user", results, true);
                written.push("user", rest, false);
            }
            Role::Assistant => {
                if std::mem::take(&mut after_user) {
                    writer.calls.clear();
                }
                let parts = writer.model(turn);
                written.push("model", parts, false);
            }
        }
    }
    if writer.has_cache_mark {
        dropped.push("cache_control".to_owned());
    }
    if context.model.generation == Generation::Three {
        written.sign_calls();
    }
    written
}

struct Writer<'a, 'b> {
    context: Context<'a>,
    dropped: &'b mut Vec<String>,
    turn: usize,
    /// Ids and names of the calls of the last model turn.
    calls: Vec<(String, String)>,
    has_cache_mark: bool,
}

impl Writer<'_, '_> {
    /// Instructions are texts; anything else is named.
    fn system(&mut self, turn: &Turn) -> Vec<Value> {
        let mut out = Vec::new();
        for (index, part) in turn.parts.iter().enumerate() {
            match part {
                Part::Text { text, cache, .. } => {
                    self.has_cache_mark |= cache.is_some();
                    out.push(json!({ "text": text }));
                }
                Part::Opaque { dialect: Dialect::Gemini, json, .. } => out.push(json.clone()),
                _ => self.name(index, "only text in instructions"),
            }
        }
        out
    }

    /// Results in the order of their calls, and the rest.
    fn user(&mut self, turn: &Turn) -> (Vec<Value>, Vec<Value>) {
        let mut found = Vec::new();
        let mut rest = Vec::new();
        for (index, part) in turn.parts.iter().enumerate() {
            match part {
                Part::ToolResult(result) => {
                    self.has_cache_mark |= result.cache.is_some();
                    found.extend(results::write(self.context, result, &self.calls, &mut rest));
                    self.name_in_result(index, &result.content);
                }
                other => self.common(index, other, &mut rest),
            }
        }
        found.sort_by_key(|result| result.position);
        (found.into_iter().map(|result| result.part).collect(), rest)
    }

    /// Names what a result holds besides texts and reachable media.
    fn name_in_result(&mut self, index: usize, content: &[Part]) {
        for part in content {
            match part {
                Part::Text { .. } => {}
                Part::Media(media) => self.note_media(index, media),
                Part::Opaque { name, .. } => self.dropped.push(name.clone()),
                _ => self.name(index, "in a tool result"),
            }
        }
    }

    fn model(&mut self, turn: &Turn) -> Vec<Value> {
        let mut out = Vec::new();
        for (index, part) in turn.parts.iter().enumerate() {
            match part {
                Part::Reasoning(reasoning) => self.reasoning(reasoning, &mut out),
                Part::ToolCall(call) => out.push(self.call(call)),
                Part::ToolResult(_) => self.name(index, "tool result in a model turn"),
                other => self.common(index, other, &mut out),
            }
        }
        out
    }

    /// What both sides may say.
    fn common(&mut self, index: usize, part: &Part, out: &mut Vec<Value>) {
        match part {
            Part::Text { text, citations, cache } => {
                self.has_cache_mark |= cache.is_some();
                if !citations.is_empty() {
                    self.name(index, "citations");
                }
                if !text.is_empty() {
                    out.push(json!({ "text": text }));
                }
            }
            Part::Media(media) => {
                self.note_media(index, media);
                out.extend(media::write(media));
            }
            Part::Refusal(text) => out.push(json!({ "text": text })),
            Part::Opaque { dialect: Dialect::Gemini, json, .. } => out.push(json.clone()),
            Part::Opaque { name, .. } => self.dropped.push(name.clone()),
            Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => self.name(index, "out of place"),
        }
    }

    fn note_media(&mut self, index: usize, media: &Media) {
        self.has_cache_mark |= media.cache.is_some();
        if media::write(media).is_none() {
            self.name(index, "another provider's file");
        } else if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
            self.name(index, "detail");
        }
    }

    /// Thoughts of Gemini go back; a seal without text belongs to the part before it. Thoughts of others mean nothing
    /// to Gemini (case 55).
    fn reasoning(&mut self, reasoning: &Reasoning, out: &mut Vec<Value>) {
        if reasoning.origin != Some(Dialect::Gemini) {
            let name = self.context.words.thoughts().to_owned();
            if !self.dropped.contains(&name) {
                self.dropped.push(name);
            }
            return;
        }
        let seal = reasoning.signature.as_deref();
        if !reasoning.text.is_empty() {
            let mut part = json!({ "text": reasoning.text, "thought": true });
            if let Some(seal) = seal {
                part["thoughtSignature"] = seal.into();
            }
            out.push(part);
        } else if let Some(seal) = seal {
            match out.last_mut() {
                Some(Value::Object(last)) if takes_seal(last) => {
                    last.insert("thoughtSignature".to_owned(), seal.into());
                }
                _ => out.push(json!({ "text": "", "thoughtSignature": seal })),
            }
        }
    }

    fn call(&mut self, call: &ToolCall) -> Value {
        self.has_cache_mark |= call.cache.is_some();
        self.calls.push((call.id.clone(), call.name.clone()));
        let mut wire = Map::new();
        if let Some(id) = wire_id(&call.id) {
            wire.insert("id".to_owned(), id.into());
        }
        wire.insert("name".to_owned(), call.name.as_str().into());
        let args = match call.kind {
            ToolKind::Function => arguments_object(&call.arguments),
            ToolKind::Custom => json!({ "input": call.arguments }),
        };
        wire.insert("args".to_owned(), args);
        let mut part = json!({ "functionCall": wire });
        if let Some(seal) = &call.signature {
            part["thoughtSignature"] = seal.as_str().into();
        }
        part
    }

    fn name(&mut self, index: usize, what: &str) {
        let path = self.context.words.part(self.turn, index);
        self.dropped.push(format!("{path} ({what})"));
    }
}

/// Whether a seal that follows this part is its own: thoughts and calls come with theirs.
fn takes_seal(part: &Map<String, Value>) -> bool {
    !["thought", "thoughtSignature", "functionCall"].iter().any(|key| part.contains_key(*key))
}

/// The id as it is sent: not the positional ones that the decoder made up (`call_0`).
pub(super) fn wire_id(id: &str) -> Option<&str> {
    let made_up = id.strip_prefix("call_").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    (!id.is_empty() && !made_up).then_some(id)
}
