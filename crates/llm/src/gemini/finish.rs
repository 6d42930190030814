//! `finishReason`: why an answer ended.

use tidegate_core::FaultKind;

use crate::fault::UpstreamFault;
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
        // OTHER, NO_IMAGE, IMAGE_OTHER and whatever comes.
        other => StopReason::Other(other.to_owned()),
    })
}

/// The fault that a reason stands for: the model said something that is no answer, and a second try may well get one. No
/// other dialect has a word for it, and «stop» would claim that the answer is whole.
pub(crate) fn fault(reason: &str) -> Option<UpstreamFault> {
    let (kind, what) = match reason {
        "MALFORMED_FUNCTION_CALL" => (FaultKind::Upstream, "the model wrote a tool call that cannot be read"),
        "UNEXPECTED_TOOL_CALL" => (FaultKind::Upstream, "the model called a tool that is not on offer"),
        "TOO_MANY_TOOL_CALLS" => (FaultKind::Upstream, "the model called too many tools in a row"),
        "MALFORMED_RESPONSE" => (FaultKind::Upstream, "the model's answer is malformed"),
        "MISSING_THOUGHT_SIGNATURE" => {
            (FaultKind::InvalidRequest, "an earlier tool call lacks its thought signature")
        }
        _ => return None,
    };
    Some(UpstreamFault::new(kind, format!("{what} ({reason})")).with_code(Some(reason.to_owned())))
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
    ["NO_IMAGE", "IMAGE_OTHER"].contains(&reason)
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
            ("NO_IMAGE", false, StopReason::Other("NO_IMAGE".into())),
        ] {
            assert_eq!(decode(wire, called), Some(stop), "{wire}");
        }
        assert_eq!(decode("FINISH_REASON_UNSPECIFIED", false), None);
    }

    #[test]
    fn reasons_without_an_answer_are_faults() {
        for reason in
            ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE"]
        {
            let fault = fault(reason).unwrap();
            assert_eq!((fault.kind, fault.code.as_deref()), (FaultKind::Upstream, Some(reason)));
        }
        assert_eq!(fault("MISSING_THOUGHT_SIGNATURE").unwrap().kind, FaultKind::InvalidRequest);
        assert_eq!(fault("STOP").or(fault("SAFETY")).or(fault("OTHER")), None);
    }

    #[test]
    fn foreign_reasons_become_gemini_words() {
        assert_eq!(encode(&StopReason::ContextWindow), "MAX_TOKENS");
        assert_eq!(encode(&StopReason::Other("weird".into())), "OTHER");
        assert_eq!(encode(&StopReason::Other("NO_IMAGE".into())), "NO_IMAGE");
    }
}
