//! Content parts: text, `image_url`, `input_audio`, `file`, `video_url`, `refusal`.

use serde_json::{Value, json};

use crate::Dialect;
use crate::fault::BadRequest;
use crate::fields::Fields;
use crate::hub::{CacheMark, Media, MediaKind, MediaSource, Part};

/// Fields that nobody took, with their paths.
pub(super) type Leftovers = Vec<(String, Value)>;

/// Reads one content part. A part of an unknown type is kept as it is.
pub(super) fn read_part(mut part: Fields, leftovers: &mut Leftovers) -> Result<Part, BadRequest> {
    let kind = part.peek_str("type").to_owned();
    if !matches!(kind.as_str(), "text" | "image_url" | "input_audio" | "file" | "video_url" | "refusal" | "")
    {
        let name = format!("{} ({kind})", part.path());
        return Ok(Part::Opaque { dialect: Dialect::OpenaiChat, name, json: part.into_value() });
    }
    part.required_string("type")?;
    let read = match kind.as_str() {
        "text" => {
            let text = part.required_string("text")?;
            Part::Text { text, citations: Vec::new(), cache: cache_mark(&mut part)? }
        }
        "image_url" => Part::Media(image(&mut part, leftovers)?),
        "video_url" => Part::Media(video(&mut part, leftovers)?),
        "input_audio" => Part::Media(audio(&mut part, leftovers)?),
        "file" => Part::Media(file(&mut part, leftovers)?),
        "refusal" => Part::Refusal(part.required_string("refusal")?),
        _ => return Err(part.complain("type", format!("`{}` must not be empty", part.at("type")))),
    };
    leftovers.extend(part.leftovers());
    Ok(read)
}

/// Takes `cache_control`, which is no field of OpenAI's but which many callers send.
pub(super) fn cache_mark(fields: &mut Fields) -> Result<Option<CacheMark>, BadRequest> {
    let Some(mut mark) = fields.object("cache_control")? else { return Ok(None) };
    Ok(Some(CacheMark { ttl: mark.string("ttl")? }))
}

fn media(kind: MediaKind, mime: Option<String>, source: MediaSource) -> Media {
    Media { kind, mime, source, detail: None, name: None, cache: None }
}

/// `image_url` is an object; a plain string is taken too, since several servers take it.
fn image(part: &mut Fields, leftovers: &mut Leftovers) -> Result<Media, BadRequest> {
    let cache = cache_mark(part)?;
    if part.peek("image_url").is_some_and(Value::is_string) {
        let (mime, source) = from_url(part.required_string("image_url")?);
        return Ok(Media { cache, ..media(MediaKind::Image, mime, source) });
    }
    let mut image = required_object(part, "image_url")?;
    let (mime, source) = from_url(image.required_string("url")?);
    let detail = image.string("detail")?;
    leftovers.extend(image.leftovers());
    Ok(Media { detail, cache, ..media(MediaKind::Image, mime, source) })
}

fn video(part: &mut Fields, leftovers: &mut Leftovers) -> Result<Media, BadRequest> {
    let cache = cache_mark(part)?;
    let mut video = required_object(part, "video_url")?;
    let (mime, source) = from_url(video.required_string("url")?);
    leftovers.extend(video.leftovers());
    Ok(Media { cache, ..media(MediaKind::Video, mime, source) })
}

fn audio(part: &mut Fields, leftovers: &mut Leftovers) -> Result<Media, BadRequest> {
    let cache = cache_mark(part)?;
    let mut audio = required_object(part, "input_audio")?;
    let data = audio.required_string("data")?;
    let mime = audio.string("format")?.map(|format| audio_mime(&format));
    leftovers.extend(audio.leftovers());
    Ok(Media { cache, ..media(MediaKind::Audio, mime, MediaSource::Base64(data)) })
}

fn file(part: &mut Fields, leftovers: &mut Leftovers) -> Result<Media, BadRequest> {
    let cache = cache_mark(part)?;
    let mut file = required_object(part, "file")?;
    let name = file.string("filename")?;
    let (mime, source) = match (file.string("file_id")?, file.string("file_data")?) {
        (Some(id), _) => (None, MediaSource::FileId(id)),
        (None, Some(data)) if data.contains(':') => from_url(data),
        (None, Some(data)) => (Some("application/pdf".to_owned()), MediaSource::Base64(data)),
        (None, None) => {
            return Err(file.complain("file_data", "one of `file_data` and `file_id` is required"));
        }
    };
    leftovers.extend(file.leftovers());
    Ok(Media { name, cache, ..media(MediaKind::Document, mime, source) })
}

fn required_object(fields: &mut Fields, name: &str) -> Result<Fields, BadRequest> {
    let path = fields.at(name);
    Fields::of(path, fields.required(name)?)
}

/// Splits `data:image/png;base64,…`; anything else is an address.
fn from_url(url: String) -> (Option<String>, MediaSource) {
    let Some(rest) = url.strip_prefix("data:") else { return (None, MediaSource::Url(url)) };
    let Some((head, data)) = rest.split_once(',') else { return (None, MediaSource::Url(url)) };
    let Some(mime) = head.strip_suffix(";base64") else { return (None, MediaSource::Url(url)) };
    let mime = mime.split(';').next().filter(|mime| !mime.is_empty()).map(str::to_owned);
    (mime, MediaSource::Base64(data.to_owned()))
}

fn audio_mime(format: &str) -> String {
    match format {
        "mp3" => "audio/mpeg".to_owned(),
        other => format!("audio/{other}"),
    }
}

fn audio_format(mime: Option<&str>) -> &str {
    match mime.and_then(|mime| mime.strip_prefix("audio/")) {
        None | Some("wave" | "x-wav" | "vnd.wave") => "wav",
        Some("mpeg" | "mpga") => "mp3",
        Some(other) => other,
    }
}

/// Writes a medium as a content part, or `None` where OpenAI chat cannot say it: sound and documents at an address,
/// pictures uploaded before, and video unless the caller speaks this dialect (`is_own`): `video_url` and documents at an
/// address are additions of other servers. A plain-text document becomes a text part under its name.
pub(super) fn write_media(media: &Media, is_own: bool) -> Option<Value> {
    match (media.kind, &media.source) {
        (MediaKind::Image, source) => {
            let mut image = json!({"url": to_url(source, media.mime.as_deref().unwrap_or("image/png"))?});
            if let Some(detail) = &media.detail {
                image["detail"] = detail.as_str().into();
            }
            Some(json!({"type": "image_url", "image_url": image}))
        }
        (MediaKind::Audio, MediaSource::Base64(data)) => {
            let format = audio_format(media.mime.as_deref());
            Some(json!({"type": "input_audio", "input_audio": {"data": data, "format": format}}))
        }
        (MediaKind::Video, source) if is_own => {
            let url = to_url(source, media.mime.as_deref().unwrap_or("video/mp4"))?;
            Some(json!({"type": "video_url", "video_url": {"url": url}}))
        }
        (MediaKind::Document, source) => write_document(media, source, is_own),
        (MediaKind::Audio | MediaKind::Video, _) => None,
    }
}

fn write_document(media: &Media, source: &MediaSource, is_own: bool) -> Option<Value> {
    let name = media.name.as_deref();
    match source {
        MediaSource::Text(text) => {
            let text = name.map_or_else(|| text.clone(), |name| format!("{name}:\n{text}"));
            Some(json!({"type": "text", "text": text}))
        }
        MediaSource::FileId(id) => Some(json!({"type": "file", "file": {"file_id": id}})),
        MediaSource::Url(url) if is_own => {
            let mut file = json!({"file_data": url});
            if let Some(name) = name {
                file["filename"] = name.into();
            }
            Some(json!({"type": "file", "file": file}))
        }
        MediaSource::Url(_) => None,
        MediaSource::Base64(_) => {
            let url = to_url(source, media.mime.as_deref().unwrap_or("application/pdf"))?;
            let file = json!({"filename": name.unwrap_or("document.pdf"), "file_data": url});
            Some(json!({"type": "file", "file": file}))
        }
    }
}

fn to_url(source: &MediaSource, mime: &str) -> Option<String> {
    match source {
        MediaSource::Base64(data) => Some(format!("data:{mime};base64,{data}")),
        MediaSource::Url(url) => Some(url.clone()),
        MediaSource::FileId(_) | MediaSource::Text(_) => None,
    }
}
