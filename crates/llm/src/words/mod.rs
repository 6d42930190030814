//! The caller's words for what the hub calls otherwise: names of fields that are dropped.

mod place;

use crate::Dialect;
use crate::hub::{ChatRequest, Turn};

/// Speaks of a request as its caller wrote it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words<'a> {
    dialect: Option<Dialect>,
    turns: &'a [Turn],
}

impl<'a> Words<'a> {
    /// The words of this request's caller.
    pub(crate) fn of(request: &'a ChatRequest) -> Self {
        Self { dialect: request.unmapped.dialect, turns: &request.turns }
    }

    /// The turn of that index: `messages[2]`, `input[4]`, `contents[1]`.
    pub(crate) fn turn(self, turn: usize) -> String {
        place::of_turn(self.dialect, self.turns, turn)
    }

    /// A part of a turn: `messages[2].content[0]`, `contents[1].parts[0]`. As near as can be told: decoders put turns
    /// together, and thoughts that nobody else can read are gone by then.
    pub(crate) fn part(self, turn: usize, part: usize) -> String {
        place::of_part(self.dialect, self.turns, turn, part)
    }

    /// The thoughts of earlier turns, of which there may be many: one name for all.
    pub(crate) fn thoughts(self) -> &'static str {
        thoughts_of(self.dialect.unwrap_or(Dialect::OpenaiChat))
    }

    /// The schema of a tool: `tools[0].function.parameters`.
    pub(crate) fn tool_schema(self, tool: usize) -> String {
        match self.dialect {
            Some(Dialect::Anthropic) => format!("tools[{tool}].input_schema"),
            Some(Dialect::OpenaiResponses) => format!("tools[{tool}].parameters"),
            Some(Dialect::Gemini) => format!("tools[0].functionDeclarations[{tool}].parameters"),
            _ => format!("tools[{tool}].function.parameters"),
        }
    }

    /// Whether a tool's schema is strict: `tools[0].function.strict`.
    pub(crate) fn tool_strict(self, tool: usize) -> String {
        match self.dialect {
            None | Some(Dialect::OpenaiChat) => format!("tools[{tool}].function.strict"),
            Some(_) => format!("tools[{tool}].strict"),
        }
    }

    /// The schema of the answer's form, and whether it is strict.
    pub(crate) fn format(self) -> [&'static str; 2] {
        match self.dialect {
            Some(Dialect::OpenaiResponses) => ["text.format.schema", "text.format.strict"],
            Some(Dialect::Anthropic) => ["output_config.format.schema", "output_config.format"],
            Some(Dialect::Gemini) => {
                ["generationConfig.responseJsonSchema", "generationConfig.responseJsonSchema"]
            }
            _ => ["response_format.json_schema.schema", "response_format.json_schema.strict"],
        }
    }

    /// A field that the hub has a word for; `hub` is OpenAI chat's name, or `reasoning` for all of a wish to think.
    pub(crate) fn field(self, hub: &'static str) -> &'static str {
        match (self.dialect, hub) {
            (Some(Dialect::OpenaiResponses), _) => responses(hub),
            (Some(Dialect::Anthropic), _) => anthropic(hub),
            (Some(Dialect::Gemini), _) => gemini(hub),
            (_, "reasoning") => "reasoning_effort",
            (_, "reasoning_budget") => "reasoning.max_tokens",
            _ => hub,
        }
    }
}

/// What a dialect calls the thoughts of earlier turns.
pub(crate) const fn thoughts_of(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenaiChat => "messages[].reasoning_content",
        Dialect::OpenaiResponses => "input[] (reasoning)",
        Dialect::Anthropic => "messages[].content[] (thinking)",
        Dialect::Gemini => "contents[].parts[] (thought)",
    }
}

fn responses(hub: &'static str) -> &'static str {
    match hub {
        "max_completion_tokens" => "max_output_tokens",
        "response_format" => "text.format",
        "reasoning_effort" | "reasoning" => "reasoning.effort",
        "reasoning_budget" => "reasoning.max_tokens",
        "verbosity" => "text.verbosity",
        "user" => "safety_identifier",
        other => other,
    }
}

fn anthropic(hub: &'static str) -> &'static str {
    match hub {
        "max_completion_tokens" => "max_tokens",
        "parallel_tool_calls" => "tool_choice.disable_parallel_tool_use",
        "response_format" => "output_config.format",
        "reasoning_effort" => "output_config.effort",
        "reasoning_budget" => "thinking.budget_tokens",
        "reasoning.summary" => "thinking.display",
        "reasoning" => "thinking",
        "stop" => "stop_sequences",
        "user" => "metadata.user_id",
        other => other,
    }
}

fn gemini(hub: &'static str) -> &'static str {
    match hub {
        "temperature" => "generationConfig.temperature",
        "top_p" => "generationConfig.topP",
        "top_k" => "generationConfig.topK",
        "seed" => "generationConfig.seed",
        "frequency_penalty" => "generationConfig.frequencyPenalty",
        "presence_penalty" => "generationConfig.presencePenalty",
        "max_completion_tokens" => "generationConfig.maxOutputTokens",
        "stop" => "generationConfig.stopSequences",
        "response_format" => "generationConfig.responseMimeType",
        "reasoning_effort" => "generationConfig.thinkingConfig.thinkingLevel",
        "reasoning_budget" => "generationConfig.thinkingConfig.thinkingBudget",
        "reasoning.summary" => "generationConfig.thinkingConfig.includeThoughts",
        "reasoning" => "generationConfig.thinkingConfig",
        "tool_choice" => "toolConfig.functionCallingConfig",
        "service_tier" => "serviceTier",
        "metadata" => "labels",
        other => other,
    }
}

/// Whether leaving the field away changes nothing, whoever's it is.
pub(crate) fn is_no_op(path: &str, value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (path, value) {
        (_, Value::Null) | ("stream_options" | "stream", _) => true,
        ("store" | "logprobs" | "background" | "echo", value) => *value == Value::Bool(false),
        ("n" | "candidateCount" | "generationConfig.candidateCount", one) => one.as_u64() == Some(1),
        ("logit_bias", Value::Object(map)) => map.is_empty(),
        _ => false,
    }
}
