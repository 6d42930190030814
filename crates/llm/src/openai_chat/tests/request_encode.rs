//! Writing requests.

use serde_json::{Value, json};

use super::{request, written};
use crate::Dialect;
use crate::hub::{
    CacheMark, ChatRequest, Media, MediaKind, MediaSource, OutputFormat, Part, Reasoning, ReasoningWish,
    Role, Tool, ToolCall, ToolChoice, ToolResult, Turn, Unmapped,
};
use crate::openai_chat::encode_request::encode;
use crate::quirks::{Profile, Quirks};

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, parts, name: None }
}

fn foreign(turns: Vec<Turn>) -> ChatRequest {
    let unmapped = Unmapped { dialect: Some(Dialect::Anthropic), fields: vec![] };
    ChatRequest { turns, unmapped, ..ChatRequest::default() }
}

fn plain(request: &ChatRequest) -> (Value, Vec<String>) {
    written(request, Quirks::default())
}

fn function(name: &str, parameters: Value, strict: Option<bool>) -> Tool {
    Tool::Function { name: name.into(), description: None, parameters: Some(parameters), strict, cache: None }
}

#[test]
fn a_request_of_this_dialect_comes_back_whole() {
    let body = json!({
        "model": "target-model",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "developer", "content": "d"},
            {"role": "user", "content": [{"type": "text", "text": "t"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "mp3"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,CCCC"}},
                {"type": "video_url", "video_url": {"url": "https://x/y.mp4"}}], "name": "ann"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}},
                {"id": "b", "type": "custom", "custom": {"name": "c", "input": "x"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": "2"},
            {"role": "assistant", "content": "done", "audio": {"id": "audio_1"}},
            {"role": "user", "content": [
                {"type": "text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}]}
        ],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        "tools": [
            {"type": "function", "function": {"name": "f", "description": "F", "parameters": {"type": "object"}}},
            {"type": "custom", "custom": {"name": "c"}}],
        "tool_choice": {"type": "custom", "custom": {"name": "c"}},
        "parallel_tool_calls": false,
        "temperature": 1, "top_p": 0.5, "top_k": 4, "seed": 3, "frequency_penalty": 0.5, "presence_penalty": -1,
        "max_completion_tokens": 9, "stop": ["x"], "reasoning_effort": "xhigh", "verbosity": "low", "user": "u",
        "service_tier": "flex", "prompt_cache_key": "k", "metadata": {"a": "b"}, "store": true,
        "stream": true, "stream_options": {"include_usage": true},
        "logit_bias": {"1": 2}, "n": 2, "web_search_options": {"user_location": null}
    });
    let decoded = request(body.clone());
    let (again, dropped) = plain(&decoded);
    assert_eq!(dropped, Vec::<String>::new());
    assert_eq!(again, body);
    assert_eq!(request(again), ChatRequest { model: "target-model".into(), ..decoded });
}

#[test]
fn case_65_the_limit_has_the_name_that_the_target_knows() {
    let request = ChatRequest { max_output_tokens: Some(5), ..foreign(vec![]) };
    assert_eq!(plain(&request).0["max_completion_tokens"], 5);
    let old = written(&request, Quirks { legacy_max_tokens: true, ..Quirks::default() }).0;
    assert_eq!((&old["max_tokens"], old.get("max_completion_tokens")), (&json!(5), None));
}

#[test]
fn case_05_a_stream_always_asks_for_usage() {
    let request = ChatRequest { stream: true, ..foreign(vec![]) };
    assert_eq!(plain(&request).0["stream_options"], json!({"include_usage": true}));
    let quiet = written(&request, Quirks { no_stream_options: true, ..Quirks::default() }).0;
    assert_eq!((&quiet["stream"], quiet.get("stream_options")), (&json!(true), None));
}

#[test]
fn case_42_no_tools_no_choice() {
    let request = ChatRequest {
        tool_choice: Some(ToolChoice::Required),
        parallel_tool_calls: Some(false),
        ..foreign(vec![])
    };
    let (body, dropped) = plain(&request);
    assert_eq!((body.get("tool_choice"), body.get("parallel_tool_calls")), (None, None));
    assert_eq!(dropped, ["tool_choice"]);
}

#[test]
fn case_43_allowed_tools_survive_also_where_they_are_unknown() {
    let request = ChatRequest {
        tools: vec![function("f", json!({}), None), function("g", json!({}), None)],
        tool_choice: Some(ToolChoice::Allowed { names: vec!["g".into()], required: true }),
        parallel_tool_calls: Some(false),
        ..foreign(vec![])
    };
    let body = plain(&request).0;
    assert_eq!(
        body["tool_choice"],
        json!({"type": "allowed_tools", "allowed_tools": {"mode": "required",
            "tools": [{"type": "function", "function": {"name": "g"}}]}})
    );
    assert_eq!((&body["parallel_tool_calls"], body["tools"].as_array().unwrap().len()), (&json!(false), 2));
    let (body, dropped) = written(
        &request,
        Quirks { no_openai_extras: true, no_parallel_tool_calls: true, ..Quirks::default() },
    );
    assert_eq!(
        (&body["tool_choice"], &body["tools"][0]["function"]["name"]),
        (&json!("required"), &json!("g"))
    );
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    assert_eq!(dropped, ["tool_choice.disable_parallel_tool_use"]);
}

#[test]
fn case_44_nothing_stands_between_calls_and_results() {
    let image = Part::Media(Media {
        kind: MediaKind::Image,
        mime: Some("image/png".into()),
        source: MediaSource::Base64("AAAA".into()),
        detail: None,
        name: None,
        cache: None,
    });
    let result = |id: &str, content: Vec<Part>| {
        Part::ToolResult(ToolResult { call_id: id.into(), content, ..ToolResult::default() })
    };
    let call = |id: &str| Part::ToolCall(ToolCall { id: id.into(), name: "f".into(), ..ToolCall::default() });
    let request = foreign(vec![
        turn(Role::Assistant, vec![call("a"), call("b")]),
        turn(
            Role::User,
            vec![Part::text("and?"), result("a", vec![image]), result("b", vec![Part::text("2")])],
        ),
    ]);
    let (body, dropped) = plain(&request);
    let roles: Vec<&str> =
        body["messages"].as_array().unwrap().iter().filter_map(|message| message["role"].as_str()).collect();
    assert_eq!(roles, ["assistant", "tool", "tool", "user"]);
    let last = &body["messages"][3]["content"];
    assert_eq!(last[0]["text"], "Attached to the result of tool call a:");
    assert_eq!(last[1]["image_url"]["url"], "data:image/png;base64,AAAA");
    assert_eq!(last[2]["text"], "and?");
    assert_eq!(dropped, Vec::<String>::new());
}

#[test]
fn case_19_and_70_calls_without_arguments_and_text() {
    let call = Part::ToolCall(ToolCall { id: "a".into(), name: "f".into(), ..ToolCall::default() });
    let request = foreign(vec![turn(Role::Assistant, vec![call])]);
    let message = plain(&request).0["messages"][0].clone();
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], "{}");
    assert_eq!(message.get("content"), Some(&Value::Null));
    let quirks = Quirks { no_null_fields: true, ..Quirks::default() };
    assert_eq!(written(&request, quirks).0["messages"][0].get("content"), None);
}

#[test]
fn case_46_and_68_foreign_tools_and_cache_marks_are_named() {
    let cache = Some(CacheMark::default());
    let search =
        Tool::Opaque { dialect: Dialect::Anthropic, name: "tools[0] (web_search)".into(), json: json!({}) };
    let text = || Part::Text { text: "x".into(), citations: vec![], cache: cache.clone() };
    let request = ChatRequest {
        tools: vec![search],
        ..foreign(vec![turn(Role::System, vec![text()]), turn(Role::User, vec![text()])])
    };
    let (body, dropped) = plain(&request);
    assert_eq!(dropped, ["cache_control", "tools[0] (web_search)"]);
    assert_eq!(body.get("tools"), None);
    assert!(!body.to_string().contains("cache_control"));
}

#[test]
fn case_52_a_custom_tool_of_the_responses_api_is_rewrapped() {
    let json = json!({"type": "custom", "name": "c",
        "format": {"type": "grammar", "syntax": "lark", "definition": "start: A"}});
    let tool = Tool::Opaque { dialect: Dialect::OpenaiResponses, name: "tools[0] (custom)".into(), json };
    let request = ChatRequest {
        tools: vec![tool],
        tool_choice: Some(ToolChoice::Named("c".into())),
        ..foreign(vec![])
    };
    let (body, dropped) = plain(&request);
    assert_eq!(
        body["tools"][0],
        json!({"type": "custom", "custom": {"name": "c",
            "format": {"type": "grammar", "grammar": {"definition": "start: A", "syntax": "lark"}}}})
    );
    assert_eq!(body["tool_choice"], json!({"type": "custom", "custom": {"name": "c"}}));
    assert_eq!(dropped, Vec::<String>::new());
}

#[test]
fn case_38_strict_tools_and_formats_are_made_to_fit() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let map = json!({"type": "object", "properties": {"m": {"type": "object"}}});
    let request = ChatRequest {
        tools: vec![function("f", schema.clone(), Some(true)), function("g", map.clone(), Some(true))],
        format: Some(OutputFormat::JsonSchema { name: None, description: None, schema, strict: Some(true) }),
        ..foreign(vec![])
    };
    let (body, dropped) = plain(&request);
    let fitted = json!({"type": "object", "properties": {"a": {"type": ["string", "null"]}},
        "required": ["a"], "additionalProperties": false});
    assert_eq!(body["tools"][0]["function"]["parameters"], fitted);
    assert_eq!(
        body["response_format"]["json_schema"],
        json!({"name": "answer", "schema": fitted, "strict": true})
    );
    assert_eq!(body["tools"][1]["function"], json!({"name": "g", "parameters": map, "strict": false}));
    assert_eq!(dropped, ["tools[1].strict"]);
}

#[test]
fn case_53_hard_patterns_go_only_where_they_hurt() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string", "pattern": "^(?!x)"}}});
    let request = ChatRequest { tools: vec![function("f", schema.clone(), None)], ..foreign(vec![]) };
    assert_eq!(plain(&request).0["tools"][0]["function"]["parameters"], schema);
    let (body, dropped) = written(&request, Quirks { plain_patterns: true, ..Quirks::default() });
    assert_eq!(body["tools"][0]["function"]["parameters"]["properties"]["a"], json!({"type": "string"}));
    assert_eq!(dropped, ["tools[0].input_schema.properties.a.pattern"]);
}

#[test]
fn case_55_and_64_thoughts_go_only_to_those_who_take_them() {
    let thought = |origin: Dialect| {
        Part::Reasoning(Reasoning {
            text: "hm".into(),
            signature: Some("s".into()),
            origin: Some(origin),
            ..Reasoning::default()
        })
    };
    let request = foreign(vec![turn(Role::Assistant, vec![thought(Dialect::Anthropic), Part::text("a")])]);
    let (body, dropped) = plain(&request);
    assert_eq!(body["messages"][0], json!({"role": "assistant", "content": "a"}));
    assert_eq!(dropped, ["messages[].content[] (thinking)"]);
    let (body, dropped) = written(&request, Quirks { replay_reasoning: true, ..Quirks::default() });
    assert_eq!(body["messages"][0], json!({"role": "assistant", "content": "a", "reasoning_content": "hm"}));
    assert_eq!(dropped, Vec::<String>::new());
    let own = foreign(vec![turn(Role::Assistant, vec![thought(Dialect::OpenaiChat), Part::text("a")])]);
    assert_eq!(plain(&own).0["messages"][0]["reasoning_details"][0]["signature"], "s");
}

#[test]
fn case_61_an_effort_is_never_lowered() {
    let effort = |wish: ReasoningWish| {
        let request = ChatRequest { reasoning: Some(wish), ..foreign(vec![]) };
        plain(&request).0["reasoning_effort"].clone()
    };
    for word in ["none", "minimal", "low", "medium", "high", "xhigh", "max"] {
        assert_eq!(effort(ReasoningWish { effort: Some(word.into()), ..Default::default() }), word);
    }
    for (budget, word) in [(0, "none"), (1024, "low"), (4096, "low"), (10_000, "medium"), (32_000, "high")] {
        assert_eq!(effort(ReasoningWish { budget: Some(budget), ..Default::default() }), word);
    }
    assert_eq!(effort(ReasoningWish { dynamic: true, ..Default::default() }), Value::Null);
}

#[test]
fn case_69_order_is_kept() {
    let tools = ["z", "a", "m"].map(|name| function(name, json!({"zeta": 1, "alpha": 2}), None));
    let request = ChatRequest { tools: tools.to_vec(), ..foreign(vec![]) };
    let body = String::from_utf8(encode(&request, &Profile::plain("m")).unwrap().body).unwrap();
    let places: Vec<_> = ["\"z\"", "\"a\"", "\"m\""].iter().map(|name| body.rfind(name).unwrap()).collect();
    assert!(places[0] < places[1] && body.contains(r#"{"zeta":1,"alpha":2}"#), "{body}");
}

#[test]
fn case_71_metadata_goes_only_with_store() {
    let metadata = vec![("a".to_owned(), "b".to_owned())];
    let mut request = ChatRequest { metadata, ..foreign(vec![]) };
    let (body, dropped) = plain(&request);
    assert_eq!((body.get("metadata"), dropped), (None, vec!["metadata".to_owned()]));
    request.store = Some(true);
    assert_eq!(plain(&request).0["metadata"], json!({"a": "b"}));
}

#[test]
fn what_a_strict_copy_does_not_know_is_left_away_and_named() {
    let request = ChatRequest {
        verbosity: Some("low".into()),
        prompt_cache_key: Some("k".into()),
        service_tier: Some("flex".into()),
        store: Some(true),
        metadata: vec![("a".into(), "b".into())],
        end_user: Some("u".into()),
        format: Some(OutputFormat::JsonSchema {
            name: None,
            description: None,
            schema: json!({"type": "object"}),
            strict: None,
        }),
        ..foreign(vec![turn(Role::Developer, vec![Part::text("d")]), turn(Role::User, vec![Part::text("u")])])
    };
    let quirks =
        Quirks { no_openai_extras: true, no_developer_role: true, no_json_schema: true, ..Quirks::default() };
    let (body, dropped) = written(&request, quirks);
    assert_eq!(dropped, ["verbosity", "service_tier", "prompt_cache_key", "metadata", "store"]);
    assert_eq!(body["user"], "u");
    assert_eq!(body["response_format"], json!({"type": "json_object"}));
    assert_eq!(body["messages"][0], json!({"role": "system", "content": "d"}));
    assert!(body["messages"][1]["content"].as_str().unwrap().ends_with(r#"{"type":"object"}"#));
    assert_eq!(body["messages"][2]["role"], "user");
}

#[test]
fn foreign_fields_are_named_and_foreign_state_is_refused() {
    let mut request = foreign(vec![]);
    request.sampling.top_k = Some(4);
    request.stop = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
    request.unmapped.fields =
        vec![("mcp_servers".into(), json!([])), ("stream_options".into(), json!({})), ("n".into(), json!(1))];
    let (body, dropped) = plain(&request);
    assert_eq!(dropped, ["top_k", "stop_sequences[4]", "mcp_servers"]);
    assert_eq!(body["stop"], json!(["a", "b", "c", "d"]));
    request.unmapped = Unmapped {
        dialect: Some(Dialect::OpenaiResponses),
        fields: vec![("previous_response_id".into(), json!("resp_1"))],
    };
    let error = encode(&request, &Profile::plain("m")).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("previous_response_id"));
}

#[test]
fn media_that_cannot_be_said_is_named() {
    let media = |kind, source| {
        Part::Media(Media { kind, mime: None, source, detail: None, name: Some("n".into()), cache: None })
    };
    let request = foreign(vec![turn(
        Role::User,
        vec![
            media(MediaKind::Audio, MediaSource::Url("https://x/a.mp3".into())),
            media(MediaKind::Video, MediaSource::Url("https://x/v.mp4".into())),
            media(MediaKind::Document, MediaSource::Url("https://x/d.pdf".into())),
            media(MediaKind::Document, MediaSource::Text("words".into())),
        ],
    )]);
    let (body, dropped) = plain(&request);
    assert_eq!(body["messages"][0], json!({"role": "user", "content": "n:\nwords"}));
    let names = ["audio", "video", "document"].iter().enumerate();
    let expected: Vec<String> = names.map(|(i, what)| format!("messages[0].content[{i}] ({what})")).collect();
    assert_eq!(dropped, expected);
}
