//! Parts → content blocks.

use serde_json::{Value, json};

use crate::Dialect;
use crate::hub::{CacheMark, Media, MediaKind, MediaSource, Part};
use crate::openai_responses::annotation;

/// What the blocks are for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Whether the model said it.
    pub(super) is_answer: bool,
    /// Whether the caller speaks this dialect: then its cache marks mean something to the provider.
    pub(super) is_native: bool,
    /// The caller's dialect.
    pub(super) dialect: Option<Dialect>,
}

/// A part that cannot be said here.
#[derive(Debug, PartialEq)]
pub(super) enum Lost {
    /// It has a name of its own.
    Named(String),
    /// It is named by where it is and this.
    Here(String),
}

/// Writes one part as a content block.
pub(super) fn block(part: &Part, place: Place) -> Result<Value, Lost> {
    match part {
        Part::Text { text, citations, cache } if place.is_answer => {
            let annotations = annotation::write_all(citations, text);
            let block = json!({"type": "output_text", "text": text, "annotations": annotations});
            Ok(marked(block, cache, place))
        }
        Part::Text { text, cache, .. } => {
            Ok(marked(json!({"type": "input_text", "text": text}), cache, place))
        }
        Part::Refusal(text) if place.is_answer => Ok(json!({"type": "refusal", "refusal": text})),
        Part::Refusal(text) => Ok(json!({"type": "input_text", "text": text})),
        Part::Media(media) if place.is_answer => {
            Err(Lost::Here(format!("{} in an assistant turn", kind_word(media.kind))))
        }
        Part::Media(media) => {
            let value = self::media(media, place).map_err(Lost::Here)?;
            Ok(marked(value, &media.cache, place))
        }
        Part::Opaque { dialect: Dialect::OpenaiResponses, json, .. } => Ok(json.clone()),
        Part::Opaque { name, .. } => Err(Lost::Named(name.clone())),
        Part::Reasoning(_) => Err(Lost::Here("reasoning".to_owned())),
        Part::ToolCall(_) => Err(Lost::Here("tool call".to_owned())),
        Part::ToolResult(_) => Err(Lost::Here("tool result".to_owned())),
    }
}

/// Marks of other dialects are left out and named: OpenAI caches by itself, but when and for how long it likes.
fn marked(mut block: Value, cache: &Option<CacheMark>, place: Place) -> Value {
    if let (Some(mark), true) = (cache, place.is_native) {
        block["prompt_cache_breakpoint"] = json!({"mode": "explicit"});
        if let Some(ttl) = &mark.ttl {
            block["prompt_cache_breakpoint"]["ttl"] = ttl.as_str().into();
        }
    }
    block
}

fn media(media: &Media, place: Place) -> Result<Value, String> {
    let word = kind_word(media.kind);
    let is_openai = matches!(place.dialect, Some(Dialect::OpenaiResponses | Dialect::OpenaiChat));
    match &media.source {
        MediaSource::FileId(_) if !is_openai => return Err(format!("{word} by file id")),
        MediaSource::Url(url) if url.starts_with("gs:") => return Err(format!("{word} at a gs: address")),
        _ => {}
    }
    match media.kind {
        MediaKind::Image => image(media).ok_or_else(|| "image as text".to_owned()),
        MediaKind::Document => Ok(document(media)),
        MediaKind::Audio => audio(media).ok_or_else(|| "audio by address".to_owned()),
        MediaKind::Video => Err("video".to_owned()),
    }
}

fn image(media: &Media) -> Option<Value> {
    let detail = media.detail.as_deref().unwrap_or("auto");
    Some(match &media.source {
        MediaSource::Base64(data) => {
            let url = data_url(media.mime.as_deref().unwrap_or("image/png"), data);
            json!({"type": "input_image", "detail": detail, "image_url": url})
        }
        MediaSource::Url(url) => json!({"type": "input_image", "detail": detail, "image_url": url}),
        MediaSource::FileId(id) => json!({"type": "input_image", "detail": detail, "file_id": id}),
        MediaSource::Text(_) => return None,
    })
}

fn document(media: &Media) -> Value {
    let name = media.name.as_deref();
    match &media.source {
        MediaSource::Base64(data) => {
            let mime = media.mime.as_deref().unwrap_or("application/pdf");
            let name = name.unwrap_or(if mime == "text/plain" { "document.txt" } else { "document.pdf" });
            json!({"type": "input_file", "filename": name, "file_data": data_url(mime, data)})
        }
        MediaSource::Url(url) => json!({"type": "input_file", "file_url": url}),
        MediaSource::FileId(id) => json!({"type": "input_file", "file_id": id}),
        MediaSource::Text(text) => {
            let text = name.map_or_else(|| text.clone(), |name| format!("{name}\n\n{text}"));
            json!({"type": "input_text", "text": text})
        }
    }
}

fn audio(media: &Media) -> Option<Value> {
    let MediaSource::Base64(data) = &media.source else { return None };
    let format = match media.mime.as_deref().unwrap_or("audio/wav") {
        "audio/mpeg" | "audio/mp3" => "mp3",
        "audio/x-wav" | "audio/wave" => "wav",
        mime => mime.strip_prefix("audio/").unwrap_or(mime),
    };
    Some(json!({"type": "input_audio", "input_audio": {"data": data, "format": format}}))
}

fn data_url(mime: &str, data: &str) -> String {
    format!("data:{mime};base64,{data}")
}

fn kind_word(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image",
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
        MediaKind::Document => "document",
    }
}
