//! A streamed answer, event by event, in no vendor's words.

use crate::fault::UpstreamFault;
use crate::hub::part::{Citation, ToolKind};
use crate::hub::response::StopReason;
use crate::usage::Usage;

/// One event of a stream. Decoders keep this order: `Start`, then for each part `PartStart` … `PartEnd` (parts may be open
/// side by side, case 21), then `Finish`, at the latest then `Usage`, then `End`. Part indexes count all parts of the
/// answer from 0, in the order of their starts (case 20).
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The answer begins.
    Start {
        /// The provider's id of the answer.
        id: String,
        /// The model as the provider named it.
        model: String,
        /// Unix seconds, where told.
        created: Option<u64>,
    },
    /// A part begins.
    PartStart {
        /// Index of the part.
        index: u32,
        /// What it is.
        part: PartStart,
    },
    /// More text of a text part or a refusal.
    Text {
        /// Index of the part.
        index: u32,
        /// The text.
        text: String,
    },
    /// More text of a reasoning part.
    Reasoning {
        /// Index of the part.
        index: u32,
        /// The text.
        text: String,
    },
    /// The seal of a reasoning part (the whole seal, or more of it).
    Signature {
        /// Index of the part.
        index: u32,
        /// The seal.
        signature: String,
    },
    /// More of a tool call's arguments.
    Arguments {
        /// Index of the part.
        index: u32,
        /// A piece of JSON text.
        json: String,
    },
    /// A citation for a text part.
    Cite {
        /// Index of the part.
        index: u32,
        /// The citation.
        citation: Citation,
    },
    /// A part ends.
    PartEnd {
        /// Index of the part.
        index: u32,
    },
    /// Tokens so far; cumulative, a later report replaces an earlier one. May come at any time (case 3).
    Usage(Usage),
    /// The model ended, and why.
    Finish(StopReason),
    /// The provider reported an error inside the stream.
    Error(UpstreamFault),
    /// The stream ended as its dialect wants it (`[DONE]`, `message_stop`, `response.completed`, or the end of the body
    /// after a finish where the dialect has no mark). Its absence at the end of the body means the stream was cut.
    End,
}

/// How a part of a streamed answer begins.
#[derive(Clone, Debug, PartialEq)]
pub enum PartStart {
    /// Text follows.
    Text,
    /// A refusal in words follows.
    Refusal,
    /// Thoughts follow.
    Reasoning {
        /// True for a summary made for people.
        is_summary: bool,
        /// Encrypted thoughts, which come whole.
        encrypted: Option<String>,
        /// The provider's id of the item.
        id: Option<String>,
    },
    /// A tool call; its arguments follow, perhaps none (case 19: encoders must then write `{}`).
    ToolCall {
        /// The id of the call.
        id: String,
        /// The tool's name.
        name: String,
        /// Gemini's `thoughtSignature`.
        signature: Option<String>,
        /// Function or custom tool.
        kind: ToolKind,
    },
}
