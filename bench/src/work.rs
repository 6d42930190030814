//! The works that are measured: what is sent, and what must come back.

use std::net::SocketAddr;

use bytes::Bytes;

/// Who speaks: decides path, headers and the shape of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// OpenAI's chat completions, which the fake provider speaks too.
    Chat,
    /// Anthropic's messages, which the gateway has to translate.
    Anthropic,
}

/// One kind of request.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// As it stands in tables.
    pub(crate) name: &'static str,
    /// What it is, in half a sentence.
    pub(crate) says: &'static str,
    pub(crate) dialect: Dialect,
    /// Size of the prompt's text in bytes.
    pub(crate) prompt: usize,
    /// Pieces of text in the answer's stream; none for a plain answer.
    pub(crate) pieces: Option<usize>,
    /// Milliseconds between two events of the stream.
    pub(crate) pace: Option<u64>,
    /// Requests per second of the measurement at a fixed rate.
    pub(crate) rate: f64,
    /// The work that nginx does where it cannot do this one.
    pub(crate) beside: &'static str,
}

/// What every one runs.
pub(crate) const WORKS: &[Work] = &[
    Work {
        name: "chat",
        says: "not streamed, 1 KB in, 600 B out",
        dialect: Dialect::Chat,
        prompt: 800,
        pieces: None,
        pace: None,
        rate: 1000.0,
        beside: "chat",
    },
    Work {
        name: "stream",
        says: "64 chunks, each sent on its own, as fast as they go",
        dialect: Dialect::Chat,
        prompt: 800,
        pieces: Some(64),
        pace: None,
        rate: 100.0,
        beside: "stream",
    },
    Work {
        name: "paced",
        says: "64 chunks, one each 10 ms, 50 new streams a second",
        dialect: Dialect::Chat,
        prompt: 800,
        pieces: Some(64),
        pace: Some(10),
        rate: 50.0,
        beside: "paced",
    },
    Work {
        name: "prompt",
        says: "not streamed, 200 KB in, 600 B out",
        dialect: Dialect::Chat,
        prompt: 200_000,
        pieces: None,
        pace: None,
        rate: 200.0,
        beside: "prompt",
    },
];

/// Anthropic's dialect in, OpenAI's out; nginx cannot translate, so it stands beside its plain proxying.
pub(crate) const CROSS: &[Work] = &[
    Work {
        name: "cross-chat",
        says: "Anthropic in, OpenAI out, not streamed, 1 KB in",
        dialect: Dialect::Anthropic,
        prompt: 800,
        pieces: None,
        pace: None,
        rate: 1000.0,
        beside: "chat",
    },
    Work {
        name: "cross-stream",
        says: "Anthropic in, OpenAI out, 64 chunks",
        dialect: Dialect::Anthropic,
        prompt: 800,
        pieces: Some(64),
        pace: None,
        rate: 100.0,
        beside: "stream",
    },
];

/// What a proper answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Events of the stream: exactly so many where nothing is translated, at least so many otherwise.
    pub(crate) events: Option<(usize, bool)>,
    /// What stands in the body's last bytes.
    pub(crate) end: &'static [u8],
    /// The body's length in bytes, where it is known exactly. Then the body is not searched for events.
    pub(crate) length: Option<usize>,
}

impl Work {
    /// The fake provider's name for the answer.
    pub(crate) fn model(&self) -> String {
        let pieces = self.pieces.map(|pieces| format!("~n-{pieces}")).unwrap_or_default();
        let pace = self.pace.map(|pace| format!("~pace-{pace}")).unwrap_or_default();
        format!("bench{pieces}{pace}")
    }

    /// The request as it goes over the wire. `provider` stands before the model's name: `fake/`, or nothing.
    pub(crate) fn request(&self, to: SocketAddr, provider: &str) -> Bytes {
        let model = self.model();
        let text = "the quick brown fox jumps over the lazy dog ".repeat(self.prompt / 44 + 1);
        let text = &text[..self.prompt];
        let stream = if self.pieces.is_some() { "true" } else { "false" };
        let (path, key, body) = match self.dialect {
            Dialect::Chat => {
                let options = match self.pieces {
                    Some(_) => ",\"stream\":true,\"stream_options\":{\"include_usage\":true}",
                    None => "",
                };
                (
                    "/v1/chat/completions",
                    "authorization: Bearer bench-key-0123456789",
                    format!(
                        "{{\"messages\":[{{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"}},\
                         {{\"role\":\"user\",\"content\":\"{text}\"}}],\"model\":\"{provider}{model}\",\
                         \"max_tokens\":256,\"temperature\":0.7{options}}}"
                    ),
                )
            }
            Dialect::Anthropic => (
                "/v1/messages",
                "x-api-key: bench-key-0123456789\r\nanthropic-version: 2023-06-01",
                format!(
                    "{{\"max_tokens\":256,\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}],\
                     \"model\":\"{provider}{model}\",\"stream\":{stream},\
                     \"system\":\"You are a helpful assistant.\",\"temperature\":0.7}}"
                ),
            ),
        };
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {to}\r\n{key}\r\naccept: application/json\r\n\
             content-type: application/json\r\nuser-agent: bench/1.0\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Bytes::from(head + &body)
    }

    /// What the answer must look like.
    pub(crate) fn expected(&self) -> Expected {
        match (self.dialect, self.pieces) {
            // The role, the pieces, the finish, the usage, `[DONE]`.
            (Dialect::Chat, Some(pieces)) => {
                Expected { events: Some((pieces + 4, true)), end: b"data: [DONE]", length: None }
            }
            (Dialect::Anthropic, Some(pieces)) => {
                Expected { events: Some((pieces + 4, false)), end: b"\"message_stop\"", length: None }
            }
            (_, None) => Expected { events: None, end: b"}", length: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_request_is_json_of_about_a_kilobyte() {
        for work in WORKS.iter().chain(CROSS) {
            let request = work.request(([127, 0, 0, 1], 80).into(), "fake/");
            let text = std::str::from_utf8(&request).unwrap();
            let (_, body) = text.split_once("\r\n\r\n").unwrap();
            let json: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(json["model"], format!("fake/{}", work.model()));
            assert!((work.prompt..work.prompt + 400).contains(&body.len()), "{}", body.len());
        }
    }
}
