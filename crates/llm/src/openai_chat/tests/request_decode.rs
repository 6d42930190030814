//! Reading requests.

use serde_json::{Value, json};

use super::request;
use crate::Dialect;
use crate::hub::{
    CacheMark, MediaKind, MediaSource, OutputFormat, Part, ReasoningWish, Role, Tool, ToolChoice, ToolKind,
    ToolResult, Turn,
};
use crate::openai_chat::decode_request::decode;

fn with(fields: Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn messages(messages: Value) -> Vec<Turn> {
    request(json!({"model": "m", "messages": messages})).turns
}

fn complaint(body: &Value) -> String {
    decode(body.to_string().as_bytes()).unwrap_err().param.unwrap_or_default()
}

#[test]
fn complaints_name_the_field() {
    let user = |content: Value| json!({"model": "m", "messages": [{"role": "user", "content": content}]});
    for (body, param) in [
        (json!({"messages": []}), "model"),
        (json!({"model": "m"}), "messages"),
        (json!({"model": "m", "messages": null}), "messages"),
        (json!({"model": "m", "messages": []}), "messages"),
        (json!({"model": "m", "messages": "hi"}), "messages"),
        (json!({"model": "m", "messages": ["hi"]}), "messages[0]"),
        (json!({"model": "m", "messages": [{"content": "x"}]}), "messages[0].role"),
        (json!({"model": "m", "messages": [{"role": "robot", "content": "x"}]}), "messages[0].role"),
        (json!({"model": "m", "messages": [{"role": "user"}]}), "messages[0].content"),
        (json!({"model": "m", "messages": [{"role": "tool", "content": "x"}]}), "messages[0].tool_call_id"),
        (user(json!(5)), "messages[0].content"),
        (user(json!([{"type": "text"}])), "messages[0].content[0].text"),
        (user(json!([{"text": "x"}])), "messages[0].content[0].type"),
        (user(json!([{"type": "image_url", "image_url": {}}])), "messages[0].content[0].image_url.url"),
        (user(json!([{"type": "file", "file": {}}])), "messages[0].content[0].file.file_data"),
        (with(json!({"max_tokens": -1})), "max_tokens"),
        (with(json!({"max_completion_tokens": 1.5})), "max_completion_tokens"),
        (with(json!({"max_tokens": 0})), "max_tokens"),
        (with(json!({"n": 0})), "n"),
        (with(json!({"n": "2"})), "n"),
        (with(json!({"temperature": "hot"})), "temperature"),
        (with(json!({"stream": "yes"})), "stream"),
        (with(json!({"stop": [1]})), "stop[0]"),
        (with(json!({"stop": 5})), "stop"),
        (with(json!({"tools": [{"type": "function"}]})), "tools[0].function"),
        (with(json!({"tools": [{"type": "function", "function": {}}]})), "tools[0].function.name"),
        (with(json!({"tool_choice": "maybe"})), "tool_choice"),
        (with(json!({"tool_choice": {"type": "function"}})), "tool_choice.function"),
        (with(json!({"response_format": {"type": "yaml"}})), "response_format.type"),
        (with(json!({"response_format": {"type": "json_schema"}})), "response_format.json_schema"),
        (with(json!({"metadata": {"a": 1}})), "metadata.a"),
    ] {
        assert_eq!(complaint(&body), param, "{body}");
    }
    assert_eq!(decode(b"{").unwrap_err().param, None);
    assert_eq!(decode(b"[]").unwrap_err().message, "the body must be a JSON object, not an array");
}

#[test]
fn every_role_and_part_is_read() {
    let turns = messages(json!([
        {"role": "system", "content": "s"},
        {"role": "developer", "content": [{"type": "text", "text": "d"}]},
        {"role": "user", "name": "ann", "content": [
            {"type": "text", "text": "t"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
            {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "mp3"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,CCCC"}},
            {"type": "file", "file": {"file_id": "file-1"}},
            {"type": "hologram", "x": 1}]},
        {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "no"}]},
    ]));
    let roles: Vec<Role> = turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::System, Role::Developer, Role::User, Role::Assistant]);
    assert_eq!(turns[2].name.as_deref(), Some("ann"));
    let media: Vec<_> = turns[2]
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Media(media) => Some((media.kind, media.mime.as_deref(), media.source.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(
        media,
        [
            (MediaKind::Image, Some("image/png"), MediaSource::Base64("AAAA".into())),
            (MediaKind::Image, None, MediaSource::Url("https://x/y.png".into())),
            (MediaKind::Audio, Some("audio/mpeg"), MediaSource::Base64("BBBB".into())),
            (MediaKind::Document, Some("application/pdf"), MediaSource::Base64("CCCC".into())),
            (MediaKind::Document, None, MediaSource::FileId("file-1".into())),
        ]
    );
    let Some(Part::Opaque { name, dialect, .. }) = turns[2].parts.last() else { panic!("{turns:?}") };
    assert_eq!((name.as_str(), *dialect), ("messages[2].content[6] (hologram)", Dialect::OpenaiChat));
    assert_eq!(turns[3].parts, [Part::text("a"), Part::Refusal("no".into())]);
}

#[test]
fn options_are_read_and_the_rest_is_unmapped() {
    let request = request(with(json!({
        "max_tokens": 7, "max_completion_tokens": 9, "stop": "x", "temperature": 0, "top_k": 3,
        "reasoning_effort": "xhigh", "verbosity": "low", "user": "u", "safety_identifier": "s",
        "metadata": {"a.b": "c"}, "store": false, "service_tier": "flex", "prompt_cache_key": "k",
        "stream": true, "stream_options": {"include_usage": true, "include_obfuscation": false},
        "logit_bias": {"50256": -100}, "n": 1, "logprobs": false, "modalities": ["text"], "prediction": null,
        "web_search_options": {}, "response_format": {"type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": true}}
    })));
    assert_eq!((request.max_output_tokens, request.stop), (Some(9), vec!["x".to_owned()]));
    assert_eq!((request.sampling.temperature, request.sampling.top_k), (Some(0.0), Some(3)));
    assert_eq!(request.reasoning, Some(ReasoningWish { effort: Some("xhigh".into()), ..Default::default() }));
    assert_eq!((request.end_user.as_deref(), request.store), (Some("s"), Some(false)));
    assert_eq!(request.metadata, [("a.b".to_owned(), "c".to_owned())]);
    assert!(request.stream && request.include_usage);
    assert!(matches!(request.format, Some(OutputFormat::JsonSchema { strict: Some(true), .. })));
    let names: Vec<&str> = request.unmapped.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["max_tokens", "user", "logit_bias", "web_search_options"]);
    assert_eq!(request.unmapped.dialect, Some(Dialect::OpenaiChat));
}

#[test]
fn openrouters_reasoning_object_is_read() {
    for (reasoning, wish) in [
        (json!({"effort": "high"}), ReasoningWish { effort: Some("high".into()), ..Default::default() }),
        (
            json!({"max_tokens": 2000, "exclude": true}),
            ReasoningWish { budget: Some(2000), show: Some(false), ..Default::default() },
        ),
        (json!({"enabled": true}), ReasoningWish { dynamic: true, ..Default::default() }),
        (json!({"enabled": false}), ReasoningWish { effort: Some("none".into()), ..Default::default() }),
    ] {
        assert_eq!(request(with(json!({ "reasoning": reasoning }))).reasoning, Some(wish));
    }
}

#[test]
fn case_43_every_tool_choice_is_read() {
    for (choice, read) in [
        (json!("auto"), ToolChoice::Auto),
        (json!("none"), ToolChoice::None),
        (json!("required"), ToolChoice::Required),
        (json!({"type": "function", "function": {"name": "f"}}), ToolChoice::Named("f".into())),
        (json!({"type": "custom", "custom": {"name": "c"}}), ToolChoice::Named("c".into())),
        (
            json!({"type": "allowed_tools", "allowed_tools": {"mode": "required",
                "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "c"}}]}}),
            ToolChoice::Allowed { names: vec!["f".into(), "c".into()], required: true },
        ),
    ] {
        assert_eq!(request(with(json!({"tool_choice": choice}))).tool_choice, Some(read), "{choice}");
    }
}

#[test]
fn case_41_any_is_required() {
    assert_eq!(request(with(json!({"tool_choice": "any"}))).tool_choice, Some(ToolChoice::Required));
}

#[test]
fn case_52_unknown_tools_are_kept_as_they_are() {
    let custom = json!({"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}});
    let tools =
        request(with(json!({"tools": [{"type": "function", "function": {"name": "f"}}, custom]}))).tools;
    let expected =
        Tool::Opaque { dialect: Dialect::OpenaiChat, name: "tools[1] (custom)".into(), json: custom };
    assert_eq!(tools[1], expected);
}

fn call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": format!("fn_{id}"), "arguments": "{\"broken"}})
}

fn result_ids(turn: &Turn) -> Vec<&str> {
    let ids = turn.parts.iter().map(|part| match part {
        Part::ToolResult(ToolResult { call_id, .. }) => call_id.as_str(),
        other => panic!("{other:?}"),
    });
    ids.collect()
}

#[test]
fn case_44_and_45_results_gather_right_behind_their_calls() {
    let turns = messages(json!([
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": null, "tool_calls": [call("a"), call("b")]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "user", "content": "wait"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "2"}]},
    ]));
    assert_eq!(turns.len(), 4);
    assert_eq!(result_ids(&turns[2]), ["a", "b"]);
    assert_eq!(turns[3].parts, [Part::text("wait")]);
    let Part::ToolResult(first) = &turns[2].parts[0] else { panic!() };
    assert_eq!((first.name.as_deref(), first.joined_text()), (Some("fn_a"), "1".to_owned()));
}

#[test]
fn case_49_broken_arguments_are_kept() {
    let turns = messages(json!([{"role": "assistant", "tool_calls": [call("a")]}]));
    let Part::ToolCall(call) = &turns[0].parts[0] else { panic!("{turns:?}") };
    assert_eq!(call.arguments, "{\"broken");
}

#[test]
fn old_functions_become_tools() {
    let request = request(json!({"model": "m", "function_call": {"name": "f"},
        "functions": [{"name": "f", "parameters": {"type": "object"}}],
        "messages": [
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "1"}]}));
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("f".into())));
    assert!(matches!(&request.tools[0], Tool::Function { name, .. } if name == "f"));
    let Part::ToolCall(call) = &request.turns[1].parts[0] else { panic!() };
    assert_eq!(result_ids(&request.turns[2]), [call.id.as_str()]);
}

#[test]
fn custom_calls_and_their_results_stay_custom() {
    let turns = messages(json!([
        {"role": "assistant", "tool_calls": [{"id": "c1", "type": "custom", "custom": {"name": "c", "input": "x = 1"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "ok"}]));
    let Part::ToolCall(call) = &turns[0].parts[0] else { panic!() };
    assert_eq!((call.kind, call.arguments.as_str()), (ToolKind::Custom, "x = 1"));
    let Part::ToolResult(result) = &turns[1].parts[0] else { panic!() };
    assert_eq!(result.kind, ToolKind::Custom);
}

#[test]
fn case_33_seals_of_calls_come_from_either_carrier() {
    let by_extra = json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "S"}}});
    let plain = json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let detail =
        json!([{"type": "reasoning.encrypted", "data": "S", "id": "a", "format": "google-gemini-v1"}]);
    for message in [
        json!({"role": "assistant", "tool_calls": [by_extra]}),
        json!({"role": "assistant", "tool_calls": [plain], "reasoning_details": detail}),
    ] {
        let turns = messages(json!([message]));
        assert!(
            matches!(&turns[0].parts[..], [Part::ToolCall(call)] if call.signature.as_deref() == Some("S"))
        );
    }
}

#[test]
fn case_68_cache_marks_are_read_wherever_they_stand() {
    let mark = Some(CacheMark { ttl: Some("1h".into()) });
    let control = json!({"type": "ephemeral", "ttl": "1h"});
    let request = request(json!({"model": "m", "tools": [
            {"type": "function", "function": {"name": "f"}, "cache_control": control}],
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": control}]},
            {"role": "user", "content": "plain", "cache_control": control}]}));
    assert!(matches!(&request.tools[0], Tool::Function { cache, .. } if *cache == mark));
    for turn in &request.turns {
        assert!(matches!(&turn.parts[0], Part::Text { cache, .. } if *cache == mark), "{turn:?}");
    }
    assert_eq!(request.unmapped.fields, []);
}

#[test]
fn fields_inside_messages_are_unmapped_with_their_path() {
    let request = request(json!({"model": "m", "messages": [
        {"role": "user", "content": [{"type": "text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}]},
        {"role": "assistant", "content": "y", "audio": {"id": "audio_1"}}]}));
    let names: Vec<&str> = request.unmapped.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["messages[0].content[0].prompt_cache_breakpoint", "messages[1].audio"]);
}
