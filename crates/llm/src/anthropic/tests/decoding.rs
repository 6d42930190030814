//! Requests read.

use serde_json::{Value, json};

use super::read;
use crate::Dialect;
use crate::anthropic::{count_tokens, decode_request};
use crate::hub::{CacheMark, MediaKind, MediaSource, OutputFormat, Part, Role, Tool, ToolChoice};

fn complaint(body: Value) -> (Option<String>, String) {
    let error = decode_request::decode(body.to_string().as_bytes()).unwrap_err();
    (error.param, error.message)
}

#[test]
fn fault_31_complaints_name_the_field() {
    let good = json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]});
    let cases = [
        ("/model", Value::Null, "model"),
        ("/max_tokens", Value::Null, "max_tokens"),
        ("/max_tokens", json!(-1), "max_tokens"),
        ("/max_tokens", json!(1.5), "max_tokens"),
        ("/max_tokens", json!("100"), "max_tokens"),
        ("/messages", json!([]), "messages"),
        ("/messages", Value::Null, "messages"),
        ("/messages", json!("hi"), "messages"),
        ("/messages/0", json!("hi"), "messages[0]"),
        ("/messages/0/role", json!("robot"), "messages[0].role"),
        ("/messages/0/content", json!(7), "messages[0].content"),
        ("/messages/0/content", json!([{"text": "x"}]), "messages[0].content[0].type"),
        ("/messages/0/content", json!([{"type": "text", "text": 1}]), "messages[0].content[0].text"),
        ("/messages/0/content", json!([{"type": "image"}]), "messages[0].content[0].source"),
        (
            "/messages/0/content",
            json!([{"type": "tool_use", "id": "a", "name": "b", "input": 3}]),
            "messages[0].content[0].input",
        ),
    ];
    for (pointer, value, param) in cases {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        assert_eq!(complaint(body).0.as_deref(), Some(param), "{pointer}");
    }
    assert_eq!(complaint(json!([])), (None, "the body must be a JSON object, not an array".to_owned()));
    let thinking = json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}],
        "thinking": {"type": "enabled"}});
    assert_eq!(complaint(thinking).0.as_deref(), Some("thinking.budget_tokens"));
}

#[test]
fn case_65_max_tokens_is_required_but_not_for_counting() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    assert_eq!(complaint(body.clone()), (Some("max_tokens".into()), "`max_tokens` is required".into()));
    assert_eq!(count_tokens::decode(body.to_string().as_bytes()).unwrap().max_output_tokens, None);
    assert_eq!(count_tokens::encode(12), b"{\"input_tokens\":12}");
}

#[test]
fn case_66_each_system_block_is_its_own_text_with_its_mark() {
    let request = read(json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}],
        "system": [{"type": "text", "text": "a"},
                   {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]}));
    let mark = Some(CacheMark { ttl: Some("1h".into()) });
    assert_eq!(request.turns[0].role, Role::System);
    assert_eq!(
        request.turns[0].parts,
        [Part::text("a"), Part::Text { text: "b".into(), citations: vec![], cache: mark }]
    );
}

#[test]
fn case_67_the_billing_header_is_kept_apart() {
    let line = "x-anthropic-billing-header: cc_version=2.1; cch=abc;";
    let request = read(json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}],
        "system": [{"type": "text", "text": line}, {"type": "text", "text": "You are helpful."}]}));
    let Part::Opaque { dialect, name, json } = &request.turns[0].parts[0] else { panic!() };
    assert_eq!((*dialect, name.as_str()), (Dialect::Anthropic, "system[0] (x-anthropic-billing-header)"));
    assert_eq!(json["text"], line);
    assert_eq!(request.turns[0].parts[1], Part::text("You are helpful."));
    let one = read(json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}],
        "system": format!("{line}\nYou are helpful.")}));
    assert_eq!(one.turns[0].parts[1], Part::text("You are helpful."));
}

#[test]
fn case_68_a_plain_string_loses_no_mark_elsewhere() {
    let request = read(json!({"model": "m", "max_tokens": 5,
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "t", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": "plain"}, {"role": "assistant", "content": [
            {"type": "tool_use", "id": "a", "name": "t", "input": {}, "cache_control": {"type": "ephemeral"}}]},
            {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "a", "content": "r", "cache_control": {"type": "ephemeral"}}]}]}));
    let (body, dropped) = super::write(&request, "claude-opus-4-6");
    assert_eq!(body.to_string().matches("\"cache_control\":{\"type\":\"ephemeral\"}").count(), 4);
    assert_eq!(dropped, Vec::<String>::new());
}

#[test]
fn case_45_results_in_several_messages_become_one_turn_and_know_their_tool() {
    let request = read(json!({"model": "m", "max_tokens": 5, "messages": [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}},
                                          {"type": "tool_use", "id": "b", "name": "g", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "1"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "b", "is_error": true}]}]}));
    assert_eq!(request.turns.len(), 2);
    let results: Vec<_> = request.turns[1]
        .parts
        .iter()
        .map(|part| match part {
            Part::ToolResult(result) => (result.name.clone().unwrap(), result.is_error),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(results, [("f".to_owned(), false), ("g".to_owned(), true)]);
}

#[test]
fn every_known_block_is_read_and_every_other_kept() {
    let request = read(json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
        {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
        {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "d"}},
        {"type": "document", "source": {"type": "file", "file_id": "f1"}, "context": "c"},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "x"}]}},
        {"type": "search_result", "title": "t"},
        {"type": "of_tomorrow", "x": 1}]}]}));
    let parts = &request.turns[0].parts;
    assert!(
        matches!(&parts[0], Part::Media(m) if m.kind == MediaKind::Image && m.mime.as_deref() == Some("image/png"))
    );
    assert!(matches!(&parts[1], Part::Media(m) if m.source == MediaSource::Url("https://x/y.png".into())));
    assert!(
        matches!(&parts[2], Part::Media(m) if m.source == MediaSource::Text("d".into()) && m.name.as_deref() == Some("T"))
    );
    assert!(matches!(&parts[3], Part::Media(m) if m.source == MediaSource::FileId("f1".into())));
    let names: Vec<_> = parts[4..]
        .iter()
        .map(|part| match part {
            Part::Opaque { name, .. } => name.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        names,
        [
            "messages[0].content[4] (document)",
            "messages[0].content[5] (search_result)",
            "messages[0].content[6] (of_tomorrow)"
        ]
    );
    assert_eq!(request.unmapped.fields, [("messages[0].content[3].context".to_owned(), json!("c"))]);
}

#[test]
fn case_43_46_52_tools_and_their_choice() {
    let request = read(json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}],
        "tools": [{"name": "f", "description": "d", "strict": true, "input_schema": {"type": "object"}},
                  {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true}}));
    assert_eq!(request.tool_choice, Some(ToolChoice::Required));
    assert_eq!(request.parallel_tool_calls, Some(false));
    assert!(matches!(&request.tools[0], Tool::Function { strict: Some(true), .. }));
    let Tool::Opaque { name, json, .. } = &request.tools[1] else { panic!() };
    assert_eq!(name, "tools[1] (web_search_20250305)");
    assert_eq!(json["max_uses"], 2);
}

#[test]
fn wishes_are_read_and_new_ones_left_over() {
    let request = read(json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}],
        "thinking": {"type": "adaptive", "display": "summarized"},
        "output_config": {"effort": "xhigh", "format": {"type": "json_schema", "schema": {"type": "object"}},
                          "task_budget": {"type": "tokens", "total": 9}},
        "metadata": {"user_id": "u"}, "mcp_servers": [{"name": "s"}], "top_k": 3,
        "stop_sequences": ["END"], "service_tier": "auto"}));
    let wish = request.reasoning.clone().unwrap();
    assert_eq!((wish.effort.as_deref(), wish.dynamic, wish.show), (Some("xhigh"), true, Some(true)));
    assert!(matches!(request.format, Some(OutputFormat::JsonSchema { .. })));
    assert_eq!(request.end_user.as_deref(), Some("u"));
    assert_eq!((request.sampling.top_k, request.stop.as_slice()), (Some(3), &["END".to_owned()][..]));
    let left: Vec<_> = request.unmapped.fields.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(left, ["output_config.task_budget", "mcp_servers"]);
    let new = read(json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}],
        "thinking": {"type": "of_tomorrow"}, "tool_choice": {"type": "vote"}}));
    assert_eq!((new.reasoning, new.tool_choice, new.unmapped.fields.len()), (None, None, 2));
}
