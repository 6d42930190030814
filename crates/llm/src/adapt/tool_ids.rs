//! Ids of tool calls that the target would refuse, changed in calls and results alike (case 40).

use super::fingerprint::fingerprint;
use crate::Dialect;
use crate::hub::{ChatRequest, Part};

/// Changes the ids that `target` refuses. The same id always becomes the same id, so pairs stay pairs and the prompt's
/// beginning stays the same from turn to turn.
pub(super) fn sanitise(request: &mut ChatRequest, target: Dialect) {
    let longest = match target {
        // "Expected a string with maximum length 40" and "64" are what the two say.
        Dialect::OpenaiChat => 40,
        Dialect::OpenaiResponses | Dialect::Anthropic => 64,
        // Pairs by name and place; ids are free text where they are taken at all.
        Dialect::Gemini => return,
    };
    for part in request.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        let id = match part {
            Part::ToolCall(call) => &mut call.id,
            Part::ToolResult(result) => &mut result.call_id,
            _ => continue,
        };
        if !is_acceptable(id, longest) {
            *id = replacement(id, longest);
        }
    }
}

fn is_acceptable(id: &str, longest: usize) -> bool {
    (1..=longest).contains(&id.len()) && id.bytes().all(is_plain)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The readable beginning of the id and a mark of the whole.
fn replacement(id: &str, longest: usize) -> String {
    let mark = fingerprint(id);
    let head: String = id
        .chars()
        .map(|sign| if sign.is_ascii() && is_plain(sign as u8) { sign } else { '_' })
        .take(longest - mark.len() - 1)
        .collect();
    format!("{head}_{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Role, ToolCall, ToolResult, Turn};

    fn sanitised(id: &str, target: Dialect) -> (String, String) {
        let call = Part::ToolCall(ToolCall { id: id.into(), ..ToolCall::default() });
        let result = Part::ToolResult(ToolResult { call_id: id.into(), ..ToolResult::default() });
        let turn = |role, part| Turn { role, parts: vec![part], name: None };
        let turns = vec![turn(Role::Assistant, call), turn(Role::User, result)];
        let mut request = ChatRequest { turns, ..ChatRequest::default() };
        sanitise(&mut request, target);
        match (&request.turns[0].parts[0], &request.turns[1].parts[0]) {
            (Part::ToolCall(call), Part::ToolResult(result)) => (call.id.clone(), result.call_id.clone()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn case_40_foreign_ids_are_changed_in_pairs() {
        for target in [Dialect::OpenaiChat, Dialect::OpenaiResponses, Dialect::Anthropic] {
            for id in ["functions.get:0", "grüße", "", &"x".repeat(100), "a|b"] {
                let (call, result) = sanitised(id, target);
                assert_eq!(call, result);
                assert!(is_acceptable(&call, 64), "{call}");
            }
        }
        assert_ne!(sanitised("a.b", Dialect::Anthropic).0, sanitised("a:b", Dialect::Anthropic).0);
    }

    #[test]
    fn good_ids_stay() {
        for id in ["call_1", "toolu_01A09q90qw90lq917835lq9"] {
            assert_eq!(sanitised(id, Dialect::OpenaiChat).0, id);
        }
        assert_eq!(sanitised("any thing", Dialect::Gemini).0, "any thing");
        let long = "x".repeat(41);
        assert_eq!(sanitised(&long, Dialect::OpenaiResponses).0, long);
        assert_eq!(sanitised(&long, Dialect::OpenaiChat).0.len(), 40);
    }
}
