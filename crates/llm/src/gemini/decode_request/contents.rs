//! `contents` and `systemInstruction`.

use serde_json::{Map, Value};

use super::super::proto;
use super::Leftovers;
use crate::Dialect;
use crate::fault::BadRequest;
use crate::fields::{Fields, wrong};
use crate::hub::{Media, MediaKind, MediaSource, Part, Reasoning, Role, ToolCall, ToolResult, Turn};

/// Where files uploaded to Gemini live; such an address means nothing elsewhere.
const FILES: &str = "https://generativelanguage.googleapis.com/";

/// Reads the conversation, system turn first.
pub(super) fn read(body: &mut Fields, unmapped: &mut Leftovers) -> Result<Vec<Turn>, BadRequest> {
    let mut reader = PartReader::default();
    let mut turns = Vec::new();
    turns.extend(system(body, &mut reader)?);
    if body.peek("contents").is_none() {
        return Err(body.complain("contents", "`contents` is required"));
    }
    let before = turns.len();
    for content in proto::objects(body, "contents")? {
        let turn = reader.turn(content)?;
        push_turn(&mut turns, turn);
    }
    if turns.len() == before {
        return Err(body.complain("contents", "`contents` must have at least one part"));
    }
    unmapped.append(&mut reader.unmapped);
    Ok(turns)
}

fn system(body: &mut Fields, reader: &mut PartReader) -> Result<Option<Turn>, BadRequest> {
    let name = "systemInstruction";
    let parts = match body.peek(name) {
        None => return Ok(None),
        Some(Value::String(_)) => vec![Part::text(body.string(name)?.unwrap_or_default())],
        Some(_) => match proto::object(body, name)? {
            Some(content) => reader.turn(content)?.parts,
            None => Vec::new(),
        },
    };
    Ok((!parts.is_empty()).then_some(Turn { role: Role::System, parts, name: None }))
}

/// Appends a turn; results that follow results join them, so that all results of one step are in one turn (case 45).
fn push_turn(turns: &mut Vec<Turn>, turn: Turn) {
    let has_results = |turn: &Turn| turn.parts.iter().any(|part| matches!(part, Part::ToolResult(_)));
    if turn.parts.is_empty() {
        return;
    }
    match turns.last_mut() {
        Some(last) if last.role == turn.role && has_results(last) && has_results(&turn) => {
            last.parts.extend(turn.parts);
        }
        _ => turns.push(turn),
    }
}

/// Reads parts, and gives calls without an id one by position: `call_0`, `call_1`, … (case 34).
#[derive(Debug, Default)]
pub(crate) struct PartReader {
    /// What has no word in the hub.
    pub unmapped: Leftovers,
    id_prefix: String,
    calls: usize,
    /// Id and name of the calls of the last model turn that have no result yet.
    open: Vec<(String, String)>,
    after_user: bool,
}

impl PartReader {
    /// A reader whose made-up ids begin with `call_` and this.
    pub(crate) fn with_prefix(id_prefix: String) -> Self {
        Self { id_prefix, ..Self::default() }
    }

    /// Reads a `Content`.
    fn turn(&mut self, mut content: Fields) -> Result<Turn, BadRequest> {
        let role = match content.string("role")?.as_deref() {
            None | Some("user" | "function" | "") => Role::User,
            Some("model") => Role::Assistant,
            Some(_) => return Err(content.complain("role", "`role` must be `user` or `model`")),
        };
        if role == Role::Assistant && std::mem::take(&mut self.after_user) {
            self.open.clear();
        }
        self.after_user = role == Role::User;
        let mut parts = Vec::new();
        for part in proto::objects(&mut content, "parts")? {
            self.part(part, &mut parts)?;
        }
        self.unmapped.extend(content.leftovers());
        Ok(Turn { role, parts, name: None })
    }

    /// Reads a `Part` and appends what it means. A seal on a text becomes a reasoning part without text behind it;
    /// the encoder puts it back.
    pub(crate) fn part(&mut self, mut part: Fields, out: &mut Vec<Part>) -> Result<(), BadRequest> {
        const KNOWN: [&str; 5] = ["text", "inlineData", "fileData", "functionCall", "functionResponse"];
        if !KNOWN.iter().any(|name| part.peek(name).is_some()) {
            return opaque(part, out);
        }
        let is_thought = part.bool("thought")?.unwrap_or(false);
        let mut signature = part.string("thoughtSignature")?.filter(|seal| !seal.is_empty());
        if let Some(call) = proto::object(&mut part, "functionCall")? {
            out.push(Part::ToolCall(self.call(call, signature.take())?));
        } else if let Some(result) = proto::object(&mut part, "functionResponse")? {
            out.push(Part::ToolResult(self.result(result)?));
        } else if let Some(text) = part.string("text")? {
            if is_thought {
                out.push(reasoning(text, signature.take()));
            } else if !text.is_empty() || signature.is_none() {
                // An empty text is only there to carry the seal.
                out.push(Part::text(text));
            }
        } else {
            out.extend(media(&mut part, &mut self.unmapped)?);
        }
        out.extend(signature.map(|seal| reasoning(String::new(), Some(seal))));
        self.unmapped.extend(part.leftovers());
        Ok(())
    }

    fn call(&mut self, mut call: Fields, signature: Option<String>) -> Result<ToolCall, BadRequest> {
        let name = call.required_string("name")?;
        let id = match call.string("id")?.filter(|id| !id.is_empty()) {
            Some(id) => id,
            None => self.next_id(),
        };
        self.calls += 1;
        let arguments = match call.take("args") {
            None => "{}".to_owned(),
            Some(args @ Value::Object(_)) => args.to_string(),
            Some(other) => return Err(wrong(&call.at("args"), "an object", &other)),
        };
        self.unmapped.extend(call.leftovers());
        self.open.push((id.clone(), name.clone()));
        Ok(ToolCall { id, name, arguments, signature, ..ToolCall::default() })
    }

    fn next_id(&self) -> String {
        format!("call_{}{}", self.id_prefix, self.calls)
    }

    fn result(&mut self, mut result: Fields) -> Result<ToolResult, BadRequest> {
        let name = result.required_string("name")?;
        let id = result.string("id")?.filter(|id| !id.is_empty());
        let call_id = self.pair(id, &name);
        let (text, is_error) = match result.take("response") {
            None => (String::new(), false),
            Some(Value::Object(map)) => result_text(map),
            Some(other) => return Err(wrong(&result.at("response"), "an object", &other)),
        };
        let mut content = vec![Part::text(text)];
        for mut part in proto::objects(&mut result, "parts")? {
            content.extend(media(&mut part, &mut self.unmapped)?);
            self.unmapped.extend(part.leftovers());
        }
        self.unmapped.extend(result.leftovers());
        Ok(ToolResult { call_id, name: Some(name), content, is_error, ..ToolResult::default() })
    }

    /// The id of the call that a result answers: the one it names, else the first open call of that name, else the
    /// first open call.
    fn pair(&mut self, id: Option<String>, name: &str) -> String {
        let by_id = self.open.iter().position(|(open, _)| Some(open) == id.as_ref());
        let by_name = || self.open.iter().position(|(_, open)| open == name);
        let found = by_id.or_else(by_name).or((id.is_none() && !self.open.is_empty()).then_some(0));
        match (found, id) {
            (Some(index), _) => self.open.remove(index).0,
            (None, Some(id)) => id,
            (None, None) => {
                let id = self.next_id();
                self.calls += 1;
                id
            }
        }
    }
}

/// A part that only Gemini knows, such as `executableCode`.
fn opaque(part: Fields, out: &mut Vec<Part>) -> Result<(), BadRequest> {
    const EXTRAS: [&str; 3] = ["thought", "thoughtSignature", "partMetadata"];
    let path = part.path().to_owned();
    let json = part.into_value();
    let kind = json
        .as_object()
        .and_then(|map| map.iter().find(|(name, value)| !value.is_null() && !EXTRAS.contains(&name.as_str())))
        .map(|(name, _)| name.clone());
    match (kind, json.get("thoughtSignature").and_then(Value::as_str)) {
        (Some(kind), _) => {
            out.push(Part::Opaque { dialect: Dialect::Gemini, name: format!("{path} ({kind})"), json });
        }
        (None, Some(seal)) => out.push(reasoning(String::new(), Some(seal.to_owned()))),
        (None, None) => {
            let message = format!("`{path}` must have `text`, `inlineData`, `fileData` or a function part");
            return Err(BadRequest::field(path, message));
        }
    }
    Ok(())
}

fn reasoning(text: String, signature: Option<String>) -> Part {
    Part::Reasoning(Reasoning { text, signature, origin: Some(Dialect::Gemini), ..Reasoning::default() })
}

/// Reads `inlineData` or `fileData`.
fn media(part: &mut Fields, unmapped: &mut Leftovers) -> Result<Option<Part>, BadRequest> {
    let (mut data, source) = if let Some(mut data) = proto::object(part, "inlineData")? {
        let bytes = proto::standard_base64(data.required_string("data")?);
        (data, MediaSource::Base64(bytes))
    } else if let Some(mut data) = proto::object(part, "fileData")? {
        let uri = data.required_string("fileUri")?;
        let is_upload = uri.starts_with(FILES) || uri.starts_with("files/");
        (data, if is_upload { MediaSource::FileId(uri) } else { MediaSource::Url(uri) })
    } else {
        return Ok(None);
    };
    let mime = data.string("mimeType")?;
    let name = data.string("displayName")?;
    unmapped.extend(data.leftovers());
    let kind = media_kind(mime.as_deref().unwrap_or_default());
    Ok(Some(Part::Media(Media { kind, mime, source, detail: None, name, cache: None })))
}

fn media_kind(mime: &str) -> MediaKind {
    match mime.split('/').next() {
        Some("image") => MediaKind::Image,
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        _ => MediaKind::Document,
    }
}

/// The text of a result and whether the tool failed. Google's words are `output` and `error`; many write `result`.
fn result_text(map: Map<String, Value>) -> (String, bool) {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if map.len() == 1 {
        if let Some(value) = map.get("output").or_else(|| map.get("result")) {
            return (plain(value), false);
        }
        if let Some(value) = map.get("error") {
            return (plain(value), true);
        }
    }
    (Value::Object(map).to_string(), false)
}
