//! Thoughts in OpenAI chat: not in OpenAI's own book, so these are the words of others: `reasoning_content` (DeepSeek),
//! `reasoning` (OpenRouter, Groq) and OpenRouter's `reasoning_details`, which also carry seals.

use serde_json::{Map, Value, json};

use crate::Dialect;
use crate::hub::{Part, Reasoning};

/// One entry of `reasoning_details`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Detail {
    /// What it holds.
    pub kind: DetailKind,
    /// Text, summary or encrypted data.
    pub body: String,
    /// The seal over a text.
    pub signature: Option<String>,
    /// The provider's id; for Gemini's seal of a tool call the id of the call.
    pub id: Option<String>,
    /// Who sealed it.
    pub origin: Option<Dialect>,
    /// Entries with the same index are pieces of one.
    pub index: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum DetailKind {
    #[default]
    Text,
    Summary,
    Encrypted,
}

/// Reads the entries of `reasoning_details` that are understood.
pub(super) fn read_details(value: Option<&Value>) -> Vec<Detail> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(read_detail).collect()
}

fn read_detail(value: &Value) -> Option<Detail> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (kind, body) = match text("type")? {
        "reasoning.text" => (DetailKind::Text, "text"),
        "reasoning.summary" => (DetailKind::Summary, "summary"),
        "reasoning.encrypted" => (DetailKind::Encrypted, "data"),
        _ => return None,
    };
    Some(Detail {
        kind,
        body: text(body).unwrap_or_default().to_owned(),
        signature: text("signature").map(str::to_owned),
        id: text("id").map(str::to_owned),
        origin: Some(origin(text("format").unwrap_or_default())),
        index: value.get("index").and_then(Value::as_u64),
    })
}

/// Who sealed a detail of this `format`. What is not known stays with whoever speaks this dialect.
fn origin(format: &str) -> Dialect {
    match format {
        "anthropic-claude-v1" => Dialect::Anthropic,
        "google-gemini-v1" => Dialect::Gemini,
        "openai-responses-v1" | "azure-openai-responses-v1" => Dialect::OpenaiResponses,
        _ => Dialect::OpenaiChat,
    }
}

/// The `format` of a detail sealed by `origin`.
pub(super) fn format(origin: Option<Dialect>) -> &'static str {
    match origin {
        Some(Dialect::Anthropic) => "anthropic-claude-v1",
        Some(Dialect::Gemini) => "google-gemini-v1",
        Some(Dialect::OpenaiResponses) => "openai-responses-v1",
        Some(Dialect::OpenaiChat) | None => "unknown",
    }
}

/// The reasoning parts of a message.
///
/// Pieces that a client collected from a stream are put together: a text takes the texts and the seal that follow it
/// under the same index. A summary and the encrypted item of the same id are one part. When the details hold no text
/// (only seals), `plain` (`reasoning_content` or `reasoning`) is the text of the first of them that seals a text.
pub(super) fn parts(details: Vec<Detail>, plain: Option<String>) -> Vec<Reasoning> {
    let has_text =
        details.iter().any(|detail| detail.kind != DetailKind::Encrypted && !detail.body.is_empty());
    let mut plain = plain.filter(|text| !text.is_empty() && !has_text);
    let mut parts: Vec<(Option<u64>, DetailKind, Reasoning)> = Vec::new();
    for detail in details {
        match parts.last_mut() {
            Some((index, kind, last)) if continues(*index, *kind, last, &detail) => take(last, detail),
            _ => parts.push((detail.index, detail.kind, start(detail))),
        }
    }
    let sealed = parts.iter_mut().find(|(_, kind, _)| *kind == DetailKind::Text);
    if let (Some((_, _, part)), true) = (sealed, plain.is_some()) {
        part.text = plain.take().unwrap_or_default();
    }
    let unsealed = plain.map(|text| Reasoning { text, ..Reasoning::default() });
    unsealed.into_iter().chain(parts.into_iter().map(|(_, _, part)| part)).collect()
}

fn continues(index: Option<u64>, kind: DetailKind, last: &Reasoning, next: &Detail) -> bool {
    match next.kind {
        DetailKind::Encrypted => kind == DetailKind::Summary && last.id.is_some() && last.id == next.id,
        _ => kind == next.kind && index == next.index && last.signature.is_none() && last.encrypted.is_none(),
    }
}

fn take(last: &mut Reasoning, next: Detail) {
    match next.kind {
        DetailKind::Encrypted => last.encrypted = Some(next.body),
        _ => last.text.push_str(&next.body),
    }
    last.signature = next.signature.or(last.signature.take());
    last.id = last.id.take().or(next.id);
}

fn start(detail: Detail) -> Reasoning {
    let Detail { kind, body, signature, id, origin, .. } = detail;
    let (text, encrypted) = match kind {
        DetailKind::Encrypted => (String::new(), Some(body)),
        _ => (body, None),
    };
    // A text without a seal belongs to nobody until one is found; `take` keeps the origin of the first piece.
    Reasoning { text, is_summary: kind == DetailKind::Summary, signature, encrypted, id, origin }
}

/// Takes the seals of tool calls (Gemini's, by id of the call) out of `details`.
pub(super) fn take_call_seal(details: &mut Vec<Detail>, call: &str) -> Option<String> {
    let found = details.iter().position(|detail| {
        detail.kind == DetailKind::Encrypted
            && detail.origin == Some(Dialect::Gemini)
            && detail.id.as_deref() == Some(call)
    })?;
    Some(details.remove(found).body)
}

/// Gemini's seal of a tool call, as Google's own OpenAI endpoint writes it:
/// `tool_calls[].extra_content.google.thought_signature`. Takes the `extra_content`.
pub(super) fn read_extra_content(extra_content: &Value) -> Option<String> {
    let seal = extra_content.pointer("/google/thought_signature")?.as_str()?;
    (!seal.is_empty()).then(|| seal.to_owned())
}

/// The `extra_content` with a seal.
pub(super) fn extra_content(seal: &str) -> Value {
    json!({"google": {"thought_signature": seal}})
}

/// The detail that carries the seal of a tool call.
pub(super) fn call_seal(call: &str, seal: &str, index: u64) -> Value {
    json!({"type": "reasoning.encrypted", "data": seal, "id": call, "format": "google-gemini-v1", "index": index})
}

/// A `reasoning.text` or `reasoning.summary` entry.
pub(super) fn text_detail(part: &Reasoning, index: u64) -> Value {
    let mut map = Map::new();
    let (kind, body) =
        if part.is_summary { ("reasoning.summary", "summary") } else { ("reasoning.text", "text") };
    map.insert("type".into(), kind.into());
    map.insert(body.into(), part.text.as_str().into());
    if let Some(signature) = &part.signature {
        map.insert("signature".into(), signature.as_str().into());
    }
    finish_detail(map, part.id.as_deref(), part.origin, index)
}

/// A `reasoning.encrypted` entry.
pub(super) fn encrypted_detail(data: &str, id: Option<&str>, origin: Option<Dialect>, index: u64) -> Value {
    let mut map = Map::new();
    map.insert("type".into(), "reasoning.encrypted".into());
    map.insert("data".into(), data.into());
    finish_detail(map, id, origin, index)
}

fn finish_detail(
    mut map: Map<String, Value>,
    id: Option<&str>,
    origin: Option<Dialect>,
    index: u64,
) -> Value {
    if let Some(id) = id {
        map.insert("id".into(), id.into());
    }
    map.insert("format".into(), format(origin).into());
    map.insert("index".into(), index.into());
    Value::Object(map)
}

/// `reasoning_content` and `reasoning_details` of a message: the first is the texts, one after the other, the second
/// is there only when something is sealed, and then holds everything, in order.
pub(super) fn write(parts: &[Part]) -> (Option<String>, Vec<Value>) {
    let mut texts = Vec::new();
    let mut details = Vec::new();
    let mut is_sealed = false;
    let mut index = 0;
    for part in parts {
        match part {
            Part::Reasoning(part) => {
                is_sealed |= part.signature.is_some() || part.encrypted.is_some();
                if !part.text.is_empty() {
                    texts.push(part.text.as_str());
                }
                if !part.text.is_empty() || part.signature.is_some() {
                    details.push(text_detail(part, index));
                }
                if let Some(data) = &part.encrypted {
                    details.push(encrypted_detail(data, part.id.as_deref(), part.origin, index));
                }
                index += 1;
            }
            Part::ToolCall(call) => {
                if let Some(seal) = &call.signature {
                    is_sealed = true;
                    details.push(call_seal(&call.id, seal, index));
                    index += 1;
                }
            }
            _ => {}
        }
    }
    let content = (!texts.is_empty()).then(|| texts.join("\n\n"));
    (content, if is_sealed { details } else { Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(details: Value, plain: Option<&str>) -> Vec<Reasoning> {
        parts(read_details(Some(&details)), plain.map(str::to_owned))
    }

    fn sealed(text: &str, signature: &str) -> Reasoning {
        Reasoning {
            text: text.into(),
            signature: Some(signature.into()),
            origin: Some(Dialect::Anthropic),
            ..Reasoning::default()
        }
    }

    fn round_trip(part: Reasoning) {
        let (plain, details) = write(&[Part::Reasoning(part.clone())]);
        assert_eq!(decode(Value::Array(details), plain.as_deref()), vec![part]);
    }

    #[test]
    fn case_54_a_signed_thought_comes_back_byte_for_byte() {
        round_trip(sealed("  hm \n\u{1F30A}", "EqoB/+=="));
    }

    #[test]
    fn case_56_redacted_thinking_comes_back() {
        let data = Some("enc==".to_owned());
        round_trip(Reasoning { encrypted: data, origin: Some(Dialect::Anthropic), ..Reasoning::default() });
    }

    #[test]
    fn case_57_a_seal_without_text_is_kept() {
        round_trip(sealed("", "sig"));
    }

    #[test]
    fn case_59_a_responses_item_with_summary_and_encrypted_content_stays_one() {
        round_trip(Reasoning {
            text: "In short".into(),
            is_summary: true,
            encrypted: Some("gAAA".into()),
            id: Some("rs_1".into()),
            origin: Some(Dialect::OpenaiResponses),
            ..Reasoning::default()
        });
    }

    #[test]
    fn pieces_collected_from_a_stream_are_put_together() {
        let piece = |text: &str| json!({"type": "reasoning.text", "text": text, "format": "anthropic-claude-v1", "index": 0});
        let seal = json!({"type": "reasoning.text", "text": "", "signature": "s", "format": "anthropic-claude-v1", "index": 0});
        let next = json!({"type": "reasoning.text", "text": "c", "signature": "t", "format": "anthropic-claude-v1", "index": 1});
        let details = json!([piece("a"), piece("b"), seal, next]);
        assert_eq!(decode(details, Some("ab\n\nc")), vec![sealed("ab", "s"), sealed("c", "t")]);
    }

    #[test]
    fn a_lone_seal_takes_the_plain_text() {
        let seal = json!([{"type": "reasoning.text", "signature": "s", "format": "anthropic-claude-v1"}]);
        assert_eq!(decode(seal, Some("abc")), vec![sealed("abc", "s")]);
    }

    #[test]
    fn unsealed_thoughts_need_no_details() {
        let part = Reasoning { text: "hm".into(), ..Reasoning::default() };
        assert_eq!(write(&[Part::Reasoning(part)]), (Some("hm".into()), vec![]));
    }
}
