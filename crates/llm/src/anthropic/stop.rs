//! Stop reasons, both ways.

use crate::hub::StopReason;

/// Reads `stop_reason` and `stop_sequence`.
pub(super) fn decode(reason: &str, sequence: Option<String>) -> StopReason {
    match reason {
        "end_turn" => StopReason::Stop,
        "stop_sequence" => StopReason::StopSequence(sequence),
        "max_tokens" => StopReason::Length,
        "tool_use" => StopReason::ToolCalls,
        "refusal" => StopReason::Refusal,
        "pause_turn" => StopReason::Pause,
        "model_context_window_exceeded" => StopReason::ContextWindow,
        other => StopReason::Other(other.to_owned()),
    }
}

/// Writes `stop_reason` and `stop_sequence`. A filter's stop is a `refusal`; a reason that nobody here knows is told as
/// the provider wrote it, not made up.
pub(super) fn encode(stop: &StopReason) -> (&str, Option<&str>) {
    match stop {
        StopReason::Stop => ("end_turn", None),
        StopReason::StopSequence(sequence) => ("stop_sequence", sequence.as_deref()),
        StopReason::Length => ("max_tokens", None),
        StopReason::ToolCalls => ("tool_use", None),
        StopReason::ContentFilter | StopReason::Refusal => ("refusal", None),
        StopReason::Pause => ("pause_turn", None),
        StopReason::ContextWindow => ("model_context_window_exceeded", None),
        StopReason::Other(reason) => (reason, None),
    }
}
