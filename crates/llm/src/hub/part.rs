//! What a turn is made of.

use serde_json::Value;

use crate::Dialect;
use crate::hub::request::CacheMark;

/// One piece of a turn or of an answer. The order of parts is kept (wire case 31).
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Plain text.
    Text {
        /// The text.
        text: String,
        /// Where the model says it has it from.
        citations: Vec<Citation>,
        /// Whether a provider's prompt cache should end a segment here.
        cache: Option<CacheMark>,
    },
    /// An image, a sound, a document.
    Media(Media),
    /// The model's thoughts.
    Reasoning(Reasoning),
    /// The model calls a tool.
    ToolCall(ToolCall),
    /// The caller answers a tool call.
    ToolResult(ToolResult),
    /// The model declines, in words.
    Refusal(String),
    /// A block that only its own dialect knows, kept as it came; named as dropped elsewhere.
    Opaque {
        /// Who knows it.
        dialect: Dialect,
        /// Its name for `x-tidegate-dropped`: `messages[2].content[0] (server_tool_use)`.
        name: String,
        /// The block itself.
        json: Value,
    },
}

impl Part {
    /// A text without citations or cache mark.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), citations: Vec::new(), cache: None }
    }
}

/// One source that a text rests on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Citation {
    /// Address of the source.
    pub url: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// The words cited.
    pub quote: Option<String>,
    /// First character of the text that the citation covers.
    pub start: Option<u64>,
    /// The character after the last one.
    pub end: Option<u64>,
    /// Whose format `raw` is in.
    pub dialect: Option<Dialect>,
    /// The citation as it came, for its own dialect.
    pub raw: Value,
}

impl Citation {
    /// Whether it covers all of its text because it does not say what it covers; where a dialect wants numbers, it can be
    /// written once the text is whole.
    pub(crate) fn needs_length(&self) -> bool {
        self.end.is_none()
    }
}

/// A picture, sound or document.
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    /// What it is.
    pub kind: MediaKind,
    /// Its MIME type, when known: `image/png`.
    pub mime: Option<String>,
    /// Where its bytes are.
    pub source: MediaSource,
    /// OpenAI's `detail` for images (`low`, `high`, `auto`, `original`).
    pub detail: Option<String>,
    /// A file name, for documents.
    pub name: Option<String>,
    /// Whether a provider's prompt cache should end a segment here.
    pub cache: Option<CacheMark>,
}

/// What a [`Media`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    /// A still picture.
    Image,
    /// Sound.
    Audio,
    /// A moving picture.
    Video,
    /// A document (PDF, text).
    Document,
}

/// Where the bytes of a [`Media`] are.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaSource {
    /// In the request itself, base64 (standard alphabet).
    Base64(String),
    /// At an address (`https:`, `gs:`); fetched by the provider, never by the gateway.
    Url(String),
    /// Uploaded to the provider before.
    FileId(String),
    /// Plain text (Anthropic text documents).
    Text(String),
}

/// Thoughts of the model, as far as the provider shows them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reasoning {
    /// The thoughts, or their summary; may be empty while the signature is not (case 57).
    pub text: String,
    /// True when `text` is a summary made for people (OpenAI responses).
    pub is_summary: bool,
    /// The provider's seal over this block; returned byte for byte (case 54).
    pub signature: Option<String>,
    /// Encrypted thoughts: Anthropic `redacted_thinking.data`, OpenAI `encrypted_content` (cases 56, 59).
    pub encrypted: Option<String>,
    /// The provider's id of the item (`rs_…`), where it has one.
    pub id: Option<String>,
    /// Which dialect sealed it; signatures do not travel to another (case 55).
    pub origin: Option<Dialect>,
}

/// A call of a tool by the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolCall {
    /// The id that pairs the call with its result.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as JSON text, exactly as they came; may be invalid JSON (case 49). For a custom tool, free text.
    pub arguments: String,
    /// Gemini's `thoughtSignature` (case 33).
    pub signature: Option<String>,
    /// Function or custom tool.
    pub kind: ToolKind,
    /// Whether a provider's prompt cache should end a segment here.
    pub cache: Option<CacheMark>,
}

/// What sort of tool a call or declaration is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToolKind {
    /// JSON arguments by a schema.
    #[default]
    Function,
    /// Free-text input (OpenAI custom tools).
    Custom,
}

/// The caller's answer to a tool call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolResult {
    /// The id of the call.
    pub call_id: String,
    /// The tool's name, where the dialect tells it (Gemini) or the decoder found it in the history.
    pub name: Option<String>,
    /// Texts and media.
    pub content: Vec<Part>,
    /// True when the tool failed.
    pub is_error: bool,
    /// Function or custom tool.
    pub kind: ToolKind,
    /// Whether a provider's prompt cache should end a segment here.
    pub cache: Option<CacheMark>,
}

impl ToolResult {
    /// The texts of the content, joined by newlines.
    pub fn joined_text(&self) -> String {
        let texts = self.content.iter().filter_map(|part| match part {
            Part::Text { text, .. } => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }
}
