//! Requests for Gemini, written.

use super::*;
use crate::gemini::{DUMMY_SIGNATURE, decode_request};
use crate::hub::{
    Media, MediaKind, MediaSource, Part, Reasoning, ReasoningWish, Role, Tool, ToolCall, ToolResult, Turn,
    Unmapped,
};

const OLD: &str = "gemini-2.0-flash";
const MIDDLE: &str = "gemini-2.5-flash";
const NEW: &str = "gemini-3-flash-preview";

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, parts, name: None }
}

fn user(text: &str) -> Turn {
    turn(Role::User, vec![Part::text(text)])
}

fn call(id: &str, name: &str, arguments: &str) -> Part {
    let (id, name, arguments) = (id.into(), name.into(), arguments.into());
    Part::ToolCall(ToolCall { id, name, arguments, ..ToolCall::default() })
}

fn result(id: &str, text: &str) -> Part {
    let content = vec![Part::text(text)];
    Part::ToolResult(ToolResult { call_id: id.into(), content, ..ToolResult::default() })
}

fn image(mime: Option<&str>, source: MediaSource) -> Part {
    let mime = mime.map(str::to_owned);
    Part::Media(Media { kind: MediaKind::Image, mime, source, detail: None, name: None, cache: None })
}

fn function_with(name: &str, parameters: Value) -> Tool {
    let parameters = Some(parameters);
    Tool::Function { name: name.into(), description: None, parameters, strict: None, cache: None }
}

fn function(name: &str) -> Tool {
    function_with(name, json!({"type": "object", "properties": {"a": {"type": "string"}}}))
}

fn request(turns: Vec<Turn>) -> ChatRequest {
    let unmapped = Unmapped { dialect: Some(Dialect::OpenaiChat), fields: Vec::new() };
    ChatRequest { turns, unmapped, ..ChatRequest::default() }
}

fn send(request: &ChatRequest, model: &str) -> (Value, Vec<String>) {
    let encoded = encode(request, &Profile::plain(model)).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), encoded.dropped)
}

fn contents(turns: Vec<Turn>, model: &str) -> Value {
    send(&request(turns), model).0["contents"].clone()
}

fn step() -> Vec<Turn> {
    vec![
        user("go"),
        turn(Role::Assistant, vec![call("x", "a", "{}"), call("y", "b", r#"{"n":1}"#)]),
        turn(Role::User, vec![result("y", "Y"), result("x", r#"{"ok":true}"#), Part::text("and?")]),
    ]
}

#[test]
fn case_34_results_follow_the_order_of_their_calls() {
    let expected = json!({"role": "user", "parts": [
        {"functionResponse": {"id": "x", "name": "a", "response": {"ok": true}}},
        {"functionResponse": {"id": "y", "name": "b", "response": {"result": "Y"}}},
    ]});
    assert_eq!(contents(step(), MIDDLE)[2], expected);
}

#[test]
fn case_34_ids_made_up_by_position_are_not_sent() {
    let turns = vec![
        user("go"),
        turn(Role::Assistant, vec![call("call_0", "a", "")]),
        turn(Role::User, vec![result("call_0", "A")]),
    ];
    let got = contents(turns, MIDDLE);
    assert_eq!(got[1]["parts"][0], json!({"functionCall": {"name": "a", "args": {}}}));
    assert_eq!(got[2]["parts"][0]["functionResponse"].get("id"), None);
}

#[test]
fn case_35_function_responses_stand_alone() {
    let got = contents(step(), NEW);
    assert_eq!(got[2]["parts"].as_array().unwrap().len(), 2);
    assert_eq!(got[3], json!({"role": "user", "parts": [{"text": "and?"}]}));
}

#[test]
fn case_36_refs_in_results_are_stringified() {
    let text = r##"{"schema":[{"$ref":"#/a"}]}"##;
    let turns = vec![
        user("go"),
        turn(Role::Assistant, vec![call("x", "a", "{}")]),
        turn(Role::User, vec![result("x", text)]),
    ];
    let got = contents(turns, MIDDLE);
    assert_eq!(got[2]["parts"][0]["functionResponse"]["response"], json!({ "result": text }));
}

#[test]
fn case_33_gemini_3_gets_a_signature_on_the_first_call_of_a_step() {
    let got = contents(step(), NEW);
    assert_eq!(got[1]["parts"][0]["thoughtSignature"], DUMMY_SIGNATURE);
    assert_eq!(got[1]["parts"][1].get("thoughtSignature"), None);
    assert_eq!(contents(step(), MIDDLE)[1]["parts"][0].get("thoughtSignature"), None);
    let mut signed = step();
    if let Part::ToolCall(call) = &mut signed[1].parts[0] {
        call.signature = Some("own=".into());
    }
    assert_eq!(contents(signed, NEW)[1]["parts"][0]["thoughtSignature"], "own=");
}

#[test]
fn case_33_seals_go_back_to_where_they_were() {
    let original = json!({"contents": [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [
            {"text": "hm", "thought": true},
            {"text": "a", "thoughtSignature": "S1="},
            {"functionCall": {"id": "i", "name": "f", "args": {}}, "thoughtSignature": "S2="},
            {"text": "", "thoughtSignature": "S3="},
        ]},
    ]});
    let request = decode_request::decode(original.to_string().as_bytes()).unwrap();
    assert_eq!(send(&request, NEW), (original, Vec::new()));
}

#[test]
fn case_55_thoughts_of_others_are_named_and_left_away() {
    let reasoning = Reasoning {
        text: "hm".into(),
        signature: Some("sig".into()),
        origin: Some(Dialect::Anthropic),
        ..Reasoning::default()
    };
    let turns = vec![user("hi"), turn(Role::Assistant, vec![Part::Reasoning(reasoning), Part::text("yes")])];
    let (body, dropped) = send(&request(turns), NEW);
    assert_eq!(body["contents"][1]["parts"], json!([{"text": "yes"}]));
    assert_eq!(dropped, ["messages[].reasoning_content"]);
}

#[test]
fn case_66_instructions_are_hoisted_from_everywhere() {
    let turns = vec![
        turn(Role::System, vec![Part::text("one")]),
        user("a"),
        turn(Role::Developer, vec![Part::text("two")]),
        user("b"),
    ];
    let (body, _) = send(&request(turns), MIDDLE);
    assert_eq!(body["systemInstruction"], json!({"parts": [{"text": "one"}, {"text": "two"}]}));
    assert_eq!(body["contents"], json!([{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}]));
}

#[test]
fn case_71_contents_are_never_empty_and_the_user_begins() {
    let (body, _) = send(&request(vec![turn(Role::System, vec![Part::text("one")])]), MIDDLE);
    assert_eq!(body, json!({"contents": [{"role": "user", "parts": [{"text": "one"}]}]}));
    let got = contents(vec![turn(Role::Assistant, vec![Part::text("hello")]), user("hi")], MIDDLE);
    let roles: Vec<_> = got.as_array().unwrap().iter().map(|content| &content["role"]).collect();
    assert_eq!(roles, ["user", "model", "user"]);
}

#[test]
fn case_71_media_by_address_and_inline() {
    let parts = vec![
        image(None, MediaSource::Url("data:image/png;base64,AAAA".into())),
        image(None, MediaSource::Url("gs://b/a.webp".into())),
        image(None, MediaSource::Url("https://x/y?z=a.png".into())),
        image(None, MediaSource::FileId("file-abc".into())),
    ];
    let (body, dropped) = send(&request(vec![turn(Role::User, parts)]), MIDDLE);
    let expected = json!([
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"fileData": {"mimeType": "image/webp", "fileUri": "gs://b/a.webp"}},
        {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x/y?z=a.png"}},
    ]);
    assert_eq!(body["contents"][0]["parts"], expected);
    assert_eq!(dropped, ["messages[0].content[3] (another provider's file)"]);
}

#[test]
fn case_44_media_in_results_go_inside_for_gemini_3_and_after_for_others() {
    let mut turns = step();
    if let Part::ToolResult(result) = &mut turns[2].parts[0] {
        result.content.push(image(Some("image/png"), MediaSource::Base64("AAAA".into())));
    }
    let inline = json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}});
    assert_eq!(contents(turns.clone(), NEW)[2]["parts"][1]["functionResponse"]["parts"], json!([inline]));
    assert_eq!(contents(turns, MIDDLE)[3]["parts"][0], inline);
}

#[test]
fn case_49_arguments_that_are_no_object_are_kept_as_text() {
    let turns = vec![user("go"), turn(Role::Assistant, vec![call("x", "a", "[1")])];
    let got = contents(turns, MIDDLE);
    assert_eq!(got[1]["parts"][0]["functionCall"]["args"], json!({ "_raw_arguments": "[1" }));
}

#[test]
fn case_51_an_orphan_result_becomes_text() {
    let got = contents(vec![user("go"), turn(Role::User, vec![result("gone", "42")])], MIDDLE);
    assert_eq!(got[0]["parts"][1], json!({"text": "Result of tool call gone: 42"}));
}

#[test]
fn case_41_choices_of_tools() {
    let allowed = |required| ToolChoice::Allowed { names: vec!["f".into(), "g".into()], required };
    for (choice, expected) in [
        (ToolChoice::Auto, json!({"mode": "AUTO"})),
        (ToolChoice::None, json!({"mode": "NONE"})),
        (ToolChoice::Required, json!({"mode": "ANY"})),
        (ToolChoice::Named("f".into()), json!({"mode": "ANY", "allowedFunctionNames": ["f"]})),
        (allowed(true), json!({"mode": "ANY", "allowedFunctionNames": ["f", "g"]})),
        (allowed(false), json!({"mode": "VALIDATED", "allowedFunctionNames": ["f", "g"]})),
    ] {
        let mut request = request(vec![user("go")]);
        request.tools = vec![function("f"), function("g")];
        request.tool_choice = Some(choice.clone());
        let (body, _) = send(&request, MIDDLE);
        assert_eq!(body["toolConfig"]["functionCallingConfig"], expected);
        let back = decode_request::decode(body.to_string().as_bytes()).unwrap();
        assert_eq!(back.tool_choice, Some(choice));
    }
}

#[test]
fn case_42_a_choice_without_tools_is_not_sent() {
    let mut request = request(vec![user("go")]);
    request.tool_choice = Some(ToolChoice::Required);
    request.parallel_tool_calls = Some(false);
    let (body, dropped) = send(&request, MIDDLE);
    assert_eq!(body.get("toolConfig"), None);
    assert_eq!(dropped, ["tool_choice"]);
}

#[test]
fn case_43_what_cannot_be_forbidden_is_named() {
    let mut request = request(vec![user("go")]);
    request.tools = vec![function("f")];
    request.parallel_tool_calls = Some(false);
    assert_eq!(send(&request, MIDDLE).1, ["parallel_tool_calls"]);
}

#[test]
fn case_46_tools_of_others_are_named() {
    let mut request = request(vec![user("go")]);
    let foreign = Tool::Opaque {
        dialect: Dialect::Anthropic,
        name: "tools[0] (web_search)".into(),
        json: json!({"type": "web_search_20250305"}),
    };
    request.tools = vec![foreign, function("f")];
    let (body, dropped) = send(&request, MIDDLE);
    assert_eq!(dropped, ["tools[0] (web_search)"]);
    let declared = json!([{"functionDeclarations": [{"name": "f", "description": "",
        "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}}]}]);
    assert_eq!(body["tools"], declared);
}

#[test]
fn case_37_a_schema_goes_to_the_field_that_can_say_it() {
    let mut request = request(vec![user("go")]);
    let map = json!({"type": "object", "properties": {"m": {"type": "object",
        "properties": {"n": {"type": "string"}}, "additionalProperties": {"type": "string"}}}});
    request.tools = vec![function_with("f", map.clone())];
    let (body, dropped) = send(&request, MIDDLE);
    let declared = &body["tools"][0]["functionDeclarations"][0];
    assert_eq!((&declared["parametersJsonSchema"], dropped.len()), (&map, 0));
    let (body, dropped) = send(&request, OLD);
    assert!(body["tools"][0]["functionDeclarations"][0].get("parameters").is_some());
    assert_eq!(dropped, ["tools[0].function.parameters (additionalProperties)"]);
}

#[test]
fn json_output_beside_tools_is_an_instruction_before_gemini_3() {
    let mut request = request(vec![user("go")]);
    request.tools = vec![function("f")];
    request.format = Some(OutputFormat::JsonObject);
    let (body, dropped) = send(&request, MIDDLE);
    assert_eq!(body.get("generationConfig"), None);
    assert!(body["systemInstruction"]["parts"][0]["text"].as_str().unwrap().contains("JSON"));
    assert_eq!(dropped.len(), 1);
    let (body, dropped) = send(&request, NEW);
    assert_eq!(body["generationConfig"]["responseMimeType"], "application/json");
    assert!(dropped.is_empty());
    request.tool_choice = Some(ToolChoice::None);
    let (body, dropped) = send(&request, MIDDLE);
    assert_eq!((body.get("tools"), dropped.len()), (None, 0));
}

#[test]
fn fields_without_a_place_are_named_and_no_ops_are_not() {
    let mut request = request(vec![user("go")]);
    request.verbosity = Some("low".into());
    request.end_user = Some("u".into());
    request.stop = (0..7).map(|n| n.to_string()).collect();
    request.store = Some(false);
    request.service_tier = Some("priority".into());
    request.unmapped.fields = vec![
        ("n".into(), json!(1)),
        ("stream_options".into(), json!({})),
        ("logit_bias".into(), json!({"5": 1})),
        ("n".into(), json!(2)),
    ];
    let (body, dropped) = send(&request, MIDDLE);
    assert_eq!(dropped, ["stop[5]", "verbosity", "user", "logit_bias", "n"]);
    assert_eq!(body["serviceTier"], "priority");
}

#[test]
fn a_large_seed_fits() {
    assert_eq!(small_seed(7), 7);
    assert!(small_seed(i64::MAX) >= 0 && small_seed(i64::MIN) >= 0);
}

#[test]
fn gemini_requests_come_back_as_they_were() {
    let original = json!({
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
            {"role": "model", "parts": [{"executableCode": {"language": "PYTHON", "code": "1"}},
                {"functionCall": {"id": "i", "name": "f", "args": {"a": 1}}}]},
            {"role": "user", "parts": [{"functionResponse": {"id": "i", "name": "f", "response": {"x": 1}}}]},
        ],
        "systemInstruction": {"parts": [{"text": "be brief"}]},
        "tools": [{"functionDeclarations": [{"name": "f", "description": "d", "parameters":
            {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}}}]}, {"googleSearch": {}}],
        "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}, "retrievalConfig": {"languageCode": "de"}},
        "safetySettings": [{"category": "X", "threshold": "Y"}],
        "generationConfig": {"temperature": 0.5, "topP": 0.25, "topK": 3, "maxOutputTokens": 9,
            "stopSequences": ["x"], "presencePenalty": 0.5, "frequencyPenalty": 0.25, "seed": 4,
            "candidateCount": 2, "speechConfig": {"languageCode": "de"},
            "thinkingConfig": {"thinkingBudget": 2048, "includeThoughts": true}},
        "cachedContent": "cachedContents/1", "labels": {"a": "b"}, "serviceTier": "flex",
    });
    let request = decode_request::decode(original.to_string().as_bytes()).unwrap();
    let (body, dropped) = send(&request, MIDDLE);
    assert_eq!(body, original);
    assert!(dropped.is_empty(), "{dropped:?}");
    let again = decode_request::decode(body.to_string().as_bytes()).unwrap();
    assert_eq!(again, request);
}

#[test]
fn case_61_thoughts_are_shown_where_thinking_was_asked_for() {
    let mut request = request(vec![user("go")]);
    request.reasoning = Some(ReasoningWish { effort: Some("low".into()), ..ReasoningWish::default() });
    let (body, _) = send(&request, NEW);
    let expected = json!({"thinkingLevel": "LOW", "includeThoughts": true});
    assert_eq!(body["generationConfig"]["thinkingConfig"], expected);
}
