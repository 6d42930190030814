//! Pictures, sounds and documents: `inlineData` and `fileData`.

use serde_json::{Value, json};

use crate::hub::{Media, MediaKind, MediaSource};

/// The part for a medium; `None` when Gemini cannot get at its bytes.
pub(crate) fn write(media: &Media) -> Option<Value> {
    match &media.source {
        MediaSource::Base64(data) => Some(inline(&mime_of(media, media.name.as_deref()), data)),
        MediaSource::Url(url) => Some(match url.strip_prefix("data:").and_then(data_url) {
            Some((mime, data)) => inline(mime, data),
            None => file(&mime_of(media, Some(url)), url),
        }),
        MediaSource::FileId(id) if id.starts_with("files/") || id.contains("://") => {
            Some(file(&mime_of(media, media.name.as_deref()), id))
        }
        // An id of another provider's file store.
        MediaSource::FileId(_) => None,
        MediaSource::Text(text) => Some(json!({ "text": text })),
    }
}

fn inline(mime: &str, data: &str) -> Value {
    json!({ "inlineData": { "mimeType": mime, "data": data } })
}

fn file(mime: &str, uri: &str) -> Value {
    json!({ "fileData": { "mimeType": mime, "fileUri": uri } })
}

/// `image/png;base64,AAAA` → type and data. Other encodings than base64 are not taken.
fn data_url(rest: &str) -> Option<(&str, &str)> {
    let (head, data) = rest.split_once(',')?;
    let head = head.strip_suffix(";base64")?;
    Some((head.split(';').next().filter(|mime| !mime.is_empty())?, data))
}

/// The MIME type as told, by the extension of a name or address, or the usual one of the kind: Gemini wants one.
fn mime_of(media: &Media, name: Option<&str>) -> String {
    if let Some(mime) = &media.mime {
        return mime.clone();
    }
    let usual = match media.kind {
        MediaKind::Image => "image/jpeg",
        MediaKind::Audio => "audio/mpeg",
        MediaKind::Video => "video/mp4",
        MediaKind::Document => "application/pdf",
    };
    name.and_then(by_extension).unwrap_or(usual).to_owned()
}

fn by_extension(name: &str) -> Option<&'static str> {
    let path = name.split(['?', '#']).next()?;
    let extension = path.rsplit('/').next()?.rsplit_once('.')?.1.to_ascii_lowercase();
    Some(match extension.as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "flac" => "audio/flac",
        "ogg" => "audio/ogg",
        "m4a" => "audio/mp4",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "md" => "text/markdown",
        "html" | "htm" => "text/html",
        "csv" => "text/csv",
        "json" => "application/json",
        _ => return None,
    })
}
