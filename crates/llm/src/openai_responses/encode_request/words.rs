//! What a caller calls the things that this dialect cannot say.

use crate::Dialect;

/// A setting without a word in this dialect, or one that cannot be kept as it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Setting {
    Stop,
    TopK,
    Seed,
    FrequencyPenalty,
    PresencePenalty,
    MaxOutputTokens,
    EndUser,
    ServiceTier,
    ToolChoice,
    ParallelToolCalls,
    PromptCacheKey,
    Metadata,
    Store,
}

/// The caller's path of a setting.
pub(super) fn path(dialect: Option<Dialect>, setting: Setting) -> &'static str {
    match dialect {
        Some(Dialect::Anthropic) => match setting {
            Setting::Stop => "stop_sequences",
            Setting::MaxOutputTokens => "max_tokens",
            Setting::EndUser => "metadata.user_id",
            Setting::ParallelToolCalls => "tool_choice.disable_parallel_tool_use",
            other => common(other),
        },
        Some(Dialect::Gemini) => match setting {
            Setting::Stop => "generationConfig.stopSequences",
            Setting::TopK => "generationConfig.topK",
            Setting::Seed => "generationConfig.seed",
            Setting::FrequencyPenalty => "generationConfig.frequencyPenalty",
            Setting::PresencePenalty => "generationConfig.presencePenalty",
            Setting::MaxOutputTokens => "generationConfig.maxOutputTokens",
            Setting::ToolChoice => "toolConfig.functionCallingConfig",
            other => common(other),
        },
        Some(Dialect::OpenaiResponses) => match setting {
            Setting::MaxOutputTokens => "max_output_tokens",
            other => common(other),
        },
        Some(Dialect::OpenaiChat) | None => common(setting),
    }
}

fn common(setting: Setting) -> &'static str {
    match setting {
        Setting::Stop => "stop",
        Setting::TopK => "top_k",
        Setting::Seed => "seed",
        Setting::FrequencyPenalty => "frequency_penalty",
        Setting::PresencePenalty => "presence_penalty",
        Setting::MaxOutputTokens => "max_completion_tokens",
        Setting::EndUser => "safety_identifier",
        Setting::ServiceTier => "service_tier",
        Setting::ToolChoice => "tool_choice",
        Setting::ParallelToolCalls => "parallel_tool_calls",
        Setting::PromptCacheKey => "prompt_cache_key",
        Setting::Metadata => "metadata",
        Setting::Store => "store",
    }
}
