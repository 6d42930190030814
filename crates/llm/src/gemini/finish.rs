//! `finishReason`: why an answer ended.

use crate::hub::StopReason;

/// Reads a reason. `None` for no reason at all. `called` says whether the answer has a function call: Gemini says STOP
/// then (case 22).
pub(crate) fn decode(reason: &str, called: bool) -> Option<StopReason> {
    Some(match reason {
        "" | "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" if called => StopReason::ToolCalls,
        "STOP" => StopReason::Stop,
        // CONTINUATION: the limit of one request was reached, the rest can be asked for.
        "MAX_TOKENS" | "CONTINUATION" => StopReason::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR"
        | "ESCALATION"
        | "PUP_LIMITED_DISABLED" => StopReason::ContentFilter,
        // OTHER, MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL, TOO_MANY_TOOL_CALLS, MISSING_THOUGHT_SIGNATURE,
        // MALFORMED_RESPONSE, NO_IMAGE, IMAGE_OTHER and whatever comes.
        other => StopReason::Other(other.to_owned()),
    })
}

/// The reason for a Gemini caller.
pub(crate) fn encode(stop: &StopReason) -> &str {
    match stop {
        StopReason::Stop | StopReason::StopSequence(_) | StopReason::ToolCalls | StopReason::Pause => "STOP",
        StopReason::Length | StopReason::ContextWindow => "MAX_TOKENS",
        StopReason::ContentFilter | StopReason::Refusal => "SAFETY",
        StopReason::Other(reason) if is_known(reason) => reason,
        StopReason::Other(_) => "OTHER",
    }
}

/// Reasons that decode to `Other` and are Gemini's own words.
fn is_known(reason: &str) -> bool {
    [
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
        "NO_IMAGE",
        "IMAGE_OTHER",
    ]
    .contains(&reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_reason_has_a_meaning() {
        for (wire, called, stop) in [
            ("STOP", false, StopReason::Stop),
            ("STOP", true, StopReason::ToolCalls),
            ("MAX_TOKENS", true, StopReason::Length),
            ("SPII", false, StopReason::ContentFilter),
            ("MALFORMED_FUNCTION_CALL", false, StopReason::Other("MALFORMED_FUNCTION_CALL".into())),
        ] {
            assert_eq!(decode(wire, called), Some(stop), "{wire}");
        }
        assert_eq!(decode("FINISH_REASON_UNSPECIFIED", false), None);
    }

    #[test]
    fn foreign_reasons_become_gemini_words() {
        assert_eq!(encode(&StopReason::ContextWindow), "MAX_TOKENS");
        assert_eq!(encode(&StopReason::Other("weird".into())), "OTHER");
        assert_eq!(encode(&StopReason::Other("NO_IMAGE".into())), "NO_IMAGE");
    }
}
