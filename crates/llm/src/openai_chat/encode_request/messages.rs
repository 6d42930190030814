//! Writes `messages`.

use serde_json::{Map, Value, json};

use super::Writer;
use crate::Dialect;
use crate::hub::{Part, Reasoning, Role, ToolCall, ToolKind, ToolResult, Turn};
use crate::openai_chat::content::write_media;
use crate::openai_chat::reasoning;
use crate::words::Words;

/// Writes all turns. Tool results come first, each its own message, so that nothing stands between the calls and their
/// results; pictures in results follow in a user message (case 44).
pub(super) fn write(out: &mut Writer<'_>) -> Vec<Value> {
    let mut messages = Vec::new();
    for (number, turn) in out.request.turns.iter().enumerate() {
        let place = Place { words: out.words(), turn: number };
        match turn.role {
            Role::Assistant => messages.extend(write_answer(out, turn, place)),
            role => write_speech(out, turn, role, place, &mut messages),
        }
    }
    messages
}

/// Where a part stands, for the names of what is dropped.
#[derive(Clone, Copy)]
struct Place<'a> {
    words: Words<'a>,
    turn: usize,
}

impl Place<'_> {
    fn part(self, part: usize, what: &str) -> String {
        format!("{} ({what})", self.words.part(self.turn, part))
    }
}

fn message(role: &str, content: Value, name: Option<&str>) -> Value {
    let mut message = json!({"role": role, "content": content});
    if let Some(name) = name {
        message["name"] = name.into();
    }
    message
}

fn write_speech(out: &mut Writer<'_>, turn: &Turn, role: Role, place: Place<'_>, messages: &mut Vec<Value>) {
    let mut contents = Vec::new();
    let mut attached = Vec::new();
    let mut has_results = false;
    for (index, part) in turn.parts.iter().enumerate() {
        match part {
            Part::ToolResult(result) => {
                has_results = true;
                messages.push(write_result(out, result, &place.part(index, "tool_result"), &mut attached));
            }
            other => contents.extend(write_part(out, other, || place.part(index, name_of(other)))),
        }
    }
    attached.append(&mut contents);
    if attached.is_empty() && has_results {
        return;
    }
    let role = match role {
        Role::Developer if !out.quirks.no_developer_role => "developer",
        Role::System | Role::Developer => "system",
        _ => "user",
    };
    messages.push(message(role, fold(attached), turn.name.as_deref()));
}

/// A single text is written short.
fn fold(mut parts: Vec<Value>) -> Value {
    if let [Value::Object(only)] = parts.as_mut_slice()
        && only["type"] == "text"
        && only.len() == 2
    {
        return only["text"].take();
    }
    if parts.is_empty() { "".into() } else { parts.into() }
}

fn name_of(part: &Part) -> &str {
    match part {
        Part::Text { .. } => "text",
        Part::Media(media) => match media.kind {
            crate::hub::MediaKind::Image => "image",
            crate::hub::MediaKind::Audio => "audio",
            crate::hub::MediaKind::Video => "video",
            crate::hub::MediaKind::Document => "document",
        },
        Part::Reasoning(_) => "reasoning",
        Part::ToolCall(_) => "tool_call",
        Part::ToolResult(_) => "tool_result",
        Part::Refusal(_) => "refusal",
        Part::Opaque { .. } => "unknown",
    }
}

/// Writes a text, medium, refusal or own block; `None`, and named, when OpenAI chat cannot say it.
fn write_part(out: &mut Writer<'_>, part: &Part, name: impl Fn() -> String) -> Option<Value> {
    match part {
        Part::Text { text, cache, .. } => {
            if cache.is_some() {
                out.drop_field("cache_control");
            }
            Some(json!({"type": "text", "text": text}))
        }
        Part::Media(media) => {
            if media.cache.is_some() {
                out.drop_field("cache_control");
            }
            let written = write_media(media, out.is_own());
            if written.is_none() {
                out.drop_field(name());
            }
            written
        }
        Part::Refusal(text) => Some(json!({"type": "refusal", "refusal": text})),
        Part::Opaque { dialect: Dialect::OpenaiChat, json, .. } => Some(json.clone()),
        Part::Opaque { name, .. } => {
            out.drop_field(name.clone());
            None
        }
        Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => {
            out.drop_field(name());
            None
        }
    }
}

fn write_result(out: &mut Writer<'_>, result: &ToolResult, name: &str, attached: &mut Vec<Value>) -> Value {
    if result.cache.is_some() {
        out.drop_field("cache_control");
    }
    if result.is_error {
        out.drop_field(name.replace(" (tool_result)", ".is_error"));
    }
    let before = attached.len();
    for part in &result.content {
        match part {
            Part::Text { cache, .. } => {
                if cache.is_some() {
                    out.drop_field("cache_control");
                }
            }
            other => attached.extend(write_part(out, other, || name.replace("tool_result", name_of(other)))),
        }
    }
    let mut text = result.joined_text();
    if attached.len() > before {
        let heading = format!("Attached to the result of tool call {}:", result.call_id);
        attached.insert(before, json!({"type": "text", "text": heading}));
        if text.is_empty() {
            text = "The result follows in the next message.".to_owned();
        }
    }
    json!({"role": "tool", "tool_call_id": result.call_id, "content": text})
}

fn write_answer(out: &mut Writer<'_>, turn: &Turn, place: Place<'_>) -> Option<Value> {
    let mut contents = Vec::new();
    let mut calls = Vec::new();
    let mut thoughts = Vec::new();
    for (index, part) in turn.parts.iter().enumerate() {
        let name = || place.part(index, name_of(part));
        match part {
            Part::Reasoning(part) => thoughts.extend(keep_thought(out, part)),
            Part::ToolCall(call) => calls.push(write_call(out, call, place, index)),
            Part::Media(_) => out.drop_field(name()),
            Part::Text { citations, .. } if !citations.is_empty() => {
                out.drop_field(format!("{}.citations", place.words.part(place.turn, index)));
                contents.extend(write_part(out, part, name));
            }
            other => contents.extend(write_part(out, other, name)),
        }
    }
    let (plain, details) = reasoning::write(&thoughts);
    let has_thoughts = plain.is_some() || !details.is_empty();
    if contents.is_empty() && calls.is_empty() && !has_thoughts && !turn.parts.is_empty() {
        // Everything in it was dropped and named; an empty answer would only confuse the model.
        return None;
    }
    let mut written = Map::new();
    written.insert("role".into(), "assistant".into());
    write_contents(out, contents, !calls.is_empty(), &mut written);
    if let Some(name) = &turn.name {
        written.insert("name".into(), name.as_str().into());
    }
    if let Some(plain) = plain {
        written.insert("reasoning_content".into(), plain.into());
    }
    if !details.is_empty() {
        written.insert("reasoning_details".into(), details.into());
    }
    if !calls.is_empty() {
        written.insert("tool_calls".into(), calls.into());
    }
    Some(Value::Object(written))
}

/// `content` is null beside tool calls (case 70), and left away for providers that stumble over nulls. Servers that copied
/// OpenAI want one text from an assistant; OpenAI takes parts.
fn write_contents(out: &Writer<'_>, contents: Vec<Value>, has_calls: bool, written: &mut Map<String, Value>) {
    if contents.is_empty() {
        if !has_calls {
            written.insert("content".into(), "".into());
        } else if !out.quirks.no_null_fields {
            written.insert("content".into(), Value::Null);
        }
        return;
    }
    let is_text = contents.iter().all(|part| part["type"] == "text");
    let content = if out.quirks.no_openai_extras && is_text {
        let texts: Vec<&str> = contents.iter().filter_map(|part| part["text"].as_str()).collect();
        Value::from(texts.join("\n"))
    } else {
        fold(contents)
    };
    written.insert("content".into(), content);
}

/// What of a thought may be sent: the text to providers that want it back (case 64), a seal to those who made it (case 55).
/// OpenAI itself takes neither.
fn keep_thought(out: &mut Writer<'_>, part: &Reasoning) -> Option<Part> {
    let is_sealed = part.signature.is_some() || part.encrypted.is_some();
    if is_sealed && part.origin == Some(Dialect::OpenaiChat) {
        return Some(Part::Reasoning(part.clone()));
    }
    if out.quirks.replay_reasoning && !part.text.is_empty() {
        return Some(Part::Reasoning(Reasoning { text: part.text.clone(), ..Reasoning::default() }));
    }
    out.drop_field(out.words().thoughts());
    None
}

fn write_call(out: &mut Writer<'_>, call: &ToolCall, place: Place<'_>, index: usize) -> Value {
    if call.cache.is_some() {
        out.drop_field("cache_control");
    }
    let mut written = match call.kind {
        ToolKind::Function => {
            // OpenAI wants JSON text even where the model gave nothing (case 19); broken JSON goes as it came (case 49).
            let arguments = if call.arguments.is_empty() { "{}" } else { call.arguments.as_str() };
            json!({"id": call.id, "type": "function",
                "function": {"name": call.name, "arguments": arguments}})
        }
        ToolKind::Custom => json!({"id": call.id, "type": "custom",
            "custom": {"name": call.name, "input": call.arguments}}),
    };
    match &call.signature {
        // Google's own endpoint of this dialect asks for the seal where it gave it.
        Some(seal) if out.is_own() => written["extra_content"] = reasoning::extra_content(seal),
        Some(_) => out.drop_field(place.part(index, "thoughtSignature")),
        None => {}
    }
    written
}
