//! Citations, both ways.

use serde_json::{Value, json};

use crate::Dialect;
use crate::hub::Citation;

/// Reads one entry of `citations`.
pub(super) fn decode(raw: Value) -> Citation {
    let text = |name: &str| raw.get(name).and_then(Value::as_str).map(str::to_owned);
    Citation {
        // `source` is what a `search_result_location` calls its address.
        url: text("url").or_else(|| text("source")),
        title: text("title").or_else(|| text("document_title")),
        quote: text("cited_text"),
        // Anthropic's character positions count in the cited document, not in the answer: they stay in `raw`.
        start: None,
        end: None,
        dialect: Some(Dialect::Anthropic),
        raw,
    }
}

/// Writes one; a citation from another dialect becomes a web search result, the only kind that has an address.
pub(super) fn encode(citation: &Citation) -> Value {
    if citation.dialect == Some(Dialect::Anthropic) && citation.raw.is_object() {
        return citation.raw.clone();
    }
    json!({
        "type": "web_search_result_location",
        "cited_text": citation.quote.as_deref().unwrap_or_default(),
        "encrypted_index": "",
        "title": citation.title,
        "url": citation.url.as_deref().unwrap_or_default(),
    })
}
