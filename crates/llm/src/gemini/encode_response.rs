//! Writes a whole answer for a caller.

use serde_json::{Value, json};

use super::encode_request::write_media;
use super::{arguments_object, citations, finish, proto, usage};
use crate::Dialect;
use crate::codec::Reply;
use crate::hub::{ChatResponse, Part, Reasoning, ToolCall, ToolKind};

/// Writes the JSON body.
pub fn encode(response: &ChatResponse, reply: &Reply) -> Vec<u8> {
    let parts: Vec<Value> = response.parts.iter().filter_map(part).collect();
    let mut content = json!({});
    if !parts.is_empty() {
        content["parts"] = Value::Array(parts);
    }
    content["role"] = json!("model");
    let mut candidate = json!({ "content": content, "finishReason": finish::encode(&response.stop) });
    let sources = response.parts.iter().flat_map(|part| match part {
        Part::Text { citations, .. } => citations.as_slice(),
        _ => &[],
    });
    if let Some(metadata) = citations::encode(sources) {
        candidate["citationMetadata"] = metadata;
    }
    candidate["index"] = json!(0);
    let mut body = json!({ "candidates": [candidate] });
    if let Some(report) = &response.usage {
        body["usageMetadata"] = json!(usage::encode(report));
    }
    body["modelVersion"] = or(&response.model, &reply.model).into();
    body["responseId"] = or(&response.id, &reply.id).into();
    body.to_string().into_bytes()
}

/// What was told, or what is known where nothing was.
pub(crate) fn or<'a>(told: &'a str, known: &'a str) -> &'a str {
    if told.is_empty() { known } else { told }
}

/// A part of the answer; `None` for what Gemini has no word for.
fn part(part: &Part) -> Option<Value> {
    match part {
        Part::Text { text, .. } | Part::Refusal(text) => Some(json!({ "text": text })),
        Part::Media(media) => write_media(media),
        Part::Reasoning(reasoning) => thought(reasoning),
        Part::ToolCall(call) => Some(function_call(call)),
        Part::Opaque { dialect: Dialect::Gemini, json, .. } => Some(json.clone()),
        Part::Opaque { .. } | Part::ToolResult(_) => None,
    }
}

/// A thought. Another dialect's seal is not shown: it would come back as Gemini's own.
fn thought(reasoning: &Reasoning) -> Option<Value> {
    let is_own = reasoning.origin == Some(Dialect::Gemini);
    let seal = reasoning.signature.as_deref().filter(|seal| is_own && proto::is_base64(seal));
    let mut part = json!({ "text": reasoning.text });
    if !reasoning.text.is_empty() {
        part["thought"] = json!(true);
    } else if seal.is_none() {
        return None;
    }
    if let Some(seal) = seal {
        part["thoughtSignature"] = seal.into();
    }
    Some(part)
}

fn function_call(call: &ToolCall) -> Value {
    let args = match call.kind {
        ToolKind::Function => arguments_object(&call.arguments),
        ToolKind::Custom => json!({ "input": call.arguments }),
    };
    let mut wire = json!({});
    if !call.id.is_empty() {
        wire["id"] = call.id.as_str().into();
    }
    wire["name"] = call.name.as_str().into();
    wire["args"] = args;
    let mut part = json!({ "functionCall": wire });
    if let Some(seal) = call.signature.as_deref().filter(|seal| proto::is_base64(seal)) {
        part["thoughtSignature"] = seal.into();
    }
    part
}

#[cfg(test)]
mod tests {
    use super::super::decode_response;
    use super::*;
    use crate::hub::{Citation, StopReason};
    use crate::usage::Usage;

    #[test]
    fn an_answer_comes_back_as_it_was() {
        let thought = Reasoning { text: "hm".into(), origin: Some(Dialect::Gemini), ..Reasoning::default() };
        let call = ToolCall {
            id: "c1".into(),
            name: "look".into(),
            arguments: r#"{"at":1}"#.into(),
            signature: Some("AAA=".into()),
            ..ToolCall::default()
        };
        let response = ChatResponse {
            id: "r1".into(),
            model: "gemini-2.5-pro".into(),
            parts: vec![Part::Reasoning(thought), Part::text("yes"), Part::ToolCall(call)],
            stop: StopReason::ToolCalls,
            usage: Some(Usage { input: 3, output: 4, reasoning: 1, ..Usage::default() }),
            created: None,
        };
        let wire = encode(&response, &Reply::default());
        assert_eq!(decode_response::decode(&wire).unwrap(), response);
    }

    fn written(part: Part) -> Value {
        let response = ChatResponse { parts: vec![part], ..ChatResponse::default() };
        serde_json::from_slice(&encode(&response, &Reply::default())).unwrap()
    }

    #[test]
    fn case_49_arguments_that_are_no_object_do_not_abort_the_answer() {
        let call = ToolCall { name: "f".into(), arguments: "{\"a\": ".into(), ..ToolCall::default() };
        let wire = written(Part::ToolCall(call));
        let args = &wire["candidates"][0]["content"]["parts"][0]["functionCall"]["args"];
        assert_eq!(*args, json!({ "_raw_arguments": "{\"a\": " }));
    }

    #[test]
    fn case_32_citations_are_kept() {
        let source = Citation { url: Some("https://a".into()), end: Some(3), ..Citation::default() };
        let wire = written(Part::Text { text: "abc".into(), citations: vec![source], cache: None });
        let sources = &wire["candidates"][0]["citationMetadata"]["citationSources"];
        assert_eq!(*sources, json!([{ "uri": "https://a", "endIndex": 3 }]));
    }

    #[test]
    fn case_55_seals_of_others_and_broken_ones_are_not_shown() {
        let seal = |signature: &str, origin| {
            let signature = Some(signature.to_owned());
            thought(&Reasoning { signature, origin: Some(origin), ..Reasoning::default() })
        };
        assert_eq!(seal("AAA=", Dialect::Anthropic), None);
        assert_eq!(seal("no base64!", Dialect::Gemini), None);
        assert!(seal("AAA=", Dialect::Gemini).is_some());
    }
}
