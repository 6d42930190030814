//! Why an answer ended, in both directions.

use crate::hub::StopReason;

/// The `finish_reason` that tells `stop` to a caller. OpenAI's list is closed, so:
///
/// | hub | `finish_reason` |
/// | --- | --- |
/// | `Stop`, `StopSequence`, `Pause` | `stop` |
/// | `Length`, `ContextWindow` | `length` |
/// | `ToolCalls` | `tool_calls` |
/// | `ContentFilter`, `Refusal` | `content_filter` |
/// | `Other` | `content_filter`: something at the provider stopped the answer, and `stop` would call it whole |
pub fn finish_reason(stop: &StopReason) -> &'static str {
    match stop {
        StopReason::Stop | StopReason::StopSequence(_) | StopReason::Pause => "stop",
        StopReason::Length | StopReason::ContextWindow => "length",
        StopReason::ToolCalls => "tool_calls",
        StopReason::ContentFilter | StopReason::Refusal | StopReason::Other(_) => "content_filter",
    }
}

/// What a provider's `finish_reason` means. `has_calls`: the answer holds tool calls; many servers then still say
/// `stop` (case 22). Besides OpenAI's words those of servers that pass their engine's words on.
pub fn stop_reason(reason: &str, has_calls: bool) -> StopReason {
    match reason {
        "stop" | "eos" | "eos_token" | "end_turn" | "STOP" if has_calls => StopReason::ToolCalls,
        "stop" | "eos" | "eos_token" | "end_turn" | "STOP" => StopReason::Stop,
        "stop_sequence" => StopReason::StopSequence(None),
        "length" | "max_tokens" | "MAX_TOKENS" => StopReason::Length,
        "model_length" => StopReason::ContextWindow,
        "tool_calls" | "function_call" | "tool_use" => StopReason::ToolCalls,
        "content_filter" | "SAFETY" => StopReason::ContentFilter,
        "refusal" => StopReason::Refusal,
        other => StopReason::Other(other.to_owned()),
    }
}

/// Whether a `finish_reason` says that the provider failed: OpenRouter's `error`, DeepSeek's
/// `insufficient_system_resource`. Such an end must not look like a finished answer (case 14).
pub(super) fn is_failure(reason: &str) -> bool {
    matches!(reason, "error" | "insufficient_system_resource")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_22_stop_after_a_tool_call_means_tool_calls() {
        assert_eq!(stop_reason("stop", true), StopReason::ToolCalls);
        assert_eq!(stop_reason("stop", false), StopReason::Stop);
        assert_eq!(stop_reason("length", true), StopReason::Length);
    }

    #[test]
    fn every_reason_has_a_word_of_the_closed_list() {
        for (stop, word) in [
            (StopReason::Refusal, "content_filter"),
            (StopReason::ContextWindow, "length"),
            (StopReason::Pause, "stop"),
            (StopReason::StopSequence(Some("x".into())), "stop"),
            (StopReason::Other("OTHER".into()), "content_filter"),
            (StopReason::ToolCalls, "tool_calls"),
        ] {
            assert_eq!(finish_reason(&stop), word);
        }
    }
}
