//! Paths of the caller's fields, in the words of the caller's dialect.

use crate::Dialect;

/// Speaks of fields as the caller wrote them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words(pub Option<Dialect>);

impl Words {
    /// The turn of that index: `messages[2]`.
    pub(crate) fn turn(self, turn: usize) -> String {
        match self.0 {
            Some(Dialect::OpenaiResponses) => format!("input[{turn}]"),
            Some(Dialect::Gemini) => format!("contents[{turn}]"),
            _ => format!("messages[{turn}]"),
        }
    }

    /// A part of a turn: `messages[2].content[0]`.
    pub(crate) fn part(self, turn: usize, part: usize) -> String {
        let parts = if self.0 == Some(Dialect::Gemini) { "parts" } else { "content" };
        format!("{}.{parts}[{part}]", self.turn(turn))
    }

    /// The schema of a tool: `tools[0].function.parameters`.
    pub(crate) fn tool_schema(self, tool: usize) -> String {
        match self.0 {
            Some(Dialect::Anthropic) => format!("tools[{tool}].input_schema"),
            Some(Dialect::OpenaiResponses) => format!("tools[{tool}].parameters"),
            Some(Dialect::Gemini) => format!("tools[0].functionDeclarations[{tool}].parameters"),
            _ => format!("tools[{tool}].function.parameters"),
        }
    }

    /// A field that the hub has a word for; `hub` is OpenAI chat's name.
    pub(crate) fn field(self, hub: &'static str) -> &'static str {
        match (self.0, hub) {
            (Some(Dialect::OpenaiResponses), "response_format") => "text.format",
            (Some(Dialect::OpenaiResponses), "reasoning_effort") => "reasoning.effort",
            (Some(Dialect::OpenaiResponses), "verbosity") => "text.verbosity",
            (Some(Dialect::Anthropic), "parallel_tool_calls") => "tool_choice.disable_parallel_tool_use",
            (Some(Dialect::Anthropic), "response_format") => "output_config.format",
            (Some(Dialect::Anthropic), "reasoning_effort") => "output_config.effort",
            (Some(Dialect::Anthropic), "reasoning_budget") => "thinking.budget_tokens",
            (Some(Dialect::Anthropic), "stop") => "stop_sequences",
            (Some(Dialect::Anthropic), "user") => "metadata.user_id",
            (Some(Dialect::Gemini), "response_format") => "generationConfig.responseMimeType",
            (Some(Dialect::Gemini), "reasoning_effort") => "generationConfig.thinkingConfig.thinkingLevel",
            (Some(Dialect::Gemini), "reasoning_budget") => "generationConfig.thinkingConfig.thinkingBudget",
            (Some(Dialect::Gemini), "stop") => "generationConfig.stopSequences",
            (Some(Dialect::Gemini), "tool_choice") => "toolConfig.functionCallingConfig",
            (Some(Dialect::Gemini), "service_tier") => "serviceTier",
            (_, "reasoning_budget") => "reasoning.max_tokens",
            _ => hub,
        }
    }
}

/// Whether leaving the field away changes nothing.
pub(crate) fn is_no_op(path: &str, value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (path, value) {
        (_, Value::Null) => true,
        ("stream_options" | "stream", _) => true,
        ("store" | "logprobs" | "background", Value::Bool(false)) => true,
        ("n", one) => one.as_u64() == Some(1),
        ("logit_bias", Value::Object(map)) => map.is_empty(),
        _ => false,
    }
}
