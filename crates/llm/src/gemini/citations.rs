//! `citationMetadata` and `groundingMetadata`.

use serde_json::{Value, json};

use crate::Dialect;
use crate::hub::Citation;

/// Reads both kinds of sources of a candidate. `text` is the answer's text: grounding offsets count its UTF-8 bytes.
pub(crate) fn decode(citations: Option<&Value>, grounding: Option<&Value>, text: &str) -> Vec<Citation> {
    let mut found = Vec::new();
    if let Some(metadata) = citations {
        // `citationSources` on the Gemini API, `citations` on Vertex AI.
        for source in list(metadata, "citationSources").chain(list(metadata, "citations")) {
            found.push(Citation {
                url: string(source, "uri"),
                title: string(source, "title"),
                quote: None,
                start: source.get("startIndex").and_then(Value::as_u64),
                end: source.get("endIndex").and_then(Value::as_u64),
                dialect: Some(Dialect::Gemini),
                raw: source.clone(),
            });
        }
    }
    if let Some(metadata) = grounding {
        for support in list(metadata, "groundingSupports") {
            for index in list(support, "groundingChunkIndices").filter_map(Value::as_u64) {
                let chunk = usize::try_from(index).ok().and_then(|i| metadata.get("groundingChunks")?.get(i));
                found.extend(chunk.map(|chunk| grounded(chunk, support.get("segment"), text)));
            }
        }
    }
    found
}

fn grounded(chunk: &Value, segment: Option<&Value>, text: &str) -> Citation {
    let source = chunk.get("web").or_else(|| chunk.get("retrievedContext")).unwrap_or(chunk);
    let offset = |name: &str| segment?.get(name)?.as_u64().map(|bytes| characters(text, bytes));
    let end = offset("endIndex");
    Citation {
        url: string(source, "uri"),
        title: string(source, "title"),
        quote: segment.and_then(|segment| string(segment, "text")),
        // A start of 0 is left away by proto JSON.
        start: offset("startIndex").or(end.map(|_| 0)),
        end,
        dialect: Some(Dialect::Gemini),
        raw: chunk.clone(),
    }
}

/// How many characters the first `bytes` bytes of `text` are.
fn characters(text: &str, bytes: u64) -> u64 {
    let cut = text.floor_char_boundary(usize::try_from(bytes).unwrap_or(usize::MAX).min(text.len()));
    text[..cut].chars().count() as u64
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().iter()
}

fn string(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// `citationMetadata` for a Gemini caller; `None` when no citation has an address.
pub(crate) fn encode<'a>(citations: impl Iterator<Item = &'a Citation>) -> Option<Value> {
    let sources: Vec<Value> = citations.filter_map(source).collect();
    (!sources.is_empty()).then(|| json!({ "citationSources": sources }))
}

fn source(citation: &Citation) -> Option<Value> {
    let mut source = json!({ "uri": citation.url.as_ref()? });
    for (name, offset) in [("startIndex", citation.start), ("endIndex", citation.end)] {
        if let Some(offset) = offset {
            source[name] = offset.into();
        }
    }
    if let Some(title) = &citation.title {
        source["title"] = title.as_str().into();
    }
    Some(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_32_grounding_offsets_become_characters() {
        let grounding = json!({
            "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
            "groundingSupports": [{"segment": {"startIndex": 3, "endIndex": 6, "text": "abc"},
                "groundingChunkIndices": [0, 7]}],
        });
        let citations = decode(None, Some(&grounding), "€abc");
        assert_eq!(citations.len(), 1);
        assert_eq!((citations[0].start, citations[0].end), (Some(1), Some(4)));
        assert_eq!(citations[0].quote.as_deref(), Some("abc"));
    }
}
