//! Reads content blocks.

use serde_json::Value;

use super::{Leftovers, cache_mark};
use crate::Dialect;
use crate::anthropic::citation;
use crate::fault::BadRequest;
use crate::fields::{Fields, wrong};
use crate::hub::{Media, MediaKind, MediaSource, Part, Reasoning, ToolCall, ToolKind, ToolResult};

/// How the changing line of Claude Code's system prompt begins.
pub(super) const BILLING_HEADER: &str = "x-anthropic-billing-header";

/// Reads one block; one that the hub has no word for comes back whole.
pub(super) fn read(mut block: Fields, left: &mut Leftovers) -> Result<Part, BadRequest> {
    let kind = match block.required("type")? {
        Value::String(kind) => kind,
        other => return Err(wrong(&block.at("type"), "a string", &other)),
    };
    let part = match kind.as_str() {
        "text" => text(&mut block)?,
        "image" if is_known_source(&block) => media(&mut block, MediaKind::Image, None)?,
        "document" if is_known_source(&block) => document(&mut block)?,
        "thinking" => thinking(&mut block)?,
        "redacted_thinking" => redacted(&mut block)?,
        "tool_use" => tool_use(&mut block)?,
        "tool_result" => tool_result(&mut block, left)?,
        _ => return Ok(opaque(kind, block)),
    };
    left.take(block);
    Ok(part)
}

/// The block as it came, its type in front again.
fn opaque(kind: String, block: Fields) -> Part {
    let name = format!("{} ({kind})", block.path());
    let mut json = serde_json::Map::from_iter([("type".to_owned(), Value::String(kind))]);
    if let Value::Object(rest) = block.into_value() {
        json.extend(rest);
    }
    Part::Opaque { dialect: Dialect::Anthropic, name, json: Value::Object(json) }
}

fn text(block: &mut Fields) -> Result<Part, BadRequest> {
    let text = block.required_string("text")?;
    let citations = block.array("citations")?.unwrap_or_default().into_iter().map(citation::decode).collect();
    Ok(Part::Text { text, citations, cache: cache_mark(block)? })
}

/// A source that is missing or no object is complained about; one of a new type keeps its block opaque.
fn is_known_source(block: &Fields) -> bool {
    let Some(source) = block.peek("source") else { return true };
    match source.get("type").and_then(Value::as_str) {
        Some("base64" | "url" | "file" | "text") | None => true,
        // A document made of blocks has no likeness elsewhere; one made of a string is a text.
        Some("content") => source.get("content").is_some_and(Value::is_string),
        Some(_) => false,
    }
}

fn source(block: &mut Fields) -> Result<(MediaSource, Option<String>), BadRequest> {
    let mut source = Fields::of(block.at("source"), block.required("source")?)?;
    let plain = Some("text/plain".to_owned());
    Ok(match source.required_string("type")?.as_str() {
        "base64" => {
            let mime = source.required_string("media_type")?;
            (MediaSource::Base64(source.required_string("data")?), Some(mime))
        }
        "url" => (MediaSource::Url(source.required_string("url")?), None),
        "file" => (MediaSource::FileId(source.required_string("file_id")?), None),
        "text" => (MediaSource::Text(source.required_string("data")?), plain),
        _ => (MediaSource::Text(source.required_string("content")?), plain),
    })
}

fn document(block: &mut Fields) -> Result<Part, BadRequest> {
    let name = block.string("title")?;
    // Citations that are off are the default.
    let is_enabled = block.peek("citations").and_then(|citations| citations.get("enabled"));
    if is_enabled == Some(&Value::Bool(false)) {
        block.take("citations");
    }
    media(block, MediaKind::Document, name)
}

fn media(block: &mut Fields, kind: MediaKind, name: Option<String>) -> Result<Part, BadRequest> {
    let (source, mime) = source(block)?;
    Ok(Part::Media(Media { kind, mime, source, detail: None, name, cache: cache_mark(block)? }))
}

fn thinking(block: &mut Fields) -> Result<Part, BadRequest> {
    Ok(Part::Reasoning(Reasoning {
        text: block.string("thinking")?.unwrap_or_default(),
        signature: block.string("signature")?.filter(|seal| !seal.is_empty()),
        origin: Some(Dialect::Anthropic),
        ..Reasoning::default()
    }))
}

fn redacted(block: &mut Fields) -> Result<Part, BadRequest> {
    Ok(Part::Reasoning(Reasoning {
        encrypted: Some(block.required_string("data")?),
        origin: Some(Dialect::Anthropic),
        ..Reasoning::default()
    }))
}

fn tool_use(block: &mut Fields) -> Result<Part, BadRequest> {
    // Answers carry `caller: {type: direct}`, and SDKs send them back; only another caller says something.
    let caller = block.peek("caller").and_then(|caller| caller.get("type"));
    if caller.and_then(Value::as_str) == Some("direct") {
        block.take("caller");
    }
    let arguments = match block.take("input") {
        None => "{}".to_owned(),
        Some(input @ Value::Object(_)) => input.to_string(),
        Some(other) => return Err(wrong(&block.at("input"), "an object", &other)),
    };
    Ok(Part::ToolCall(ToolCall {
        id: block.required_string("id")?,
        name: block.required_string("name")?,
        arguments,
        signature: None,
        kind: ToolKind::Function,
        cache: cache_mark(block)?,
    }))
}

fn tool_result(block: &mut Fields, left: &mut Leftovers) -> Result<Part, BadRequest> {
    let path = block.at("content");
    let content = match block.take("content") {
        None => Vec::new(),
        Some(Value::String(text)) => vec![Part::text(text)],
        Some(Value::Array(items)) => {
            let read_item = |(i, item)| read(Fields::of(format!("{path}[{i}]"), item)?, left);
            items.into_iter().enumerate().map(read_item).collect::<Result<_, _>>()?
        }
        Some(other) => return Err(wrong(&path, "a string or an array of blocks", &other)),
    };
    Ok(Part::ToolResult(ToolResult {
        call_id: block.required_string("tool_use_id")?,
        name: None,
        content,
        is_error: block.bool("is_error")?.unwrap_or(false),
        kind: ToolKind::Function,
        cache: cache_mark(block)?,
    }))
}
