//! How much to think, by the model's generation.

use serde_json::{Value, json};

use super::{asking, read, turn, write, write_for};
use crate::Profile;
use crate::hub::{ChatRequest, Part, ReasoningWish, Role, Tool, ToolCall, ToolChoice, ToolResult};

fn wishing(wish: ReasoningWish) -> ChatRequest {
    ChatRequest { reasoning: Some(wish), ..asking("hi") }
}

fn effort(word: &str) -> ChatRequest {
    wishing(ReasoningWish { effort: Some(word.into()), ..ReasoningWish::default() })
}

/// `thinking`, `output_config` and what was dropped.
fn outcome(request: &ChatRequest, model: &str) -> (Value, Value, Vec<String>) {
    let (body, dropped) = write(request, model);
    (body["thinking"].clone(), body["output_config"].clone(), dropped)
}

#[test]
fn case_61_efforts_by_generation() {
    let budget = |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens});
    let adaptive = json!({"type": "adaptive"});
    let cases = [
        ("claude-sonnet-4-5", "minimal", budget(1024), Value::Null),
        ("claude-sonnet-4-5", "low", budget(2048), Value::Null),
        ("claude-sonnet-4-5", "medium", budget(8192), Value::Null),
        ("claude-sonnet-4-5", "xhigh", budget(32_768), Value::Null),
        ("claude-opus-4-5", "high", budget(16_384), Value::Null),
        ("deepseek-chat", "high", budget(16_384), Value::Null),
        ("claude-opus-4-6", "minimal", adaptive.clone(), json!({"effort": "low"})),
        ("claude-opus-4-6", "xhigh", adaptive.clone(), json!({"effort": "max"})),
        ("claude-opus-4-8", "xhigh", adaptive, json!({"effort": "xhigh"})),
        ("claude-sonnet-5-5", "max", Value::Null, json!({"effort": "max"})),
        ("claude-opus-5", "ultra", Value::Null, json!({"effort": "ultra"})),
    ];
    for (model, word, thinking, config) in cases {
        let mut request = effort(word);
        request.max_output_tokens = Some(40_000);
        assert_eq!(outcome(&request, model), (thinking, config, Vec::new()), "{model} {word}");
        assert_eq!(write(&request, model).0["max_tokens"], 40_000);
    }
}

#[test]
fn case_65_the_callers_limit_holds_and_the_budget_fits_into_it() {
    let fitted = |limit: Option<u64>| {
        let mut request = effort("high");
        request.max_output_tokens = limit;
        let (body, dropped) = write(&request, "claude-sonnet-4-5");
        let tokens = |value: &Value| value.as_u64().unwrap_or(0);
        (tokens(&body["max_tokens"]), tokens(&body["thinking"]["budget_tokens"]), dropped.len())
    };
    assert_eq!(fitted(Some(4000)), (4000, 3000, 0));
    assert_eq!(fitted(Some(1025)), (1025, 1024, 0));
    assert_eq!(fitted(Some(1024)), (1024, 0, 1));
    assert_eq!(fitted(Some(16_385)), (16_385, 16_384, 0));
    assert_eq!(fitted(None), (8192 + 16_384, 16_384, 0));
}

#[test]
fn off_is_said_in_each_models_way() {
    let cases = [
        ("claude-sonnet-4-5", json!({"type": "disabled"}), Value::Null),
        ("claude-opus-4-8", Value::Null, Value::Null),
        ("claude-opus-5", json!({"type": "disabled"}), Value::Null),
        ("claude-sonnet-5-5", json!({"type": "between_tools"}), Value::Null),
        ("claude-opus-5-5", Value::Null, json!({"effort": "low"})),
    ];
    for (model, thinking, config) in cases {
        let (got, got_config, dropped) = outcome(&effort("none"), model);
        assert_eq!((&got, &got_config), (&thinking, &config), "{model}");
        assert_eq!(dropped.is_empty(), model != "claude-opus-5-5");
    }
}

#[test]
fn budgets_are_kept_or_become_efforts() {
    let budget = |tokens| wishing(ReasoningWish { budget: Some(tokens), ..ReasoningWish::default() });
    assert_eq!(outcome(&budget(500), "claude-sonnet-4-5").0["budget_tokens"], 1024);
    assert_eq!(outcome(&budget(5000), "claude-opus-4-6").0["budget_tokens"], 5000);
    assert_eq!(outcome(&budget(5000), "claude-opus-4-8").1, json!({"effort": "medium"}));
    assert_eq!(outcome(&budget(100_000), "claude-opus-5").1, json!({"effort": "max"}));
    assert_eq!(outcome(&budget(0), "claude-opus-5").0, json!({"type": "disabled"}));
    let tight = Profile { max_output_tokens: Some(4096), ..Profile::plain("claude-3-7-sonnet") };
    let (body, _) = write_for(&budget(8000), &tight);
    assert_eq!((&body["max_tokens"], &body["thinking"]["budget_tokens"]), (&json!(4096), &json!(3072)));
}

#[test]
fn wishes_of_this_dialect_are_repeated() {
    let own = |extra: Value| {
        let mut body =
            json!({"model": "m", "max_tokens": 50_000, "messages": [{"role": "user", "content": "x"}]});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        read(body)
    };
    let only_effort = own(json!({"output_config": {"effort": "high"}}));
    assert_eq!(
        outcome(&only_effort, "claude-opus-4-6").0,
        Value::Null,
        "effort alone does not turn thinking on"
    );
    assert_eq!(outcome(&only_effort, "claude-sonnet-4-5").2, ["output_config.effort"]);
    assert_eq!(outcome(&only_effort, "deepseek-chat").1, json!({"effort": "high"}));
    let budget = own(
        json!({"thinking": {"type": "enabled", "budget_tokens": 3000}, "output_config": {"effort": "low"}}),
    );
    assert_eq!(outcome(&budget, "claude-opus-4-5").1, json!({"effort": "low"}));
    let off = own(json!({"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}}));
    assert_eq!(outcome(&off, "claude-opus-5").1, json!({"effort": "low"}));
    let shown = own(json!({"thinking": {"type": "adaptive", "display": "omitted"}}));
    assert_eq!(outcome(&shown, "claude-opus-5").0, json!({"type": "adaptive", "display": "omitted"}));
}

#[test]
fn shown_thoughts_are_asked_for() {
    let wish = ReasoningWish {
        effort: Some("low".into()),
        summary: Some("auto".into()),
        ..ReasoningWish::default()
    };
    let (thinking, config, _) = outcome(&wishing(wish), "claude-opus-5-5");
    assert_eq!(
        (thinking, config),
        (json!({"type": "adaptive", "display": "summarized"}), json!({"effort": "low"}))
    );
}

#[test]
fn case_63_thinking_unsets_sampling_and_unforces_tools() {
    let mut request = effort("low");
    request.sampling.temperature = Some(0.2);
    request.sampling.top_p = Some(1.0);
    request.sampling.top_k = Some(5);
    request.tools = vec![Tool::Function {
        name: "f".into(),
        description: None,
        parameters: None,
        strict: None,
        cache: None,
    }];
    request.tool_choice = Some(ToolChoice::Named("f".into()));
    let (body, dropped) = write(&request, "claude-sonnet-4-5");
    assert_eq!(body["tool_choice"], json!({"type": "auto"}));
    assert_eq!((body.get("temperature"), body.get("top_p"), body.get("top_k")), (None, None, None));
    assert_eq!(dropped, ["tool_choice", "temperature", "top_k"]);
    assert_eq!(write(&request, "claude-opus-5").0["tool_choice"], json!({"type": "tool", "name": "f"}));
    request.reasoning = None;
    let (body, dropped) = write(&request, "claude-opus-5-5");
    assert_eq!(body["tool_choice"], json!({"type": "auto"}));
    assert_eq!(dropped, ["tool_choice", "temperature", "top_k"], "5.5 refuses both whether it thinks or not");
    request.sampling.top_p = Some(0.5);
    let (body, dropped) = write(&request, "claude-sonnet-4-5");
    assert_eq!(
        (&body["temperature"], body.get("top_p"), dropped),
        (&json!(0.2), None, vec!["top_p".to_owned()])
    );
}

#[test]
fn a_budget_is_not_sent_between_a_bare_call_and_its_result() {
    let mut request = effort("low");
    let call = ToolCall { id: "a".into(), name: "f".into(), arguments: "{}".into(), ..ToolCall::default() };
    request.turns.push(turn(Role::Assistant, vec![Part::ToolCall(call)]));
    let result = ToolResult { call_id: "a".into(), ..ToolResult::default() };
    request.turns.push(turn(Role::User, vec![Part::ToolResult(result)]));
    let (thinking, _, dropped) = outcome(&request, "claude-sonnet-4-5");
    assert_eq!((thinking, dropped), (Value::Null, vec!["reasoning_effort".to_owned()]));
    assert_eq!(outcome(&request, "claude-opus-4-6").0, json!({"type": "adaptive"}));
}
