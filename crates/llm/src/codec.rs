//! What every dialect module offers; the shapes that the four have in common.

use std::sync::Arc;

use tidegate_core::FaultKind;

use crate::Dialect;
use crate::fault::{BadRequest, Problem, UpstreamFault};
use crate::hub::{ChatRequest, ChatResponse, Event};
use crate::quirks::Profile;
use crate::sse::SseEvent;
use crate::{anthropic, completions, gemini, openai_chat, openai_responses};

/// A request in a target's dialect.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoded {
    /// The JSON body.
    pub body: Vec<u8>,
    /// Fields of the caller's request that this dialect cannot say, as paths in the caller's words.
    pub dropped: Vec<String>,
}

/// What an encoder of answers must know besides the answer.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// Id to use where the provider gave none: the exchange's id, without prefix.
    pub id: String,
    /// Model to report where the provider named none: the name at the provider.
    pub model: String,
    /// Now, in Unix seconds.
    pub now: u64,
    /// Whether an OpenAI chat stream ends with a usage chunk.
    pub include_usage: bool,
    /// The dialect of the provider, where known: a stream's events do not say whose seals they carry.
    pub origin: Option<Dialect>,
    /// The request, for dialects that repeat parts of it in the answer.
    pub request: Arc<ChatRequest>,
}

/// One event of a stream was not what its dialect promises; it was skipped (case 26).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a malformed event: {0}")]
pub struct MalformedEvent(pub String);

/// Reads a caller's request. For Gemini the model and the wish to stream are in the path, not in the body: the caller of
/// this function sets them afterwards.
pub fn decode_request(dialect: Dialect, body: &[u8]) -> Result<ChatRequest, BadRequest> {
    match dialect {
        Dialect::OpenaiChat => openai_chat::decode_request::decode(body),
        Dialect::OpenaiResponses => openai_responses::decode_request::decode(body),
        Dialect::Anthropic => anthropic::decode_request::decode(body),
        Dialect::Gemini => gemini::decode_request::decode(body),
    }
}

/// Writes a request for a target. Refuses only what no rule can map (`previous_response_id` on a stateless dialect).
pub fn encode_request(
    dialect: Dialect,
    request: &ChatRequest,
    target: &Profile<'_>,
) -> Result<Encoded, BadRequest> {
    match dialect {
        Dialect::OpenaiChat => openai_chat::encode_request::encode(request, target),
        Dialect::OpenaiResponses => openai_responses::encode_request::encode(request, target),
        Dialect::Anthropic => anthropic::encode_request::encode(request, target),
        Dialect::Gemini => gemini::encode_request::encode(request, target),
    }
}

/// Reads a provider's whole answer (status 200). An error inside a 200 is a fault.
pub fn decode_response(dialect: Dialect, body: &[u8]) -> Result<ChatResponse, UpstreamFault> {
    match dialect {
        Dialect::OpenaiChat => openai_chat::decode_response::decode(body),
        Dialect::OpenaiResponses => openai_responses::decode_response::decode(body),
        Dialect::Anthropic => anthropic::decode_response::decode(body),
        Dialect::Gemini => gemini::decode_response::decode(body),
    }
}

/// Writes a whole answer for a caller.
pub fn encode_response(dialect: Dialect, response: &ChatResponse, reply: &Reply) -> Vec<u8> {
    match dialect {
        Dialect::OpenaiChat => openai_chat::encode_response::encode(response, reply),
        Dialect::OpenaiResponses => openai_responses::encode_response::encode(response, reply),
        Dialect::Anthropic => anthropic::encode_response::encode(response, reply),
        Dialect::Gemini => gemini::encode_response::encode(response, reply),
    }
}

/// Reads a provider's error answer (status of 400 and up). Never fails: what cannot be read becomes the message.
pub fn decode_error(dialect: Dialect, status: u16, body: &[u8]) -> UpstreamFault {
    let mut fault = match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => openai_chat::error::decode(status, body),
        Dialect::Anthropic => anthropic::error::decode(status, body),
        Dialect::Gemini => gemini::error::decode(status, body),
    };
    // Words such as `api_error` and `INTERNAL` say less than a status such as 503 or 529.
    if fault.kind == FaultKind::Upstream {
        fault.kind = FaultKind::from_status(status);
    }
    fault
}

/// Writes the body of an error answer for a caller.
pub fn encode_error(dialect: Dialect, problem: &Problem<'_>) -> Vec<u8> {
    match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => openai_chat::error::encode(problem),
        Dialect::Anthropic => anthropic::error::encode(problem),
        Dialect::Gemini => gemini::error::encode(problem),
    }
}

/// Reads a provider's stream, event by event.
#[derive(Debug)]
pub enum StreamDecoder {
    /// OpenAI chat.
    OpenaiChat(openai_chat::decode_stream::Decoder),
    /// OpenAI responses.
    OpenaiResponses(openai_responses::decode_stream::Decoder),
    /// Anthropic.
    Anthropic(anthropic::decode_stream::Decoder),
    /// Gemini.
    Gemini(gemini::decode_stream::Decoder),
}

impl StreamDecoder {
    /// A decoder for one stream.
    pub fn new(dialect: Dialect) -> Self {
        match dialect {
            Dialect::OpenaiChat => Self::OpenaiChat(Default::default()),
            Dialect::OpenaiResponses => Self::OpenaiResponses(Default::default()),
            Dialect::Anthropic => Self::Anthropic(Default::default()),
            Dialect::Gemini => Self::Gemini(Default::default()),
        }
    }

    /// Appends what `event` means to `out`. A malformed event changes nothing.
    pub fn decode(&mut self, event: SseEvent<'_>, out: &mut Vec<Event>) -> Result<(), MalformedEvent> {
        match self {
            Self::OpenaiChat(decoder) => decoder.decode(event, out),
            Self::OpenaiResponses(decoder) => decoder.decode(event, out),
            Self::Anthropic(decoder) => decoder.decode(event, out),
            Self::Gemini(decoder) => decoder.decode(event, out),
        }
    }

    /// The body has ended. Closes open parts and appends `End` where the dialect (or a known habit of its speakers,
    /// case 17) lets a finished stream end without a mark. Appends nothing when the stream was cut.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        match self {
            Self::OpenaiChat(decoder) => decoder.finish(out),
            Self::OpenaiResponses(decoder) => decoder.finish(out),
            Self::Anthropic(decoder) => decoder.finish(out),
            Self::Gemini(decoder) => decoder.finish(out),
        }
    }
}

/// Writes a stream for a caller, event by event.
#[derive(Debug)]
pub enum StreamEncoder {
    /// OpenAI chat.
    OpenaiChat(Box<openai_chat::encode_stream::Encoder>),
    /// OpenAI responses.
    OpenaiResponses(Box<openai_responses::encode_stream::Encoder>),
    /// OpenAI's old completions.
    Completions(Box<completions::encode_stream::Encoder>),
    /// Anthropic.
    Anthropic(Box<anthropic::encode_stream::Encoder>),
    /// Gemini.
    Gemini(Box<gemini::encode_stream::Encoder>),
}

impl StreamEncoder {
    /// An encoder for one stream.
    pub fn new(dialect: Dialect, reply: Reply) -> Self {
        match dialect {
            Dialect::OpenaiChat => {
                Self::OpenaiChat(Box::new(openai_chat::encode_stream::Encoder::new(reply)))
            }
            Dialect::OpenaiResponses => {
                Self::OpenaiResponses(Box::new(openai_responses::encode_stream::Encoder::new(reply)))
            }
            Dialect::Anthropic => Self::Anthropic(Box::new(anthropic::encode_stream::Encoder::new(reply))),
            Dialect::Gemini => Self::Gemini(Box::new(gemini::encode_stream::Encoder::new(reply))),
        }
    }

    /// Appends the bytes that tell `event` to the caller. `Event::Error` writes the dialect's error event; after it, and
    /// after `Event::End`, nothing more is written.
    pub fn encode(&mut self, event: &Event, out: &mut Vec<u8>) {
        match self {
            Self::OpenaiChat(encoder) => encoder.encode(event, out),
            Self::OpenaiResponses(encoder) => encoder.encode(event, out),
            Self::Completions(encoder) => encoder.encode(event, out),
            Self::Anthropic(encoder) => encoder.encode(event, out),
            Self::Gemini(encoder) => encoder.encode(event, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_telling_status_goes_before_a_word_that_says_nothing() {
        let body = br#"{"type":"error","error":{"type":"api_error","message":"x"}}"#;
        assert_eq!(decode_error(Dialect::Anthropic, 503, body).kind, FaultKind::Overloaded);
        let body = br#"{"error":{"code":529,"message":"x","status":"INTERNAL"}}"#;
        assert_eq!(decode_error(Dialect::Gemini, 529, body).kind, FaultKind::Overloaded);
    }
}
