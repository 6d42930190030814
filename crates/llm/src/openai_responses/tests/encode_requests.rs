//! Writing requests for providers.

use serde_json::{Value, json};

use super::{request, write};
use crate::Dialect;
use crate::hub::{
    CacheMark, ChatRequest, Media, MediaKind, MediaSource, Part, Reasoning, ReasoningWish, Role, Sampling,
    Tool, ToolCall, ToolChoice, ToolResult, Turn, Unmapped,
};
use crate::openai_responses::encode_request;
use crate::quirks::{Profile, Quirks};

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, parts, name: None }
}

fn asked(turns: Vec<Turn>) -> ChatRequest {
    let unmapped = Unmapped { dialect: Some(Dialect::Anthropic), fields: Vec::new() };
    ChatRequest { model: "c".into(), turns, unmapped, ..ChatRequest::default() }
}

fn call(id: &str, arguments: &str) -> Part {
    let (id, name) = (id.into(), "w".into());
    Part::ToolCall(ToolCall { id, name, arguments: arguments.into(), ..ToolCall::default() })
}

fn result(id: &str) -> Part {
    let content = vec![Part::text("sun")];
    let (call_id, name) = (id.into(), Some("w".into()));
    Part::ToolResult(ToolResult { call_id, name, content, ..ToolResult::default() })
}

fn sealed(origin: Dialect, encrypted: Option<&str>) -> Part {
    Part::Reasoning(Reasoning {
        text: "hm".into(),
        is_summary: true,
        encrypted: encrypted.map(str::to_owned),
        id: Some("rs_1".into()),
        origin: Some(origin),
        ..Reasoning::default()
    })
}

#[test]
fn case_50_calls_carry_no_role_status_or_made_up_id() {
    let (body, dropped) = write(&asked(vec![
        turn(Role::System, vec![Part::text("be brief")]),
        turn(Role::User, vec![Part::text("weather?")]),
        turn(Role::Assistant, vec![Part::text("wait"), call("c1", "")]),
        turn(Role::User, vec![result("c1"), Part::text("and now?")]),
    ]));
    assert_eq!(dropped, Vec::<String>::new());
    let wait = json!([{"type": "output_text", "text": "wait", "annotations": []}]);
    assert_eq!(
        body,
        json!({"model": "gpt-x", "instructions": "be brief", "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "weather?"}]},
            {"type": "message", "role": "assistant", "content": wait},
            {"type": "function_call", "call_id": "c1", "name": "w", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "sun"},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "and now?"}]}
        ], "store": false})
    );
}

#[test]
fn case_51_a_result_without_its_call_is_told_as_text() {
    let (body, dropped) = write(&asked(vec![turn(Role::User, vec![result("gone")])]));
    let label = json!({"type": "input_text", "text": "Result of the tool w:"});
    let content = json!([label, {"type": "input_text", "text": "sun"}]);
    assert_eq!(body["input"], json!([{"type": "message", "role": "user", "content": content}]));
    assert_eq!(dropped, ["messages[0].content[0] (its call is missing; sent as text)"]);
    let kept = request(&json!({"model": "m", "previous_response_id": "r",
        "input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}));
    let (body, _) = write(&kept);
    assert_eq!(body["input"][0]["type"], "function_call_output");
    assert_eq!(body["previous_response_id"], "r");
}

#[test]
fn case_59_only_our_own_seals_go_back() {
    let thinking = |part| asked(vec![turn(Role::Assistant, vec![part, Part::text("so")])]);
    let (body, dropped) = write(&thinking(sealed(Dialect::OpenaiResponses, Some("gAAA"))));
    let summary = json!([{"type": "summary_text", "text": "hm"}]);
    let item = json!({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "gAAA"});
    assert_eq!(body["input"][0], item);
    assert_eq!(dropped, Vec::<String>::new());
    for part in [sealed(Dialect::Anthropic, Some("abc")), sealed(Dialect::OpenaiResponses, None)] {
        let (body, dropped) = write(&thinking(part));
        assert_eq!(body["input"].as_array().unwrap().len(), 1);
        assert_eq!(dropped, ["messages[].content[] (thinking)"]);
    }
}

#[test]
fn case_60_reasoning_without_its_next_item_is_left_out() {
    let seal = || sealed(Dialect::OpenaiResponses, Some("gAAA"));
    let (body, dropped) = write(&asked(vec![
        turn(Role::Assistant, vec![seal(), Part::text("so"), seal()]),
        turn(Role::User, vec![Part::text("go on")]),
    ]));
    let kinds: Vec<_> = body["input"].as_array().unwrap().iter().map(|item| item["type"].clone()).collect();
    assert_eq!(kinds, ["reasoning", "message", "message"]);
    assert_eq!(dropped, ["messages[].content[] (thinking)"]);
}

#[test]
fn case_61_effort_is_kept_as_written_and_its_seal_asked_for() {
    let wished = |wish: ReasoningWish, store| {
        let mut asked = asked(vec![turn(Role::User, vec![Part::text("x")])]);
        (asked.reasoning, asked.store) = (Some(wish), store);
        write(&asked).0
    };
    let effort = |word: &str| ReasoningWish { effort: Some(word.into()), ..ReasoningWish::default() };
    let body = wished(effort("max"), None);
    assert_eq!((&body["reasoning"]["effort"], &body["store"]), (&json!("max"), &json!(false)));
    assert_eq!(body["include"], json!(["reasoning.encrypted_content"]));
    assert_eq!(wished(effort("high"), Some(true)).get("include"), None);
    assert_eq!(wished(effort("none"), None).get("include"), None);
    let budget = ReasoningWish { budget: Some(8_000), show: Some(true), ..ReasoningWish::default() };
    assert_eq!(wished(budget, None)["reasoning"], json!({"effort": "medium", "summary": "auto"}));
}

#[test]
fn case_42_the_choice_goes_only_with_tools() {
    let mut asked = asked(vec![turn(Role::User, vec![Part::text("x")])]);
    asked.tool_choice = Some(ToolChoice::Required);
    asked.parallel_tool_calls = Some(true);
    let (body, dropped) = write(&asked);
    assert_eq!((body.get("tool_choice"), body.get("parallel_tool_calls")), (None, None));
    assert_eq!(dropped, ["tool_choice"]);
    asked.tools = vec![
        Tool::Function { name: "f".into(), description: None, parameters: None, strict: None, cache: None },
        Tool::Opaque { dialect: Dialect::Anthropic, name: "tools[1] (bash)".into(), json: json!({}) },
    ];
    let (body, dropped) = write(&asked);
    assert_eq!(body["tool_choice"], "required");
    assert_eq!(body["parallel_tool_calls"], true);
    let parameters = json!({"type": "object", "properties": {}});
    let function = json!({"type": "function", "name": "f", "parameters": parameters, "strict": false});
    assert_eq!(body["tools"], json!([function]));
    assert_eq!(dropped, ["tools[1] (bash)"], "case 46");
}

#[test]
fn what_cannot_be_said_is_named_in_the_callers_words() {
    let video = Part::Media(Media {
        kind: MediaKind::Video,
        mime: None,
        source: MediaSource::Url("https://x".into()),
        detail: None,
        name: None,
        cache: Some(CacheMark::default()),
    });
    let mut asked = asked(vec![turn(Role::User, vec![video, Part::text("x")])]);
    asked.stop = vec!["END".into()];
    asked.sampling = Sampling { top_k: Some(5), seed: Some(1), ..Sampling::default() };
    asked.max_output_tokens = Some(1);
    asked.end_user = Some("u".repeat(65));
    asked.service_tier = Some("batch".into());
    asked.unmapped.fields =
        vec![("container".into(), json!("c")), ("n".into(), json!(1)), ("stream_options".into(), json!({}))];
    let (body, dropped) = write(&asked);
    assert_eq!(body["max_output_tokens"], 16);
    let expected = [
        "cache_control",
        "messages[0].content[0] (video)",
        "max_tokens (raised to 16)",
        "metadata.user_id",
        "service_tier",
        "stop_sequences",
        "top_k",
        "seed",
        "container",
    ];
    assert_eq!(dropped, expected);
}

#[test]
fn the_same_dialect_comes_back_as_it_was() {
    let mark = json!({"mode": "explicit", "ttl": "30m"});
    let function = json!({"type": "function", "name": "f", "parameters": {"type": "object"}});
    let body = json!({"model": "gpt-x", "instructions": "be brief",
        "input": [
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "look", "prompt_cache_breakpoint": mark},
                {"type": "input_image", "detail": "low", "image_url": "data:image/png;base64,QUJD"}]},
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {"type": "custom_tool_call", "call_id": "c", "name": "code", "input": "x"},
            {"type": "custom_tool_call_output", "call_id": "c", "output": "y"}
        ],
        "stream": true, "max_output_tokens": 5, "temperature": 0.5,
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "reasoning": {"effort": "low", "context": "auto"},
        "include": ["reasoning.encrypted_content", "file_search_call.results"],
        "store": false, "metadata": {"a": "b"}, "prompt_cache_key": "k", "safety_identifier": "u",
        "service_tier": "ultrafast", "tools": [function, {"type": "custom", "name": "code"}],
        "tool_choice": {"type": "custom", "name": "code"}, "parallel_tool_calls": false, "truncation": "auto"
    });
    let first = request(&body);
    let (written, dropped) = write(&first);
    assert_eq!(dropped, Vec::<String>::new());
    assert_eq!(written, body);
    assert_eq!(request(&written), first);
}

#[test]
fn quirks_leave_out_what_a_server_refuses() {
    let request =
        request(&json!({"model": "m", "store": true, "metadata": {"a": "b"}, "prompt_cache_key": "k",
        "user": "u", "parallel_tool_calls": false, "tools": [{"type": "function", "name": "f"}],
        "input": [{"role": "developer", "content": "a"}, {"role": "user", "content": "b"}]}));
    let quirks = Quirks {
        no_openai_extras: true,
        no_developer_role: true,
        no_parallel_tool_calls: true,
        ..Quirks::default()
    };
    let encoded = encode_request::encode(&request, &Profile { quirks, ..Profile::plain("m") }).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(body["input"][0]["role"], "system");
    for name in ["store", "metadata", "prompt_cache_key", "safety_identifier", "parallel_tool_calls"] {
        assert_eq!(body.get(name), None, "{name}");
    }
    assert_eq!(body["user"], "u");
    assert_eq!(encoded.dropped, ["store", "metadata", "prompt_cache_key", "parallel_tool_calls"]);
}
