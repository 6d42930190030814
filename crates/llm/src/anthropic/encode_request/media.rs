//! Writes images and documents.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Context;
use super::wire::{Block, CacheControl, Source};
use crate::Dialect;
use crate::hub::{Media, MediaKind, MediaSource};

/// Images and documents; sounds, films and what the API does not read are dropped by name.
pub(super) fn write<'a>(
    cx: &mut Context<'a>,
    media: &'a Media,
    path: &dyn Fn() -> String,
) -> Option<Block<'a>> {
    if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
        cx.dropped.push(format!("{}.detail", path()));
    }
    // Ids of files uploaded to somebody else mean nothing here.
    let has_our_ids = matches!(cx.request.unmapped.dialect, None | Some(Dialect::Anthropic));
    let cache_control = CacheControl::of(&media.cache);
    let block = match media.kind {
        MediaKind::Image => {
            image_source(media, has_our_ids).map(|source| Block::Image { source, cache_control })
        }
        MediaKind::Document => {
            let title = media.name.as_deref();
            document_source(media, has_our_ids).map(|source| Block::Document { source, title, cache_control })
        }
        MediaKind::Audio | MediaKind::Video => None,
    };
    if block.is_none() {
        cx.dropped.push(format!("{} ({})", path(), kind_word(media)));
    }
    block
}

fn kind_word(media: &Media) -> &str {
    match (&media.mime, media.kind) {
        (Some(mime), _) => mime,
        (None, MediaKind::Image) => "image",
        (None, MediaKind::Audio) => "audio",
        (None, MediaKind::Video) => "video",
        (None, MediaKind::Document) => "document",
    }
}

fn image_source(media: &Media, has_our_ids: bool) -> Option<Source<'_>> {
    match place(media) {
        Place::Data { mime, data } => {
            let mime = mime.or_else(|| sniffed(data))?;
            let mime = if mime == "image/jpg" { "image/jpeg" } else { mime };
            let is_read = matches!(mime, "image/jpeg" | "image/png" | "image/gif" | "image/webp");
            is_read.then_some(Source::Base64 { media_type: mime, data })
        }
        Place::Web(url) => Some(Source::Url { url }),
        Place::File(file_id) if has_our_ids => Some(Source::File { file_id }),
        Place::File(_) | Place::Text(_) | Place::Elsewhere => None,
    }
}

fn document_source(media: &Media, has_our_ids: bool) -> Option<Source<'_>> {
    match place(media) {
        Place::Data { mime, data } => match mime.or_else(|| sniffed(data))? {
            "application/pdf" => Some(Source::Base64 { media_type: "application/pdf", data }),
            mime if mime.starts_with("text/") || mime == "application/json" => {
                let text = String::from_utf8(STANDARD.decode(data).ok()?).ok()?;
                Some(Source::Text { media_type: "text/plain", data: Cow::Owned(text) })
            }
            _ => None,
        },
        Place::Web(url) => Some(Source::Url { url }),
        Place::File(file_id) if has_our_ids => Some(Source::File { file_id }),
        Place::Text(text) => Some(Source::Text { media_type: "text/plain", data: Cow::Borrowed(text) }),
        Place::File(_) | Place::Elsewhere => None,
    }
}

enum Place<'a> {
    Data { mime: Option<&'a str>, data: &'a str },
    Web(&'a str),
    File(&'a str),
    Text(&'a str),
    Elsewhere,
}

/// Where the bytes are; a `data:` address has them in itself.
fn place(media: &Media) -> Place<'_> {
    match &media.source {
        MediaSource::Base64(data) => Place::Data { mime: media.mime.as_deref(), data },
        MediaSource::FileId(id) => Place::File(id),
        MediaSource::Text(text) => Place::Text(text),
        MediaSource::Url(url) if url.starts_with("https:") || url.starts_with("http:") => Place::Web(url),
        MediaSource::Url(url) => match url.strip_prefix("data:").and_then(|rest| rest.split_once(',')) {
            Some((head, data)) if head.ends_with(";base64") => {
                let mime = head.split(';').next().filter(|mime| !mime.is_empty());
                Place::Data { mime: mime.or(media.mime.as_deref()), data }
            }
            _ => Place::Elsewhere,
        },
    }
}

/// The type by the first bytes, as base64 shows them.
fn sniffed(data: &str) -> Option<&'static str> {
    let starts = [
        ("/9j/", "image/jpeg"),
        ("iVBORw", "image/png"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
        ("JVBERi", "application/pdf"),
    ];
    starts.iter().find(|(start, _)| data.starts_with(start)).map(|(_, mime)| *mime)
}
