//! Why an answer ended, in this dialect: a `status` and, when incomplete, a reason.

use serde_json::Value;

use crate::hub::StopReason;

/// How an answer's end is told.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome<'a> {
    /// `completed` or `incomplete`.
    pub(super) status: &'static str,
    /// `incomplete_details.reason`.
    pub(super) reason: Option<&'a str>,
}

/// Reads the end of an answer that did not fail (case 15).
pub(super) fn read(status: &str, response: &Value, has_calls: bool) -> StopReason {
    match status {
        "incomplete" => match response["incomplete_details"]["reason"].as_str() {
            Some("max_output_tokens") | None => StopReason::Length,
            Some("content_filter") => StopReason::ContentFilter,
            Some(other) => StopReason::Other(other.to_owned()),
        },
        _ if has_calls => StopReason::ToolCalls,
        _ => StopReason::Stop,
    }
}

/// Writes the end of an answer. A refusal in words is a completed answer here; a refusal without words is the filter's
/// doing. A paused turn or an unknown reason is `incomplete` with that word: the model was not done.
pub(super) fn write(stop: &StopReason, has_refusal: bool) -> Outcome<'_> {
    let reason = match stop {
        StopReason::Stop | StopReason::StopSequence(_) | StopReason::ToolCalls => None,
        StopReason::Refusal if has_refusal => None,
        StopReason::Length | StopReason::ContextWindow => Some("max_output_tokens"),
        StopReason::ContentFilter | StopReason::Refusal => Some("content_filter"),
        StopReason::Pause => Some("pause"),
        StopReason::Other(reason) => Some(reason.as_str()),
    };
    Outcome { status: if reason.is_some() { "incomplete" } else { "completed" }, reason }
}
