//! The forms in which a caller can be answered: the four dialects, and two variations of them.

use crate::Dialect;
use crate::codec::{Reply, StreamEncoder};

/// How a caller wants to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As the dialect's own conversations are.
    Plain(Dialect),
    /// OpenAI's old `/v1/completions`.
    Completions,
    /// A Gemini stream as one JSON array (without `alt=sse`).
    GeminiArray,
}

impl Form {
    /// The dialect of errors and tools.
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Plain(dialect) => dialect,
            Self::Completions => Dialect::OpenaiChat,
            Self::GeminiArray => Dialect::Gemini,
        }
    }

    /// The MIME type of a stream.
    pub const fn stream_type(self) -> &'static str {
        match self {
            Self::GeminiArray => "application/json",
            _ => "text/event-stream",
        }
    }

    /// A writer of one stream.
    pub fn stream_encoder(self, reply: Reply) -> StreamEncoder {
        match self {
            Self::Plain(dialect) => StreamEncoder::new(dialect, reply),
            Self::Completions => {
                StreamEncoder::Completions(Box::new(crate::completions::encode_stream::Encoder::new(reply)))
            }
            Self::GeminiArray => {
                StreamEncoder::Gemini(Box::new(crate::gemini::encode_stream::Encoder::as_array(reply)))
            }
        }
    }
}
