//! Writes a whole answer for a caller.

use serde::Serialize;

use crate::codec::Reply;
use crate::hub::{ChatResponse, Part, StopReason};
use crate::openai_chat::finish_reason;
use crate::openai_chat::usage::WireUsage;

#[derive(Serialize)]
struct Completion<'a> {
    id: String,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [Choice; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<WireUsage>,
}

#[derive(Serialize)]
struct Choice {
    text: String,
    index: u32,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

/// Writes a `text_completion`. Texts and refusals are put together; thoughts and tool calls have no place in it.
pub fn encode(response: &ChatResponse, reply: &Reply) -> Vec<u8> {
    let texts = response.parts.iter().filter_map(|part| match part {
        Part::Text { text, .. } | Part::Refusal(text) => Some(text.as_str()),
        _ => None,
    });
    let completion = Completion {
        id: answer_id(&response.id, reply),
        object: "text_completion",
        created: response.created.unwrap_or(reply.now),
        model: if response.model.is_empty() { &reply.model } else { &response.model },
        choices: [Choice {
            text: texts.collect(),
            index: 0,
            logprobs: None,
            finish_reason: closed_reason(&response.stop),
        }],
        usage: response.usage.as_ref().map(WireUsage::from),
    };
    serde_json::to_vec(&completion).unwrap_or_default()
}

/// `cmpl-…`; a chat answer's prefix is replaced.
pub(super) fn answer_id(provider: &str, reply: &Reply) -> String {
    match provider {
        "" => format!("cmpl-{}", reply.id),
        own if own.starts_with("cmpl-") => own.to_owned(),
        other => format!("cmpl-{}", other.strip_prefix("chatcmpl-").unwrap_or(other)),
    }
}

/// Completions know `stop`, `length` and `content_filter` only.
pub(super) fn closed_reason(stop: &StopReason) -> &'static str {
    match finish_reason(stop) {
        "tool_calls" => "stop",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Usage;

    #[test]
    fn an_answer_is_a_text_completion() {
        let response = ChatResponse {
            id: "chatcmpl-1".into(),
            model: "m".into(),
            created: Some(7),
            parts: vec![Part::text("upon "), Part::text("a time")],
            stop: StopReason::Length,
            usage: Some(Usage { input: 1, output: 2, ..Usage::default() }),
        };
        let body: serde_json::Value = serde_json::from_slice(&encode(&response, &Reply::default())).unwrap();
        assert_eq!(body["id"], "cmpl-1");
        assert_eq!(body["object"], "text_completion");
        assert_eq!(
            body["choices"][0].to_string(),
            r#"{"text":"upon a time","index":0,"logprobs":null,"finish_reason":"length"}"#
        );
        assert_eq!(body["usage"]["total_tokens"], 3);
    }
}
