//! How a provider differs from its dialect's book. A provider is a row of data; this is part of the row.

use serde::{Deserialize, Serialize};

/// Differences that the encoders act on. The default is the dialect as its vendor wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Knows only `max_tokens`, not `max_completion_tokens` (case 65).
    pub legacy_max_tokens: bool,
    /// Refuses `stream_options`; usage comes by itself or not at all (case 5).
    pub no_stream_options: bool,
    /// Refuses the role `developer`; `system` is sent instead.
    pub no_developer_role: bool,
    /// Refuses `response_format: json_schema`; `json_object` and an instruction are sent instead.
    pub no_json_schema: bool,
    /// Refuses `parallel_tool_calls`.
    pub no_parallel_tool_calls: bool,
    /// Refuses unknown top-level fields such as `store`, `metadata`, `prompt_cache_key`, `safety_identifier`.
    pub no_openai_extras: bool,
    /// Wants earlier `reasoning_content` back in assistant turns (DeepSeek style, case 64).
    pub replay_reasoning: bool,
    /// Keeps unsigned thinking blocks (DeepSeek's Anthropic endpoint, case 58); others drop them.
    pub keep_unsigned_thinking: bool,
    /// Breaks on regex look-around or `\0` in tool schemas (Kimi, DeepSeek; case 53); such patterns are removed.
    pub plain_patterns: bool,
    /// Breaks on `encoding_format: null` in embeddings (vLLM, case 70); nulls are removed.
    pub no_null_fields: bool,
}

impl Quirks {
    /// No difference from the book: the default, for constants.
    pub const BOOK: Self = Self {
        legacy_max_tokens: false,
        no_stream_options: false,
        no_developer_role: false,
        no_json_schema: false,
        no_parallel_tool_calls: false,
        no_openai_extras: false,
        replay_reasoning: false,
        keep_unsigned_thinking: false,
        plain_patterns: false,
        no_null_fields: false,
    };
}

/// What an encoder needs to know of the target.
#[derive(Clone, Copy, Debug)]
pub struct Profile<'a> {
    /// The model's name at the provider.
    pub model: &'a str,
    /// The provider's differences.
    pub quirks: Quirks,
    /// The most output tokens that the model can give, if known; used where a dialect requires a limit (case 65).
    pub max_output_tokens: Option<u64>,
}

impl<'a> Profile<'a> {
    /// A provider by the book.
    pub fn plain(model: &'a str) -> Self {
        Self { model, quirks: Quirks::default(), max_output_tokens: None }
    }
}
