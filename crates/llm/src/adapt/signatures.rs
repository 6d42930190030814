//! Seals that providers put on thoughts and calls, and want back untouched from nobody but their own callers.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use memchr::memmem::Finder;

use crate::Dialect;
use crate::hub::{ChatRequest, ChatResponse, Event, Part, PartStart, Reasoning};
use crate::openai_responses::holds_foreign_seal;
use crate::quirks::Quirks;
use crate::words::thoughts_of;

/// Between a call's id and its packed signature, which was base64.
const PACKED: &str = "__ts_";
/// The same for a signature that was any other text.
const PACKED_TEXT: &str = "__tx_";

/// How thoughts without a seal look that an Anthropic caller got from another provider and gives back.
const UNSIGNED: [&str; 2] = ["\"signature\":\"\"", "\"signature\": \"\""];

/// Whether a body bears the marks of an answer that was translated before: a seal packed into an id or into encrypted
/// thoughts, or an empty seal. Such a body cannot pass through even when the dialects agree, because the provider would
/// refuse it. Cheap; may be true for nothing.
pub fn holds_packed_signature(body: &[u8]) -> bool {
    // Made once: to make a finder costs more than to search a small body. One for two texts that begin alike: a long body
    // is searched once for both.
    static CALLS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("__t"));
    static THOUGHTS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"signature\":"));
    let follows =
        |at: usize, texts: [&str; 2]| texts.iter().any(|text| body[at..].starts_with(text.as_bytes()));
    CALLS.find_iter(body).any(|at| follows(at, [PACKED, PACKED_TEXT]))
        || THOUGHTS.find_iter(body).any(|at| follows(at, UNSIGNED))
        || holds_foreign_seal(body)
}

/// Packs Gemini's signatures of calls into the calls' ids, the one field that every client gives back (case 33).
pub(super) fn pack_response(response: &mut ChatResponse, caller: Dialect) {
    for part in &mut response.parts {
        if let Part::ToolCall(call) = part {
            pack(&mut call.id, &mut call.signature, caller);
        }
    }
}

/// The same for the start of a call in a stream.
pub(super) fn pack_event(event: &mut Event, caller: Dialect) {
    if let Event::PartStart { part: PartStart::ToolCall { id, signature, .. }, .. } = event {
        pack(id, signature, caller);
    }
}

fn pack(id: &mut String, signature: &mut Option<String>, caller: Dialect) {
    if caller == Dialect::Gemini {
        return;
    }
    let Some(signature) = signature.take().filter(|signature| !signature.is_empty()) else { return };
    match STANDARD.decode(&signature) {
        Ok(bytes) => {
            id.push_str(PACKED);
            id.push_str(&URL_SAFE_NO_PAD.encode(bytes));
        }
        Err(_) => {
            id.push_str(PACKED_TEXT);
            id.push_str(&URL_SAFE_NO_PAD.encode(&signature));
        }
    }
}

/// Takes the signatures out of the ids in which they came back.
pub(super) fn unpack(request: &mut ChatRequest, caller: Dialect) {
    if caller == Dialect::Gemini {
        return;
    }
    for part in request.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        match part {
            Part::ToolCall(call) => {
                if let Some((id, signature)) = split(&call.id) {
                    call.id = id;
                    call.signature = Some(signature);
                }
            }
            Part::ToolResult(result) => {
                if let Some((id, _)) = split(&result.call_id) {
                    result.call_id = id;
                }
            }
            _ => {}
        }
    }
}

fn split(packed: &str) -> Option<(String, String)> {
    if let Some((id, signature)) = packed.rsplit_once(PACKED)
        && let Ok(bytes) = URL_SAFE_NO_PAD.decode(signature)
    {
        return Some((id.to_owned(), STANDARD.encode(bytes)));
    }
    let (id, signature) = packed.rsplit_once(PACKED_TEXT)?;
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    Some((id.to_owned(), text))
}

/// Takes seals off thoughts that another dialect than the target's has sealed (case 55), and takes thoughts away that
/// the target then refuses: empty ones everywhere, unsigned ones with Anthropic (case 58). Gives the name of what was
/// lost; a seal that only its maker can read is no loss.
pub(super) fn strip_foreign(
    request: &mut ChatRequest,
    caller: Dialect,
    target: Dialect,
    quirks: Quirks,
) -> Vec<String> {
    let keeps_unsigned = target != Dialect::Anthropic || quirks.keep_unsigned_thinking;
    // Gemini may stand behind a speaker of OpenAI chat that wants thoughts back.
    let keeps_calls = matches!(target, Dialect::Gemini) || caller == target || quirks.replay_reasoning;
    let mut is_lossy = false;
    for turn in &mut request.turns {
        turn.parts.retain_mut(|part| {
            let thoughts = match part {
                Part::Reasoning(thoughts) => thoughts,
                Part::ToolCall(call) if !keeps_calls => {
                    call.signature = None;
                    return true;
                }
                _ => return true,
            };
            if thoughts.origin.unwrap_or(caller) != target {
                thoughts.signature = None;
                thoughts.encrypted = None;
                thoughts.id = None;
            }
            let is_kept = is_sealed(thoughts) || (keeps_unsigned && !thoughts.text.is_empty());
            is_lossy |= !is_kept && !thoughts.text.is_empty();
            is_kept
        });
    }
    request.turns.retain(|turn| !turn.parts.is_empty());
    if is_lossy { vec![thoughts_of(caller).to_owned()] } else { Vec::new() }
}

fn is_sealed(thoughts: &Reasoning) -> bool {
    thoughts.signature.as_ref().is_some_and(|signature| !signature.is_empty())
        || thoughts.encrypted.is_some()
        || thoughts.id.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Role, ToolCall, ToolResult, Turn};
    use proptest::prelude::*;

    fn there_and_back(signature: &str, caller: Dialect) -> (String, ToolCall, String) {
        let call = ToolCall { id: "call_1".into(), signature: Some(signature.into()), ..ToolCall::default() };
        let mut response = ChatResponse { parts: vec![Part::ToolCall(call)], ..ChatResponse::default() };
        pack_response(&mut response, caller);
        let Some(Part::ToolCall(packed)) = response.parts.pop() else { panic!("no call") };
        let id = packed.id.clone();
        let result = ToolResult { call_id: packed.id.clone(), ..ToolResult::default() };
        let parts = vec![Part::ToolCall(packed), Part::ToolResult(result)];
        let mut request = ChatRequest {
            turns: vec![Turn { role: Role::Assistant, parts, name: None }],
            ..ChatRequest::default()
        };
        unpack(&mut request, caller);
        let mut parts = request.turns.remove(0).parts.into_iter();
        match (parts.next(), parts.next()) {
            (Some(Part::ToolCall(call)), Some(Part::ToolResult(result))) => (id, call, result.call_id),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn case_33_a_signature_travels_in_the_id_and_comes_back() {
        let signature = "CiQB+/9AbCw=";
        let (packed, call, result) = there_and_back(signature, Dialect::OpenaiChat);
        assert_eq!(packed, "call_1__ts_CiQB-_9AbCw");
        assert!(holds_packed_signature(format!("{{\"id\":\"{packed}\"}}").as_bytes()));
        assert!(holds_packed_signature(br#"{"type":"thinking","thinking":"hm","signature":""}"#));
        assert!(!holds_packed_signature(br#"{"type":"thinking","thinking":"hm","signature":"c2Vh"}"#));
        assert_eq!(
            (call.id.as_str(), call.signature.as_deref(), result.as_str()),
            ("call_1", Some(signature), "call_1")
        );
    }

    #[test]
    fn case_33_gemini_callers_keep_the_signature_in_its_own_field() {
        let (id, call, _) = there_and_back("abc=", Dialect::Gemini);
        assert_eq!((id.as_str(), call.signature.as_deref()), ("call_1", Some("abc=")));
    }

    #[test]
    fn case_33_a_streamed_call_has_its_signature_packed_too() {
        let part = PartStart::ToolCall {
            id: "c".into(),
            name: "f".into(),
            signature: Some("AAAA".into()),
            kind: Default::default(),
        };
        let mut event = Event::PartStart { index: 0, part };
        pack_event(&mut event, Dialect::Anthropic);
        let Event::PartStart { part: PartStart::ToolCall { id, signature, .. }, .. } = event else {
            panic!()
        };
        assert_eq!((id.as_str(), signature), ("c__ts_AAAA", None));
    }

    fn kept(thoughts: Reasoning, caller: Dialect, target: Dialect, quirks: Quirks) -> Option<Reasoning> {
        let parts = vec![Part::Reasoning(thoughts), Part::text("so")];
        let mut request = ChatRequest {
            turns: vec![Turn { role: Role::Assistant, parts, name: None }],
            ..ChatRequest::default()
        };
        strip_foreign(&mut request, caller, target, quirks);
        request.turns.remove(0).parts.into_iter().find_map(|part| match part {
            Part::Reasoning(thoughts) => Some(thoughts),
            _ => None,
        })
    }

    fn signed(origin: Dialect, text: &str) -> Reasoning {
        Reasoning {
            text: text.into(),
            signature: Some("seal".into()),
            origin: Some(origin),
            ..Reasoning::default()
        }
    }

    #[test]
    fn case_55_foreign_seals_are_stripped() {
        let plain = Quirks::default();
        let foreign = signed(Dialect::Gemini, "hm");
        assert_eq!(kept(foreign.clone(), Dialect::Gemini, Dialect::Anthropic, plain), None);
        let bare = kept(foreign, Dialect::Gemini, Dialect::OpenaiChat, plain).unwrap();
        assert_eq!((bare.text.as_str(), bare.signature), ("hm", None));
        let sealed =
            Reasoning { encrypted: Some("x".into()), id: Some("rs_1".into()), ..Reasoning::default() };
        assert_eq!(kept(sealed, Dialect::OpenaiResponses, Dialect::OpenaiChat, plain), None);
    }

    #[test]
    fn case_54_57_own_seals_stay_even_on_empty_thoughts() {
        for text in ["hm", ""] {
            let own = signed(Dialect::Anthropic, text);
            assert_eq!(
                kept(own.clone(), Dialect::Anthropic, Dialect::Anthropic, Quirks::default()),
                Some(own)
            );
        }
    }

    #[test]
    fn case_58_unsigned_thoughts_go_only_where_they_are_wanted() {
        let unsigned = Reasoning { text: "hm".into(), ..Reasoning::default() };
        let from = Dialect::OpenaiChat;
        assert_eq!(kept(unsigned.clone(), from, Dialect::Anthropic, Quirks::default()), None);
        let wanted = Quirks { keep_unsigned_thinking: true, ..Quirks::default() };
        assert_eq!(kept(unsigned.clone(), from, Dialect::Anthropic, wanted), Some(unsigned));
    }

    proptest! {
        #[test]
        fn any_signature_comes_back(signature in "[A-Za-z0-9+/]{1,40}={0,2}|\\PC{1,20}") {
            let (packed, call, _) = there_and_back(&signature, Dialect::OpenaiChat);
            prop_assert!(packed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)));
            prop_assert_eq!(call.signature, Some(signature));
        }

        #[test]
        fn any_id_is_taken_without_panic(id in "\\PC{0,20}(__t[sx]_)?\\PC{0,20}") {
            split(&id);
        }
    }
}
