//! Requests written.

use serde_json::{Value, json};

use super::{asking, read, turn, write, write_for};
use crate::hub::{
    ChatRequest, Citation, Media, MediaKind, MediaSource, OutputFormat, Part, Reasoning, Role, Tool,
    ToolCall, ToolChoice, ToolKind, ToolResult, Unmapped,
};
use crate::{Dialect, Profile, Quirks};

const NEW: &str = "claude-opus-4-6";

fn call(id: &str, arguments: &str) -> Part {
    Part::ToolCall(ToolCall {
        id: id.into(),
        name: "f".into(),
        arguments: arguments.into(),
        ..ToolCall::default()
    })
}

fn result(id: &str, text: &str) -> Part {
    Part::ToolResult(ToolResult {
        call_id: id.into(),
        content: vec![Part::text(text)],
        ..ToolResult::default()
    })
}

fn function(name: &str) -> Tool {
    Tool::Function { name: name.into(), description: None, parameters: None, strict: None, cache: None }
}

fn image(source: MediaSource, mime: Option<&str>) -> Part {
    let mime = mime.map(str::to_owned);
    Part::Media(Media { kind: MediaKind::Image, mime, source, detail: None, name: None, cache: None })
}

#[test]
fn decode_after_encode_gives_the_same_request() {
    let request = read(json!({"model": "claude-opus-4-6", "max_tokens": 5, "stream": true,
        "system": [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "look"},
                {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
                {"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "d"}}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "", "signature": "SEAL"},
                {"type": "redacted_thinking", "data": "XX"},
                {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"b": 1, "a": 2}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "is_error": true,
                "content": [{"type": "text", "text": "no"}]}]}],
        "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object", "properties": {"z": {}, "a": {}}}},
                  {"type": "web_search_20250305", "name": "web_search"}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": true},
        "thinking": {"type": "adaptive"}, "output_config": {"effort": "max"},
        "stop_sequences": ["END"], "metadata": {"user_id": "u", "x": 1}, "service_tier": "auto",
        "container": "c1", "cache_control": {"type": "ephemeral"}}));
    let (body, dropped) = write(&request, "claude-opus-4-6");
    assert_eq!(dropped, Vec::<String>::new());
    assert_eq!(read(body.clone()), request);
    assert_eq!(body["container"], "c1");
    assert_eq!(body["metadata"], json!({"user_id": "u", "x": 1}));
}

#[test]
fn case_45_results_come_first_and_neighbours_are_merged() {
    let mut request = asking("hi");
    request.turns.push(turn(Role::Assistant, vec![Part::text("let me see")]));
    request.turns.push(turn(Role::Assistant, vec![call("a", "{}"), call("b", "{\"x\": 1.0}")]));
    request.turns.push(turn(Role::User, vec![Part::text("and?"), result("a", "1")]));
    request.turns.push(turn(Role::User, vec![result("b", "2")]));
    let (body, _) = write(&request, NEW);
    assert_eq!(body["messages"][1]["content"].as_array().unwrap().len(), 3);
    assert_eq!(
        body["messages"][2],
        json!({"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "a", "content": "1"},
        {"type": "tool_result", "tool_use_id": "b", "content": "2"},
        {"type": "text", "text": "and?"}]})
    );
    assert_eq!(body["messages"].as_array().unwrap().len(), 3);
}

#[test]
fn case_51_a_result_without_its_call_becomes_text() {
    let mut request = asking("hi");
    request.turns.push(turn(Role::User, vec![result("gone", "42")]));
    let (body, _) = write(&request, NEW);
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": [
        {"type": "text", "text": "hi"},
        {"type": "text", "text": "Result of the tool call gone:"}, {"type": "text", "text": "42"}]}])
    );
}

#[test]
fn case_49_arguments_that_are_no_object_do_not_abort() {
    let mut request = asking("hi");
    request.turns.push(turn(Role::Assistant, vec![call("a", "{\"x\":"), call("b", ""), call("c", "[1]")]));
    let (body, _) = write(&request, NEW);
    let inputs: Vec<_> = body["messages"][1]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["input"].clone())
        .collect();
    assert_eq!(inputs, [json!({"input": "{\"x\":"}), json!({}), json!({"input": "[1]"})]);
}

#[test]
fn case_66_system_and_developer_turns_are_hoisted_in_order() {
    let mut request = asking("hi");
    request.turns.insert(0, turn(Role::System, vec![Part::text("one")]));
    request.turns.push(turn(Role::Developer, vec![Part::text("two")]));
    let (body, _) = write(&request, NEW);
    assert_eq!(body["system"], json!([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]));
    assert_eq!(body["messages"], json!([{"role": "user", "content": "hi"}]));
    request.unmapped.dialect = Some(Dialect::Anthropic);
    let (body, _) = write(&request, "claude-opus-5");
    assert_eq!(
        body["messages"][1],
        json!({"role": "system", "content": "two"}),
        "own callers keep the place"
    );
}

#[test]
fn edges_of_a_conversation() {
    let only_system =
        ChatRequest { turns: vec![turn(Role::System, vec![Part::text("say hi")])], ..ChatRequest::default() };
    let (body, _) = write(&only_system, NEW);
    assert_eq!(
        (&body["messages"], body.get("system")),
        (&json!([{"role": "user", "content": "say hi"}]), None)
    );

    let mut greeted = asking("hi");
    greeted.turns.insert(0, turn(Role::Assistant, vec![Part::text("welcome")]));
    greeted.turns.push(turn(Role::Assistant, vec![Part::text("The answer is \n")]));
    let (body, _) = write(&greeted, NEW);
    assert_eq!(body["messages"][0], json!({"role": "user", "content": "."}));
    assert_eq!(
        body["messages"][3]["content"], "The answer is",
        "a prefill stays, its trailing space is refused"
    );

    let empty =
        ChatRequest { turns: vec![turn(Role::User, vec![Part::text(" ")])], ..ChatRequest::default() };
    let error = crate::anthropic::encode_request::encode(&empty, &Profile::plain(NEW)).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("messages"));
}

#[test]
fn case_71_pictures_and_documents_by_their_source() {
    let text = base64_of(b"plain");
    let document = |mime: &str, data: &str| {
        Part::Media(Media {
            kind: MediaKind::Document,
            mime: Some(mime.into()),
            source: MediaSource::Base64(data.into()),
            detail: None,
            name: Some("n".into()),
            cache: None,
        })
    };
    let mut request = asking("look");
    request.unmapped.dialect = Some(Dialect::OpenaiChat);
    request.turns[0].parts.extend([
        image(MediaSource::Url("data:image/png;base64,AAAA".into()), None),
        image(MediaSource::Base64("/9j/AA".into()), None),
        image(MediaSource::Url("https://x/y".into()), None),
        image(MediaSource::Url("gs://b/o".into()), None),
        image(MediaSource::FileId("file-1".into()), None),
        image(MediaSource::Base64("AAAA".into()), Some("image/bmp")),
        document("text/csv", &text),
        document("application/pdf", "JVBERi0"),
        document("application/zip", "AAAA"),
    ]);
    let (body, dropped) = write(&request, NEW);
    let sources: Vec<_> = body["messages"][0]["content"].as_array().unwrap()[1..]
        .iter()
        .map(|block| block["source"].clone())
        .collect();
    assert_eq!(
        sources,
        [
            json!({"type": "base64", "media_type": "image/png", "data": "AAAA"}),
            json!({"type": "base64", "media_type": "image/jpeg", "data": "/9j/AA"}),
            json!({"type": "url", "url": "https://x/y"}),
            json!({"type": "text", "media_type": "text/plain", "data": "plain"}),
            json!({"type": "base64", "media_type": "application/pdf", "data": "JVBERi0"}),
        ]
    );
    assert_eq!(
        dropped,
        [
            "messages[0].content[4] (image)",
            "messages[0].content[5] (image)",
            "messages[0].content[6] (image/bmp)",
            "messages[0].content[9] (application/zip)"
        ]
    );
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn case_54_55_56_57_58_only_own_sealed_thoughts_go_back() {
    let thought = |text: &str, signature: Option<&str>, encrypted: Option<&str>, origin| {
        Part::Reasoning(Reasoning {
            text: text.into(),
            signature: signature.map(Into::into),
            encrypted: encrypted.map(Into::into),
            origin,
            ..Reasoning::default()
        })
    };
    let mut request = asking("hi");
    request.turns.push(turn(
        Role::Assistant,
        vec![
            thought("", Some("S=="), None, Some(Dialect::Anthropic)),
            thought("", None, Some("D=="), Some(Dialect::Anthropic)),
            thought("hm", None, None, None),
            thought("hm", Some("G"), None, Some(Dialect::Gemini)),
            thought("", None, Some("E"), Some(Dialect::OpenaiResponses)),
            Part::text("ok"),
        ],
    ));
    request.turns.push(turn(Role::User, vec![Part::text("go on")]));
    let (body, dropped) = write(&request, NEW);
    assert_eq!(
        body["messages"][1]["content"],
        json!([
        {"type": "thinking", "thinking": "", "signature": "S=="},
        {"type": "redacted_thinking", "data": "D=="}, {"type": "text", "text": "ok"}])
    );
    assert_eq!(dropped, ["messages[].reasoning_content"]);
    let quirks = Quirks { keep_unsigned_thinking: true, ..Quirks::default() };
    let (body, dropped) = write_for(&request, &Profile { quirks, ..Profile::plain("deepseek-chat") });
    assert_eq!(
        body["messages"][1]["content"][2],
        json!({"type": "thinking", "thinking": "hm", "signature": ""})
    );
    assert_eq!(dropped, ["messages[].reasoning_content"]);
}

#[test]
fn case_41_42_43_choices_follow_the_tools() {
    let mut request = asking("hi");
    request.tool_choice = Some(ToolChoice::Required);
    request.parallel_tool_calls = Some(false);
    let (body, dropped) = write(&request, NEW);
    assert_eq!((body.get("tool_choice"), dropped), (None, vec!["tool_choice".to_owned()]));
    request.tools = vec![function("f"), function("g")];
    let choice = |request: &ChatRequest| write(request, NEW).0;
    assert_eq!(choice(&request)["tool_choice"], json!({"type": "any", "disable_parallel_tool_use": true}));
    request.tool_choice = None;
    assert_eq!(choice(&request)["tool_choice"], json!({"type": "auto", "disable_parallel_tool_use": true}));
    request.tool_choice = Some(ToolChoice::None);
    assert_eq!(choice(&request)["tool_choice"], json!({"type": "none"}));
    request.parallel_tool_calls = None;
    request.tool_choice = Some(ToolChoice::Named("g".into()));
    assert_eq!(choice(&request)["tool_choice"], json!({"type": "tool", "name": "g"}));
    request.tool_choice = Some(ToolChoice::Allowed { names: vec!["g".into()], required: true });
    let body = choice(&request);
    assert_eq!((&body["tool_choice"], body["tools"].as_array().unwrap().len()), (&json!({"type": "any"}), 1));
}

#[test]
fn case_46_tools_of_others_are_dropped_and_functions_get_a_schema() {
    let mut request = asking("hi");
    request.tools = vec![
        Tool::Opaque {
            dialect: Dialect::OpenaiResponses,
            name: "tools[0] (web_search)".into(),
            json: json!({}),
        },
        function("f"),
        Tool::Function {
            name: "g".into(),
            description: Some("d".into()),
            strict: Some(true),
            cache: None,
            parameters: Some(json!({"properties": {"b": {"pattern": "(?=x)y"}, "a": {"pattern": "a+"}}})),
        },
    ];
    let (body, dropped) = write(&request, NEW);
    assert_eq!(dropped, ["tools[0] (web_search)"]);
    assert_eq!(body["tools"][0], json!({"name": "f", "input_schema": {"type": "object", "properties": {}}}));
    assert_eq!(body["tools"][1]["strict"], true);
    assert_eq!(body["tools"][1]["input_schema"]["type"], "object");
    let old = write(&request, "claude-3-5-haiku-20241022");
    assert_eq!(old.1, ["tools[0] (web_search)", "tools[2].function.strict"]);
}

#[test]
fn case_53_patterns_that_break_some_are_removed_there_only() {
    let mut request = asking("hi");
    let schema =
        json!({"type": "object", "properties": {"b": {"pattern": "(?=x)y"}, "a": {"pattern": "a+"}}});
    request.tools = vec![Tool::Function {
        name: "g".into(),
        description: None,
        strict: None,
        cache: None,
        parameters: Some(schema.clone()),
    }];
    assert_eq!(write(&request, NEW).0["tools"][0]["input_schema"], schema);
    let quirks = Quirks { plain_patterns: true, ..Quirks::default() };
    let (body, dropped) = write_for(&request, &Profile { quirks, ..Profile::plain("kimi-k2") });
    assert_eq!(body["tools"][0]["input_schema"]["properties"], json!({"b": {}, "a": {"pattern": "a+"}}));
    assert_eq!(dropped, ["tools[0].function.parameters.properties.b.pattern"]);
}

#[test]
fn case_69_order_of_tools_and_keys_is_the_callers() {
    let mut request = asking("hi");
    let schema: Value =
        serde_json::from_str(r#"{"type":"object","properties":{"z":{},"a":{},"m":{}}}"#).unwrap();
    request.tools = ["z", "a", "m"]
        .map(|name| Tool::Function {
            name: name.into(),
            description: None,
            strict: None,
            cache: None,
            parameters: Some(schema.clone()),
        })
        .to_vec();
    let encoded = crate::anthropic::encode_request::encode(&request, &Profile::plain(NEW)).unwrap();
    let text = String::from_utf8(encoded.body).unwrap();
    assert!(text.contains(r#""properties":{"z":{},"a":{},"m":{}}"#));
    let places: Vec<_> =
        ["z", "a", "m"].map(|name| text.find(&format!(r#"{{"name":"{name}""#)).unwrap()).to_vec();
    assert!(places.is_sorted());
}

#[test]
fn case_65_the_limit_is_the_models_or_8192() {
    let request = asking("hi");
    assert_eq!(write(&request, NEW).0["max_tokens"], 8192);
    let target = Profile { max_output_tokens: Some(64_000), ..Profile::plain(NEW) };
    assert_eq!(write_for(&request, &target).0["max_tokens"], 64_000);
}

#[test]
fn what_anthropic_cannot_say_is_named() {
    let mut request = asking("hi");
    request.sampling.seed = Some(1);
    request.sampling.frequency_penalty = Some(0.5);
    request.sampling.presence_penalty = Some(0.0);
    request.sampling.temperature = Some(1.5);
    request.stop = vec!["\n".into(), "END".into()];
    request.verbosity = Some("low".into());
    request.metadata = vec![("k".into(), "v".into())];
    request.store = Some(false);
    request.service_tier = Some("flex".into());
    request.turns[0].name = Some("bob".into());
    request.unmapped = Unmapped {
        dialect: Some(Dialect::OpenaiChat),
        fields: vec![
            ("logit_bias".into(), json!({"1": 2})),
            ("n".into(), json!(1)),
            ("stream_options".into(), json!({})),
        ],
    };
    let (body, dropped) = write(&request, "claude-sonnet-4-5");
    assert_eq!(body["temperature"], 1.0);
    assert_eq!(body["stop_sequences"], json!(["END"]));
    assert_eq!(
        dropped,
        [
            "messages[0].name",
            "temperature",
            "stop[0]",
            "service_tier",
            "seed",
            "frequency_penalty",
            "verbosity",
            "metadata",
            "logit_bias"
        ]
    );
    request.unmapped.dialect = Some(Dialect::Gemini);
    assert!(write(&request, "claude-sonnet-4-5").1.contains(&"generationConfig.seed".to_owned()));
}

#[test]
fn the_form_of_the_answer() {
    let mut request = asking("hi");
    request.format = Some(OutputFormat::JsonObject);
    assert!(write(&request, NEW).0["system"].as_str().unwrap().contains("JSON object"));
    let schema = json!({"type": "object", "properties": {"x": {"type": ["object", "null"], "properties": {}},
        "type": {"type": "string", "enum": ["object"]}}, "required": ["x"]});
    request.format = Some(OutputFormat::JsonSchema {
        name: Some("n".into()),
        description: Some("d".into()),
        schema,
        strict: Some(true),
    });
    let format = &write(&request, NEW).0["output_config"]["format"];
    assert_eq!(format["type"], "json_schema");
    assert_eq!(format["schema"]["additionalProperties"], false);
    assert_eq!(format["schema"]["properties"]["x"]["additionalProperties"], false);
    assert_eq!(format["schema"]["properties"]["type"], json!({"type": "string", "enum": ["object"]}));
    assert_eq!(format["schema"]["description"], "d");
    let (body, dropped) = write(&request, "claude-opus-4-1");
    assert!(body.get("output_config").is_none() && body["system"].as_str().unwrap().contains("\"required\""));
    assert_eq!(dropped, Vec::<String>::new());
}

#[test]
fn foreign_blocks_are_named_and_foreign_citations_left_out() {
    let mut request = asking("hi");
    request.turns[0].parts.extend([
        Part::Opaque {
            dialect: Dialect::Gemini,
            name: "contents[0].parts[1] (executableCode)".into(),
            json: json!({}),
        },
        Part::Text {
            text: "t".into(),
            cache: None,
            citations: vec![Citation { url: Some("u".into()), ..Citation::default() }],
        },
        Part::Media(Media {
            kind: MediaKind::Audio,
            mime: None,
            source: MediaSource::Base64("AA".into()),
            detail: None,
            name: None,
            cache: None,
        }),
    ]);
    let (body, dropped) = write(&request, NEW);
    assert_eq!(body["messages"][0]["content"][1], json!({"type": "text", "text": "t"}));
    assert_eq!(dropped, ["contents[0].parts[1] (executableCode)", "messages[0].content[3] (audio)"]);
}

#[test]
fn a_custom_tools_text_is_wrapped() {
    let mut request = asking("hi");
    let call = ToolCall {
        id: "a".into(),
        name: "f".into(),
        arguments: "{}".into(),
        kind: ToolKind::Custom,
        ..ToolCall::default()
    };
    request.turns.push(turn(Role::Assistant, vec![Part::ToolCall(call)]));
    assert_eq!(write(&request, NEW).0["messages"][1]["content"][0]["input"], json!({"input": "{}"}));
}
