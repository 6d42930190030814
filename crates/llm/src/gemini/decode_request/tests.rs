//! Requests of Gemini callers, read.

use super::*;
use crate::gemini::arbitrary;
use crate::hub::{MediaKind, MediaSource, OutputFormat, Part, ReasoningWish, Role, Tool, ToolChoice};
use proptest::prelude::*;
use serde_json::json;

fn read(value: Value) -> ChatRequest {
    decode(value.to_string().as_bytes()).unwrap()
}

fn refuse(value: Value) -> BadRequest {
    decode(value.to_string().as_bytes()).unwrap_err()
}

fn with(extra: Value) -> Value {
    let mut body = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

#[test]
fn keys_of_either_style_mean_the_same() {
    let camel = read(with(json!({
        "systemInstruction": {"parts": [{"text": "be brief"}]},
        "generationConfig": {"maxOutputTokens": 5, "topK": 40.0, "stopSequences": ["x"],
            "thinkingConfig": {"includeThoughts": true, "thinkingBudget": -1}},
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}],
    })));
    let snake = read(with(json!({
        "system_instruction": {"parts": {"text": "be brief"}},
        "generation_config": {"max_output_tokens": 5, "top_k": 40, "stop_sequences": ["x"],
            "thinking_config": {"include_thoughts": true, "thinking_budget": -1}},
        "tool_config": {"function_calling_config": {"mode": "any", "allowed_function_names": ["f"]}},
        "tools": {"function_declarations": {"name": "f", "parameters": {"type": "OBJECT"}}},
    })));
    assert_eq!(camel, snake);
    assert_eq!(camel.turns[0].role, Role::System);
    assert_eq!((camel.max_output_tokens, camel.sampling.top_k), (Some(5), Some(40)));
    assert_eq!(camel.tool_choice, Some(ToolChoice::Named("f".into())));
    let wish = ReasoningWish { show: Some(true), dynamic: true, ..ReasoningWish::default() };
    assert_eq!(camel.reasoning, Some(wish));
    assert!(camel.unmapped.fields.is_empty(), "{:?}", camel.unmapped);
}

#[test]
fn case_34_calls_without_ids_are_paired_by_name_and_order() {
    let request = read(json!({"contents": [
        {"role": "user", "parts": [{"text": "go"}]},
        {"role": "model", "parts": [
            {"functionCall": {"name": "a", "args": {"n": 1}}},
            {"functionCall": {"name": "b"}},
            {"functionCall": {"name": "a"}},
        ]},
        {"role": "user", "parts": [{"functionResponse": {"name": "b", "response": {"output": "B"}}}]},
        {"role": "function", "parts": [
            {"functionResponse": {"name": "a", "response": {"result": "A1"}}},
            {"functionResponse": {"name": "a", "response": {"error": "A2"}}},
        ]},
    ]}));
    assert_eq!(request.turns.len(), 3, "results of one step are one turn");
    let parts = request.turns[2].parts.iter();
    let results = parts.map(|part| match part {
        Part::ToolResult(result) => (result.call_id.clone(), result.joined_text(), result.is_error),
        other => panic!("{other:?}"),
    });
    let expected = [("call_1", "B", false), ("call_0", "A1", false), ("call_2", "A2", true)];
    let expected = expected.map(|(id, text, failed)| (id.to_owned(), text.to_owned(), failed));
    assert_eq!(results.collect::<Vec<_>>(), expected);
}

#[test]
fn media_are_read_in_both_forms() {
    let request = read(json!({"contents": [{"parts": [
        {"inlineData": {"mimeType": "image/png", "data": "_-8"}},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/c.mp4"}},
        {"file_data": {"file_uri": "https://generativelanguage.googleapis.com/v1beta/files/x"},
            "videoMetadata": {"fps": 1}},
    ]}]}));
    let parts = request.turns[0].parts.iter();
    let media = parts.map(|part| match part {
        Part::Media(media) => (media.kind, media.source.clone()),
        other => panic!("{other:?}"),
    });
    let media: Vec<_> = media.collect();
    assert_eq!(media[0], (MediaKind::Image, MediaSource::Base64("/+8=".into())));
    assert_eq!(media[1], (MediaKind::Video, MediaSource::Url("gs://b/c.mp4".into())));
    assert!(matches!(media[2].1, MediaSource::FileId(_)));
    assert_eq!(request.unmapped.fields[0].0, "contents[0].parts[2].videoMetadata");
}

#[test]
fn case_52_tools_of_google_stay_as_they_are() {
    let request = read(with(json!({"tools": [
        {"googleSearch": {}, "functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]},
        {"code_execution": {}},
    ]})));
    let names = request.tools.iter().map(|tool| match tool {
        Tool::Function { name, .. } | Tool::Opaque { name, .. } => name.as_str(),
    });
    let names: Vec<_> = names.collect();
    assert_eq!(names, ["f", "tools[0] (googleSearch)", "tools[1] (codeExecution)"]);
    assert_eq!(request.unmapped.fields[0].0, "tools[0].functionDeclarations[0].behavior");
}

#[test]
fn output_formats_are_read() {
    let schema = json!({"type": "OBJECT", "properties": {"a": {"type": "STRING"}}});
    for (config, expected) in [
        (json!({"responseMimeType": "application/json"}), Some(None)),
        (
            json!({"responseMimeType": "application/json", "responseSchema": schema}),
            Some(Some(json!({"type": "object", "properties": {"a": {"type": "string"}}}))),
        ),
        (json!({"responseJsonSchema": {"type": "array"}}), Some(Some(json!({"type": "array"})))),
        (json!({"responseMimeType": "text/plain"}), None),
    ] {
        let got = read(with(json!({"generationConfig": config}))).format.map(|format| match format {
            OutputFormat::JsonObject => None,
            OutputFormat::JsonSchema { schema, .. } => Some(schema),
        });
        assert_eq!(got, expected);
    }
    let config = json!({"responseMimeType": "text/x.enum", "responseSchema": schema});
    let request = read(with(json!({"generationConfig": config})));
    assert_eq!((request.format, request.unmapped.fields.len()), (None, 2));
}

#[test]
fn complaints_name_the_field() {
    let config = |name: &str, value: Value| with(json!({"generationConfig": {name: value}}));
    for (body, param) in [
        (json!({}), "contents"),
        (json!({"contents": []}), "contents"),
        (json!({"contents": "hi"}), "contents"),
        (json!({"contents": [{"role": "system", "parts": []}]}), "contents[0].role"),
        (json!({"contents": [{"parts": [{}]}]}), "contents[0].parts[0]"),
        (json!({"contents": [{"parts": [{"text": 5}]}]}), "contents[0].parts[0].text"),
        (
            json!({"contents": [{"parts": [{"functionCall": {"args": {}}}]}]}),
            "contents[0].parts[0].functionCall.name",
        ),
        (config("maxOutputTokens", json!(-1)), "generationConfig.maxOutputTokens"),
        (config("maxOutputTokens", json!(1.5)), "generationConfig.maxOutputTokens"),
        (
            config("thinkingConfig", json!({"thinkingBudget": -2})),
            "generationConfig.thinkingConfig.thinkingBudget",
        ),
        (
            with(json!({"toolConfig": {"functionCallingConfig": {"mode": "MAYBE"}}})),
            "toolConfig.functionCallingConfig.mode",
        ),
    ] {
        assert_eq!(refuse(body.clone()).param.as_deref(), Some(param), "{body}");
    }
    assert_eq!(decode(b"nope").unwrap_err().param, None);
}

#[test]
fn what_has_no_word_is_unmapped() {
    let request = read(with(json!({"safetySettings": [{}], "labels": {"a": "b"}, "cached_content": "c/1",
        "generationConfig": {"speechConfig": {"x": 1}, "candidateCount": 2, "responseLogprobs": true}})));
    let paths: Vec<_> = request.unmapped.fields.iter().map(|(path, _)| path.as_str()).collect();
    let expected = [
        "generationConfig.candidateCount",
        "generationConfig.speechConfig",
        "generationConfig.responseLogprobs",
        "safetySettings",
        "labels",
        "cachedContent",
    ];
    assert_eq!(paths, expected);
}

proptest! {
    #[test]
    fn any_json_is_read_without_panic(contents in arbitrary::json(), other in arbitrary::json()) {
        let _ = decode(json!({"contents": contents, "tools": other}).to_string().as_bytes());
        let _ = decode(other.to_string().as_bytes());
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
    }
}
