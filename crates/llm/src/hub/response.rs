//! A whole answer, in no vendor's words.

use crate::hub::part::Part;
use crate::usage::Usage;

/// One answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatResponse {
    /// The provider's id of the answer; encoders give it their dialect's prefix where the dialect wants one.
    pub id: String,
    /// The model as the provider named it.
    pub model: String,
    /// Unix seconds, where the provider tells them.
    pub created: Option<u64>,
    /// What the model said, thought and called, in order.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub stop: StopReason,
    /// Tokens, if the provider told them.
    pub usage: Option<Usage>,
}

/// Why an answer ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StopReason {
    /// The model was done.
    #[default]
    Stop,
    /// One of the caller's stop texts came up (Anthropic tells which).
    StopSequence(Option<String>),
    /// The token limit was reached.
    Length,
    /// The model waits for tool results.
    ToolCalls,
    /// The provider's filter stopped it (OpenAI `content_filter`, Gemini `SAFETY` and kin).
    ContentFilter,
    /// The model declined (Anthropic `refusal`).
    Refusal,
    /// A long-running turn was paused (Anthropic `pause_turn`).
    Pause,
    /// The context window was full (Anthropic `model_context_window_exceeded`).
    ContextWindow,
    /// A reason without a word here, as the provider wrote it.
    Other(String),
}
