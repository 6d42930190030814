//! Citations, which this dialect calls annotations.

use serde_json::{Value, json};

use crate::Dialect;
use crate::hub::Citation;

/// Reads one annotation of any type.
pub(super) fn read(annotation: Value) -> Citation {
    let text = |name: &str| annotation[name].as_str().map(str::to_owned);
    Citation {
        url: text("url"),
        title: text("title").or_else(|| text("filename")),
        quote: None,
        start: annotation["start_index"].as_u64(),
        end: annotation["end_index"].as_u64(),
        dialect: Some(Dialect::OpenaiResponses),
        raw: annotation,
    }
}

/// Writes a citation of a text of `length` characters, which it covers if it does not say where it belongs. `None` for another dialect's citation without an address: this dialect has no word for it.
pub(super) fn write(citation: &Citation, length: u64) -> Option<Value> {
    if citation.dialect == Some(Dialect::OpenaiResponses) && citation.raw.is_object() {
        return Some(citation.raw.clone());
    }
    let url = citation.url.as_deref()?;
    Some(json!({
        "type": "url_citation",
        "start_index": citation.start.unwrap_or_default(),
        "end_index": citation.end.unwrap_or(length),
        "url": url,
        "title": citation.title.as_deref().unwrap_or(url),
    }))
}

/// Writes the citations of a whole text.
pub(super) fn write_all(citations: &[Citation], text: &str) -> Vec<Value> {
    let length = text.chars().count() as u64;
    citations.iter().filter_map(|citation| write(citation, length)).collect()
}
