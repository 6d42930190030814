//! Writes a stream for a caller.

use serde::Serialize;

use super::encode_response::{answer_id, closed_reason};
use crate::Usage;
use crate::codec::Reply;
use crate::hub::Event;
use crate::openai_chat::error::WireError;
use crate::openai_chat::usage::WireUsage;
use crate::sse;

/// The state of one stream being written: a `text_completion` for each text, one with the finish, with `include_usage`
/// one with the usage, then `[DONE]`.
#[derive(Debug)]
pub struct Encoder {
    reply: Reply,
    id: String,
    model: String,
    created: u64,
    usage: Option<Usage>,
    is_over: bool,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    choices: &'a [Choice<'a>],
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<WireUsage>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    text: &'a str,
    index: u32,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

impl Encoder {
    /// A stream that has not begun.
    pub fn new(reply: Reply) -> Self {
        let (id, model, created) = (answer_id("", &reply), reply.model.clone(), reply.now);
        Self { reply, id, model, created, usage: None, is_over: false }
    }

    /// Appends the bytes that tell `event`.
    pub fn encode(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.is_over {
            return;
        }
        match event {
            Event::Start { id, model, created } => {
                self.id = answer_id(id, &self.reply);
                if !model.is_empty() {
                    self.model.clone_from(model);
                }
                self.created = created.unwrap_or(self.reply.now);
            }
            Event::Text { text, .. } => self.choice(text, None, out),
            Event::Finish(stop) => self.choice("", Some(closed_reason(stop)), out),
            Event::Usage(usage) => {
                let mine = self.usage.get_or_insert_default();
                mine.replace_with(usage);
                mine.cost = usage.cost.or(mine.cost);
            }
            Event::Error(fault) => {
                sse::write_json(out, "", &WireError::from(fault));
                self.is_over = true;
            }
            Event::End => self.end(out),
            Event::PartStart { .. }
            | Event::PartEnd { .. }
            | Event::Reasoning { .. }
            | Event::Signature { .. }
            | Event::Arguments { .. }
            | Event::Cite { .. } => {}
        }
    }

    fn choice(&self, text: &str, finish_reason: Option<&'static str>, out: &mut Vec<u8>) {
        let choice = Choice { text, index: 0, logprobs: None, finish_reason };
        self.chunk(&[choice], self.reply.include_usage.then_some(None), out);
    }

    fn chunk(&self, choices: &[Choice<'_>], usage: Option<Option<WireUsage>>, out: &mut Vec<u8>) {
        let (id, model) = (self.id.as_str(), self.model.as_str());
        let chunk = Chunk { id, object: "text_completion", created: self.created, choices, model, usage };
        sse::write_json(out, "", &chunk);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.is_over = true;
        if let (true, Some(usage)) = (self.reply.include_usage, self.usage.as_ref()) {
            self.chunk(&[], Some(Some(WireUsage::from(usage))), out);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{PartStart, StopReason};

    #[test]
    fn a_stream_is_text_completions() {
        let reply =
            Reply { id: "x".into(), model: "m".into(), now: 7, include_usage: true, ..Reply::default() };
        let mut encoder = Encoder::new(reply);
        let mut out = Vec::new();
        for event in [
            Event::Start { id: String::new(), model: String::new(), created: None },
            Event::PartStart { index: 0, part: PartStart::Text },
            Event::Text { index: 0, text: "a".into() },
            Event::PartEnd { index: 0 },
            Event::Usage(Usage { input: 1, output: 1, ..Usage::default() }),
            Event::Finish(StopReason::ToolCalls),
            Event::End,
            Event::End,
        ] {
            encoder.encode(&event, &mut out);
        }
        let text = String::from_utf8(out).unwrap();
        let events: Vec<&str> = text.trim_end().split("\n\n").collect();
        assert_eq!(events.len(), 4, "{text}");
        assert_eq!(
            events[0],
            r#"data: {"id":"cmpl-x","object":"text_completion","created":7,"choices":[{"text":"a","index":0,"logprobs":null,"finish_reason":null}],"model":"m","usage":null}"#
        );
        assert!(events[1].contains(r#""finish_reason":"stop""#));
        assert!(events[2].contains(r#""choices":[]"#) && events[2].contains(r#""total_tokens":2"#));
        assert_eq!(events[3], "data: [DONE]");
    }
}
