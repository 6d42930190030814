//! What the caller calls a field of the hub.

use crate::Dialect;

/// The caller's word for one of the hub's fields; the hub's words are those of OpenAI chat.
pub(super) fn word(dialect: Option<Dialect>, field: &'static str) -> &'static str {
    match (dialect, field) {
        (Some(Dialect::Gemini), _) => gemini(field),
        (Some(Dialect::OpenaiResponses), "reasoning_effort") => "reasoning.effort",
        (Some(Dialect::OpenaiResponses), "verbosity") => "text.verbosity",
        (Some(Dialect::Anthropic), "reasoning_effort") => "thinking",
        (Some(Dialect::Anthropic), "stop") => "stop_sequences",
        _ => field,
    }
}

fn gemini(field: &'static str) -> &'static str {
    match field {
        "temperature" => "generationConfig.temperature",
        "top_p" => "generationConfig.topP",
        "top_k" => "generationConfig.topK",
        "seed" => "generationConfig.seed",
        "frequency_penalty" => "generationConfig.frequencyPenalty",
        "presence_penalty" => "generationConfig.presencePenalty",
        "stop" => "generationConfig.stopSequences",
        "reasoning_effort" => "generationConfig.thinkingConfig",
        "tool_choice" => "toolConfig.functionCallingConfig",
        "metadata" => "labels",
        other => other,
    }
}
