//! Reading callers' requests.

use serde_json::{Value, json};

use super::request;
use crate::hub::{
    ChatRequest, MediaKind, MediaSource, OutputFormat, Part, Role, Tool, ToolChoice, ToolKind, ToolResult,
};
use crate::openai_responses::{decode_request, stateful_field};
use crate::{BadRequest, Dialect};

fn refused(json: &Value) -> BadRequest {
    decode_request::decode(json.to_string().as_bytes()).unwrap_err()
}

fn roles(request: &ChatRequest) -> Vec<Role> {
    request.turns.iter().map(|turn| turn.role).collect()
}

#[test]
fn a_string_and_instructions_become_two_turns() {
    let request = request(&json!({"model": "m", "instructions": "be brief", "input": "hi", "stream": true}));
    assert_eq!(roles(&request), [Role::System, Role::User]);
    assert_eq!(request.turns[0].parts, [Part::text("be brief")]);
    assert_eq!(request.turns[1].parts, [Part::text("hi")]);
    assert!(request.stream);
    assert_eq!(request.unmapped.dialect, Some(Dialect::OpenaiResponses));
}

#[test]
fn case_45_a_turn_of_calls_and_one_of_results() {
    let request = request(&json!({"model": "m", "input": [
        {"role": "user", "content": "weather?"},
        {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA",
         "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]},
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
         "content": [{"type": "output_text", "text": "wait", "annotations": []}]},
        {"type": "function_call", "id": "fc_1", "status": "completed", "call_id": "c1", "name": "w", "arguments": "{\"a\":1}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "code", "input": "x = 1"},
        {"type": "function_call_output", "call_id": "c1", "output": "sun"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "ok"}]},
        {"role": "developer", "content": [{"type": "input_text", "text": "go on"}]}
    ]}));
    assert_eq!(roles(&request), [Role::User, Role::Assistant, Role::User, Role::Developer]);
    let [Part::Reasoning(thought), Part::Text { text, .. }, Part::ToolCall(first), Part::ToolCall(second)] =
        request.turns[1].parts.as_slice()
    else {
        panic!("{:?}", request.turns[1].parts)
    };
    assert_eq!((thought.text.as_str(), thought.is_summary), ("a\n\nb", true));
    assert_eq!(thought.encrypted.as_deref(), Some("gAAA"));
    assert_eq!(thought.origin, Some(Dialect::OpenaiResponses));
    assert_eq!(text, "wait");
    assert_eq!((first.id.as_str(), first.arguments.as_str()), ("c1", "{\"a\":1}"));
    assert_eq!((second.arguments.as_str(), second.kind), ("x = 1", ToolKind::Custom));
    let [Part::ToolResult(ToolResult { name, .. }), Part::ToolResult(custom)] =
        request.turns[2].parts.as_slice()
    else {
        panic!("{:?}", request.turns[2].parts)
    };
    assert_eq!(name.as_deref(), Some("w"));
    assert_eq!((custom.kind, custom.joined_text().as_str()), (ToolKind::Custom, "ok"));
    assert_eq!(request.unmapped.fields, []);
}

#[test]
fn images_files_and_sounds() {
    let request = request(&json!({"model": "m", "input": [{"role": "user", "content": [
        {"type": "input_image", "image_url": "data:image/webp;base64,QUJD", "detail": "low"},
        {"type": "input_image", "image_url": "https://x.y/z.png"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "QUJD"},
        {"type": "input_file", "file_id": "file-1"},
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "mp3"}}
    ]}]}));
    let media: Vec<_> = request.turns[0]
        .parts
        .iter()
        .map(|part| match part {
            Part::Media(media) => (media.kind, media.mime.as_deref(), media.source.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    let inline = || MediaSource::Base64("QUJD".into());
    assert_eq!(media[0], (MediaKind::Image, Some("image/webp"), inline()));
    assert_eq!(media[1], (MediaKind::Image, None, MediaSource::Url("https://x.y/z.png".into())));
    assert_eq!(media[2], (MediaKind::Document, Some("application/pdf"), inline()));
    assert_eq!(media[3], (MediaKind::Document, None, MediaSource::FileId("file-1".into())));
    assert_eq!(media[4], (MediaKind::Audio, Some("audio/mpeg"), inline()));
}

#[test]
fn case_52_unknown_items_blocks_and_tools_stay_as_they_are() {
    let search = json!({"type": "web_search_call", "id": "ws_1", "status": "completed"});
    let block = json!({"type": "new_block", "x": 1});
    let tool = json!({"type": "computer_use", "display": [1, 2]});
    let request = request(&json!({"model": "m", "tools": [tool], "input": [
        search, {"role": "user", "content": [block]}
    ]}));
    let opaque = |name: &str, json: &Value| Part::Opaque {
        dialect: Dialect::OpenaiResponses,
        name: name.into(),
        json: json.clone(),
    };
    assert_eq!(request.turns[0].parts, [opaque("input[0] (web_search_call)", &search)]);
    assert_eq!(request.turns[1].parts, [opaque("input[1].content[0] (new_block)", &block)]);
    let dialect = Dialect::OpenaiResponses;
    assert_eq!(request.tools, [Tool::Opaque { dialect, name: "tools[0] (computer_use)".into(), json: tool }]);
}

#[test]
fn case_43_every_form_of_tool_choice() {
    let choice = |value: Value| request(&json!({"model": "m", "input": "x", "tool_choice": value}));
    assert_eq!(choice(json!("required")).tool_choice, Some(ToolChoice::Required));
    let named = choice(json!({"type": "function", "name": "f"}));
    assert_eq!(named.tool_choice, Some(ToolChoice::Named("f".into())));
    let tools = json!([{"type": "function", "name": "f"}]);
    let allowed = choice(json!({"type": "allowed_tools", "mode": "required", "tools": tools}));
    let expected = ToolChoice::Allowed { names: vec!["f".into()], required: true };
    assert_eq!(allowed.tool_choice, Some(expected));
    let hosted = choice(json!({"type": "file_search"}));
    assert_eq!(hosted.tool_choice, None);
    assert_eq!(hosted.unmapped.fields, [("tool_choice".to_owned(), json!({"type": "file_search"}))]);
}

#[test]
fn settings_are_mapped_and_the_rest_is_kept_by_name() {
    let format = json!({"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true});
    let tool =
        json!({"type": "function", "name": "f", "parameters": {"type": "object"}, "defer_loading": true});
    let request = request(&json!({"model": "m", "input": "x", "temperature": 1, "max_output_tokens": 100,
        "text": {"format": format, "verbosity": "low"}, "metadata": {"a": "b"},
        "reasoning": {"effort": "xhigh", "summary": "auto", "context": "auto"}, "safety_identifier": "u1",
        "store": false, "service_tier": "flex", "prompt_cache_key": "k", "truncation": "auto", "include": ["x"],
        "background": false, "tools": [tool]
    }));
    assert_eq!(request.sampling.temperature, Some(1.0));
    let Some(OutputFormat::JsonSchema { name, strict, .. }) = request.format else { panic!() };
    assert_eq!((name.as_deref(), strict), (Some("n"), Some(true)));
    let wish = request.reasoning.unwrap();
    assert_eq!((wish.effort.as_deref(), wish.summary.as_deref()), (Some("xhigh"), Some("auto")));
    assert_eq!(wish.show, Some(true));
    assert_eq!(request.end_user.as_deref(), Some("u1"));
    assert_eq!(request.metadata, [("a".to_owned(), "b".to_owned())]);
    let names: Vec<_> = request.unmapped.fields.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(names, ["truncation", "include", "tools[0].defer_loading", "reasoning.context"]);
}

#[test]
fn bad_fields_are_named() {
    let item = |item: Value| json!({"model": "m", "input": [item]});
    let with = |name: &str, value: Value| json!({"model": "m", "input": "x", name: value});
    let block = |block: Value| item(json!({"role": "user", "content": [block]}));
    let cases = [
        (json!({"input": "x"}), "model"),
        (json!({"model": "m"}), "input"),
        (json!({"model": "m", "input": []}), "input"),
        (json!({"model": "m", "input": 5}), "input"),
        (item(json!({"role": "tool", "content": "x"})), "input[0].role"),
        (block(json!({"type": "input_text"})), "input[0].content[0].text"),
        (block(json!({"type": "input_image"})), "input[0].content[0].image_url"),
        (item(json!({"x": 1})), "input[0].type"),
        (item(json!("x")), "input[0]"),
        (item(json!({"type": "function_call", "call_id": "c", "name": "f"})), "input[0].arguments"),
        (item(json!({"type": "function_call_output", "output": "x"})), "input[0].call_id"),
        (with("max_output_tokens", json!(-1)), "max_output_tokens"),
        (with("max_output_tokens", json!(1.5)), "max_output_tokens"),
        (with("tools", json!([{"type": "function"}])), "tools[0].name"),
        (with("tools", json!({})), "tools"),
        (with("tool_choice", json!("any")), "tool_choice"),
        (with("text", json!({"format": {"type": "json_schema"}})), "text.format.name"),
        (with("metadata", json!({"a": 1})), "metadata.a"),
        (
            json!({"model": "m", "input": "x", "previous_response_id": "r", "conversation": "c"}),
            "conversation",
        ),
    ];
    for (body, param) in cases {
        assert_eq!(refused(&body).param.as_deref(), Some(param), "{body}");
    }
    assert_eq!(decode_request::decode(b"[").unwrap_err().param, None);
}

#[test]
fn what_only_the_provider_can_serve_is_known() {
    let field = |extra: Value| {
        let mut body = json!({"model": "m", "input": "x"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        stateful_field(&request(&body))
    };
    assert_eq!(field(json!({"previous_response_id": null, "background": false, "store": true})), None);
    assert_eq!(field(json!({"previous_response_id": "resp_1"})), Some("previous_response_id"));
    assert_eq!(field(json!({"conversation": {"id": "c"}})), Some("conversation"));
    assert_eq!(field(json!({"prompt": {"id": "p"}})), Some("prompt"));
    assert_eq!(field(json!({"background": true})), Some("background"));
    let reference = json!({"input": [{"type": "item_reference", "id": "msg_1"}]});
    assert_eq!(field(reference), Some("input (item_reference)"));
    let without_input = request(&json!({"model": "m", "previous_response_id": "resp_1"}));
    assert_eq!(without_input.turns, []);
}
