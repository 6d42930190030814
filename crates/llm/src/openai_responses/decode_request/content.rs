//! Content of messages and of tool results → parts.

use serde_json::Value;

use super::Unknown;
use crate::Dialect;
use crate::fault::BadRequest;
use crate::fields::{Fields, wrong};
use crate::hub::{CacheMark, Media, MediaKind, MediaSource, Part};
use crate::openai_responses::annotation;

/// Reads content: a string, or a list of blocks.
pub(super) fn parts(path: &str, content: Value, unknown: &mut Unknown) -> Result<Vec<Part>, BadRequest> {
    match content {
        Value::String(text) => Ok(vec![Part::text(text)]),
        Value::Array(blocks) => blocks
            .into_iter()
            .enumerate()
            .map(|(i, block)| part(Fields::of(format!("{path}[{i}]"), block)?, unknown))
            .collect(),
        other => Err(wrong(path, "a string or an array of content blocks", &other)),
    }
}

fn part(mut block: Fields, unknown: &mut Unknown) -> Result<Part, BadRequest> {
    let kind = block.peek_str("type").to_owned();
    if kind.is_empty() {
        return Err(block.complain("type", format!("`{}` is required", block.at("type"))));
    }
    let part = match kind.as_str() {
        "input_text" | "output_text" | "text" => text(&mut block)?,
        "refusal" => Part::Refusal(block.required_string("refusal")?),
        "input_image" => Part::Media(image(&mut block)?),
        "input_file" => Part::Media(file(&mut block)?),
        "input_audio" => Part::Media(audio(&mut block)?),
        _ => {
            let name = format!("{} ({kind})", block.path());
            return Ok(Part::Opaque { dialect: Dialect::OpenaiResponses, name, json: block.into_value() });
        }
    };
    block.take("type");
    // Token probabilities of an earlier answer say nothing to a model.
    block.take("logprobs");
    unknown.append(&mut block.leftovers());
    Ok(part)
}

fn text(block: &mut Fields) -> Result<Part, BadRequest> {
    let annotations = block.array("annotations")?.unwrap_or_default();
    Ok(Part::Text {
        text: block.required_string("text")?,
        citations: annotations.into_iter().map(annotation::read).collect(),
        cache: cache(block)?,
    })
}

fn cache(block: &mut Fields) -> Result<Option<CacheMark>, BadRequest> {
    let Some(mut mark) = block.object("prompt_cache_breakpoint")? else { return Ok(None) };
    Ok(Some(CacheMark { ttl: mark.string("ttl")? }))
}

fn image(block: &mut Fields) -> Result<Media, BadRequest> {
    let (mime, source) = match (block.string("image_url")?, block.string("file_id")?) {
        (Some(url), _) => address(url),
        (None, Some(id)) => (None, MediaSource::FileId(id)),
        (None, None) => return Err(block.complain("image_url", "an image needs `image_url` or `file_id`")),
    };
    Ok(Media {
        kind: MediaKind::Image,
        mime,
        source,
        detail: block.string("detail")?,
        name: None,
        cache: cache(block)?,
    })
}

fn file(block: &mut Fields) -> Result<Media, BadRequest> {
    let name = block.string("filename")?;
    let given = (block.string("file_data")?, block.string("file_url")?, block.string("file_id")?);
    let (mime, source) = match given {
        (Some(data), ..) if data.starts_with("data:") => address(data),
        (Some(data), ..) => (mime_of(name.as_deref()), MediaSource::Base64(data)),
        (None, Some(url), _) => (mime_of(name.as_deref()), MediaSource::Url(url)),
        (None, None, Some(id)) => (None, MediaSource::FileId(id)),
        (None, None, None) => {
            return Err(block.complain("file_data", "a file needs `file_data`, `file_url` or `file_id`"));
        }
    };
    Ok(Media {
        kind: MediaKind::Document,
        mime,
        source,
        detail: block.string("detail")?,
        name,
        cache: cache(block)?,
    })
}

fn audio(block: &mut Fields) -> Result<Media, BadRequest> {
    let Some(mut audio) = block.object("input_audio")? else {
        return Err(block.complain("input_audio", format!("`{}` is required", block.at("input_audio"))));
    };
    let mime = audio.string("format")?.map(|format| match format.as_str() {
        "mp3" => "audio/mpeg".to_owned(),
        other => format!("audio/{other}"),
    });
    let source = MediaSource::Base64(audio.required_string("data")?);
    Ok(Media { kind: MediaKind::Audio, mime, source, detail: None, name: None, cache: None })
}

/// A `data:` address holds its bytes; any other is left to the provider.
fn address(url: String) -> (Option<String>, MediaSource) {
    let inline = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    match inline {
        Some((mime, data)) => {
            let mime = mime.split(';').next().unwrap_or_default();
            ((!mime.is_empty()).then(|| mime.to_owned()), MediaSource::Base64(data.to_owned()))
        }
        None => (None, MediaSource::Url(url)),
    }
}

fn mime_of(name: Option<&str>) -> Option<String> {
    let (_, ending) = name?.rsplit_once('.')?;
    let mime = match ending.to_ascii_lowercase().as_str() {
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "html" => "text/html",
        "json" => "application/json",
        _ => return None,
    };
    Some(mime.to_owned())
}
