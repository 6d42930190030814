//! `annotations` of an answer (`url_citation`) and the hub's citations.

use serde_json::{Value, json};

use crate::Dialect;
use crate::hub::{Citation, Part};

/// Reads one entry of `annotations`; `None` when it is no `url_citation` with an address.
pub(super) fn read(annotation: &Value) -> Option<Citation> {
    let body = annotation.get("url_citation")?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Citation {
        url: Some(text("url")?),
        title: text("title"),
        quote: text("content"),
        start: body.get("start_index").and_then(Value::as_u64),
        end: body.get("end_index").and_then(Value::as_u64),
        dialect: Some(Dialect::OpenaiChat),
        raw: annotation.clone(),
    })
}

/// Writes a citation that covers some of a text of `length` characters, which begins `offset` characters into the
/// answer. OpenAI demands both indexes, so a citation without them covers its whole text. `None` when it has no
/// address: OpenAI knows no other source.
pub(super) fn write(citation: &Citation, offset: u64, length: u64) -> Option<Value> {
    let url = citation.url.as_deref()?;
    let start = offset.saturating_add(citation.start.unwrap_or(0));
    let end = offset.saturating_add(citation.end.unwrap_or(length));
    let title = citation.title.as_deref().unwrap_or(url);
    Some(json!({"type": "url_citation",
        "url_citation": {"end_index": end, "start_index": start, "title": title, "url": url}}))
}

/// Gives the citations of `annotations` to the first text of `parts`. They count characters from the beginning of the
/// content, which in this dialect is one text.
pub(super) fn attach(annotations: &Value, parts: &mut [Part]) {
    let found: Vec<Citation> = annotations.as_array().into_iter().flatten().filter_map(read).collect();
    let first = parts.iter_mut().find_map(|part| match part {
        Part::Text { citations, .. } => Some(citations),
        _ => None,
    });
    if let Some(citations) = first {
        citations.extend(found);
    }
}
