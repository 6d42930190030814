//! Steps on the hub's model that no single dialect can do: names, ids and seals that one side knows and the other refuses.
//! They run on a request before it is encoded for a target of another dialect, and backwards on the answer.

mod fingerprint;
mod signatures;
mod tool_ids;
mod tool_names;

use crate::Dialect;
use crate::hub::{ChatRequest, ChatResponse, Event, Part};
use crate::quirks::Quirks;

pub use signatures::holds_packed_signature;
pub use tool_names::ToolNames;

/// What adapting a request brought about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adapted {
    /// Names that the answer must be given back with.
    pub names: ToolNames,
    /// What was taken away, as [`crate::codec::Encoded::dropped`] names it.
    pub dropped: Vec<String>,
}

/// Makes a request that came in `caller`'s dialect acceptable to `target`. The answer must go through
/// [`adapt_response`] or [`adapt_event`] with the names that are given back.
pub fn adapt_request(request: &mut ChatRequest, caller: Dialect, target: Dialect, quirks: Quirks) -> Adapted {
    signatures::unpack(request, caller);
    let dropped = signatures::strip_foreign(request, caller, target, quirks);
    if caller == target {
        return Adapted { dropped, ..Adapted::default() };
    }
    strip_billing(request);
    tool_ids::sanitise(request, target);
    Adapted { names: ToolNames::adapt(request, target), dropped }
}

/// Gives an answer of `target` back in the words of the caller.
pub fn adapt_response(response: &mut ChatResponse, caller: Dialect, names: &ToolNames) {
    names.restore_response(response);
    signatures::pack_response(response, caller);
}

/// The same for one event of a stream.
pub fn adapt_event(event: &mut Event, caller: Dialect, names: &ToolNames) {
    names.restore_event(event);
    signatures::pack_event(event, caller);
}

/// The changing line that Claude Code puts into its system prompt is addressed to Anthropic's billing, not to a model:
/// elsewhere it goes, and nothing is lost (case 67).
fn strip_billing(request: &mut ChatRequest) {
    for turn in &mut request.turns {
        turn.parts.retain(|part| {
            !matches!(part, Part::Opaque { name, .. } if name.ends_with("(x-anthropic-billing-header)"))
        });
    }
    request.turns.retain(|turn| !turn.parts.is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::decode_request;

    #[test]
    fn case_67_the_billing_line_stays_with_anthropic() {
        let body = br#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"x"}],"system":[
            {"type":"text","text":"x-anthropic-billing-header: cc_version=2.1; cch=1a2b3;"},
            {"type":"text","text":"Be kind."}]}"#;
        let request = decode_request(Dialect::Anthropic, body).unwrap();
        for (target, parts) in [(Dialect::Anthropic, 2), (Dialect::OpenaiChat, 1), (Dialect::Gemini, 1)] {
            let mut adapted = request.clone();
            adapt_request(&mut adapted, Dialect::Anthropic, target, Quirks::default());
            assert_eq!(adapted.turns[0].parts.len(), parts, "{target}");
            assert_eq!(adapted.turns[0].parts.last(), Some(&Part::text("Be kind.")));
        }
    }
}
