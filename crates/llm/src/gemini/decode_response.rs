//! Reads a provider's whole answer.

use serde_json::Value;
use tidegate_core::FaultKind;

use super::decode_request::PartReader;
use super::{citations, error, finish, proto, usage};
use crate::fault::UpstreamFault;
use crate::hub::{ChatResponse, Part, StopReason};

/// Reads the JSON body. Of several candidates the first is taken.
pub fn decode(body: &[u8]) -> Result<ChatResponse, UpstreamFault> {
    let broken = |how: &str| UpstreamFault::new(FaultKind::Upstream, format!("the provider's answer {how}"));
    let value: Value = serde_json::from_slice(body).map_err(|_| broken("is not JSON"))?;
    if let Some(reported) = error::error_of(&value) {
        return Err(error::from_status(reported, None));
    }
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut response = ChatResponse {
        id: text("responseId"),
        model: text("modelVersion"),
        usage: value.get("usageMetadata").and_then(usage::decode),
        ..ChatResponse::default()
    };
    match value.get("candidates").and_then(|candidates| candidates.get(0)) {
        Some(candidate) => read_candidate(candidate, &mut response)?,
        None if is_blocked(&value) => response.stop = StopReason::ContentFilter,
        None => return Err(broken("has no candidates")),
    }
    Ok(response)
}

/// Whether the prompt was refused: no candidates then, but a `blockReason`.
fn is_blocked(value: &Value) -> bool {
    value.get("promptFeedback").and_then(|feedback| feedback.get("blockReason")).is_some()
}

fn read_candidate(candidate: &Value, response: &mut ChatResponse) -> Result<(), UpstreamFault> {
    let reason = candidate.get("finishReason").and_then(Value::as_str).unwrap_or("STOP");
    if let Some(fault) = finish::fault(reason) {
        return Err(fault);
    }
    let id_prefix = if response.id.is_empty() { String::new() } else { format!("{}_", response.id) };
    let mut reader = PartReader::with_prefix(id_prefix);
    let parts = candidate.get("content").and_then(|content| content.get("parts"));
    let parts = parts.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (index, part) in parts.iter().enumerate() {
        // A part that cannot be read is none of the caller's doing and costs only itself.
        if let Ok(fields) = proto::fields(format!("parts[{index}]"), part.clone()) {
            let _ = reader.part(fields, &mut response.parts);
        }
    }
    cite(candidate, response);
    let called = response.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    response.stop = finish::decode(reason, called).unwrap_or_default();
    Ok(())
}

/// Puts the sources on the last text.
fn cite(candidate: &Value, response: &mut ChatResponse) {
    let last = response.parts.iter_mut().rev().find_map(|part| match part {
        Part::Text { text, citations, .. } => Some((text, citations)),
        _ => None,
    });
    if let Some((text, citations)) = last {
        let (plain, grounding) = (candidate.get("citationMetadata"), candidate.get("groundingMetadata"));
        *citations = citations::decode(plain, grounding, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;
    use crate::gemini::arbitrary;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(value: Value) -> ChatResponse {
        decode(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn case_31_thoughts_texts_and_calls_are_read_in_order() {
        let response = read(json!({
            "candidates": [{"content": {"role": "model", "parts": [
                {"text": "hm", "thought": true},
                {"text": "It is", "thoughtSignature": "AAA="},
                {"functionCall": {"name": "look", "args": {"at": 1}}, "thoughtSignature": "BBB="},
                {"functionCall": {"id": "own", "name": "look"}},
                {"executableCode": {"language": "PYTHON", "code": "1"}},
            ]}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 2},
            "modelVersion": "gemini-3-pro-preview", "responseId": "r-1",
        }));
        assert_eq!((response.stop, response.id.as_str()), (StopReason::ToolCalls, "r-1"));
        let [
            Part::Reasoning(thought),
            Part::Text { text, .. },
            Part::Reasoning(seal),
            Part::ToolCall(first),
            Part::ToolCall(second),
            Part::Opaque { name, .. },
        ] = &response.parts[..]
        else {
            panic!("{:?}", response.parts)
        };
        assert_eq!((thought.text.as_str(), thought.origin), ("hm", Some(Dialect::Gemini)));
        assert_eq!((text.as_str(), seal.signature.as_deref()), ("It is", Some("AAA=")));
        assert_eq!((first.id.as_str(), first.signature.as_deref()), ("call_r-1_0", Some("BBB=")));
        assert_eq!(first.arguments, r#"{"at":1}"#);
        assert_eq!((second.id.as_str(), second.arguments.as_str()), ("own", "{}"));
        assert_eq!(name, "parts[4] (executableCode)");
    }

    #[test]
    fn a_blocked_prompt_is_a_content_filter() {
        let response = read(json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
            "usageMetadata": {"promptTokenCount": 4}}));
        assert_eq!((response.stop, response.usage.unwrap().input), (StopReason::ContentFilter, 4));
    }

    #[test]
    fn fault_47_errors_inside_a_200_are_faults() {
        let busy = br#"[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]"#;
        let fault = decode(busy).unwrap_err();
        assert_eq!((fault.kind, fault.status), (FaultKind::Overloaded, 503));
        assert_eq!(decode(b"<html>").unwrap_err().kind, FaultKind::Upstream);
        assert_eq!(decode(b"{}").unwrap_err().kind, FaultKind::Upstream);
    }

    #[test]
    fn case_14_a_malformed_call_is_a_fault_and_no_stop() {
        let answer = json!({"candidates": [{"content": {}, "finishReason": "MALFORMED_FUNCTION_CALL"}]});
        let fault = decode(answer.to_string().as_bytes()).unwrap_err();
        assert_eq!(
            (fault.kind, fault.code.as_deref()),
            (FaultKind::Upstream, Some("MALFORMED_FUNCTION_CALL"))
        );
    }

    proptest! {
        #[test]
        fn any_json_is_read_without_panic(parts in arbitrary::json(), candidate in arbitrary::json()) {
            let _ = decode(json!({"candidates": [{"content": {"parts": parts}}]}).to_string().as_bytes());
            let _ = decode(json!({"candidates": [candidate]}).to_string().as_bytes());
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
