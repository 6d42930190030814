//! The response object: the answer together with what the request asked for.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::encode_request::{choice_value, format_value, instructions, tool_value};
use super::{failure, output, usage};
use crate::Dialect;
use crate::hub::ChatRequest;

/// The request's part of the response object, made once per answer.
#[derive(Debug)]
pub(super) struct Echo {
    instructions: Option<String>,
    max_output_tokens: Option<u64>,
    max_tool_calls: Value,
    parallel_tool_calls: bool,
    prompt_cache_key: Option<String>,
    reasoning: Value,
    safety_identifier: Option<String>,
    service_tier: Option<String>,
    store: bool,
    temperature: f64,
    text: Value,
    tool_choice: Value,
    tools: Vec<Value>,
    top_logprobs: Value,
    top_p: f64,
    truncation: Value,
    metadata: Map<String, Value>,
}

impl Echo {
    /// Repeats `request`; what it left open gets this API's documented default. `store` is what is true: without a
    /// wish nothing is kept.
    pub(super) fn of(request: &ChatRequest) -> Self {
        let wish = request.reasoning.clone().unwrap_or_default();
        let pairs = request.metadata.iter().map(|(name, value)| (name.clone(), value.clone().into()));
        Self {
            instructions: instructions(request).map(str::to_owned),
            max_output_tokens: request.max_output_tokens,
            max_tool_calls: own_field(request, "max_tool_calls").unwrap_or(Value::Null),
            parallel_tool_calls: request.parallel_tool_calls.unwrap_or(true),
            prompt_cache_key: request.prompt_cache_key.clone(),
            reasoning: json!({"effort": wish.effort, "summary": wish.summary}),
            safety_identifier: request.end_user.clone(),
            service_tier: request.service_tier.clone(),
            store: request.store.unwrap_or(false),
            temperature: request.sampling.temperature.unwrap_or(1.0),
            text: text(request),
            tool_choice: own_field(request, "tool_choice")
                .or_else(|| request.tool_choice.as_ref().map(|choice| choice_value(choice, &request.tools)))
                .unwrap_or_else(|| "auto".into()),
            tools: request.tools.iter().filter_map(|tool| tool_value(tool, true).ok()).collect(),
            top_logprobs: own_field(request, "top_logprobs").unwrap_or_else(|| 0.into()),
            top_p: request.sampling.top_p.unwrap_or(1.0),
            truncation: own_field(request, "truncation").unwrap_or_else(|| "disabled".into()),
            metadata: pairs.collect(),
        }
    }
}

fn text(request: &ChatRequest) -> Value {
    let format = request.format.as_ref().map_or_else(|| json!({"type": "text"}), format_value);
    let mut text = json!({"format": format});
    if let Some(verbosity) = &request.verbosity {
        text["verbosity"] = verbosity.as_str().into();
    }
    text
}

fn own_field(request: &ChatRequest, name: &str) -> Option<Value> {
    if request.unmapped.dialect != Some(Dialect::OpenaiResponses) {
        return None;
    }
    let field = request.unmapped.fields.iter().find(|(path, _)| path == name);
    field.map(|(_, value)| value.clone())
}

/// The answer's part of the response object.
#[derive(Debug)]
pub(super) struct State<'a> {
    pub(super) id: &'a str,
    pub(super) model: &'a str,
    pub(super) created_at: u64,
    pub(super) completed_at: Option<u64>,
    pub(super) status: &'a str,
    pub(super) error: Option<&'a crate::UpstreamFault>,
    pub(super) incomplete_reason: Option<&'a str>,
    pub(super) output: &'a [output::Item],
    pub(super) usage: Option<&'a crate::Usage>,
}

/// The whole object on the wire.
#[derive(Debug, Serialize)]
pub(super) struct ResponseObject<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    status: &'a str,
    background: bool,
    completed_at: Option<u64>,
    error: Option<FailedBecause<'a>>,
    incomplete_details: Option<IncompleteBecause<'a>>,
    instructions: Option<&'a str>,
    max_output_tokens: Option<u64>,
    max_tool_calls: &'a Value,
    model: &'a str,
    output: &'a [output::Item],
    parallel_tool_calls: bool,
    previous_response_id: Option<&'a str>,
    prompt_cache_key: Option<&'a str>,
    reasoning: &'a Value,
    safety_identifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    store: bool,
    temperature: f64,
    text: &'a Value,
    tool_choice: &'a Value,
    tools: &'a [Value],
    top_logprobs: &'a Value,
    top_p: f64,
    truncation: &'a Value,
    usage: Option<usage::Wire>,
    user: Option<&'a str>,
    metadata: &'a Map<String, Value>,
}

#[derive(Debug, Serialize)]
struct FailedBecause<'a> {
    code: &'a str,
    message: &'a str,
}

#[derive(Debug, Serialize)]
struct IncompleteBecause<'a> {
    reason: &'a str,
}

impl<'a> ResponseObject<'a> {
    /// Puts both parts together. The tier is the one that the provider says it served, if it says so (case 11).
    pub(super) fn new(echo: &'a Echo, state: State<'a>) -> Self {
        let served = state.usage.and_then(|usage| usage.service_tier.as_deref());
        let failed = |fault| FailedBecause { code: failure::code(fault), message: &fault.message };
        Self {
            id: state.id,
            object: "response",
            created_at: state.created_at,
            status: state.status,
            background: false,
            completed_at: state.completed_at,
            error: state.error.map(failed),
            incomplete_details: state.incomplete_reason.map(|reason| IncompleteBecause { reason }),
            instructions: echo.instructions.as_deref(),
            max_output_tokens: echo.max_output_tokens,
            max_tool_calls: &echo.max_tool_calls,
            model: state.model,
            output: state.output,
            parallel_tool_calls: echo.parallel_tool_calls,
            previous_response_id: None,
            prompt_cache_key: echo.prompt_cache_key.as_deref(),
            reasoning: &echo.reasoning,
            safety_identifier: echo.safety_identifier.as_deref(),
            service_tier: served.or(echo.service_tier.as_deref()),
            store: echo.store,
            temperature: echo.temperature,
            text: &echo.text,
            tool_choice: &echo.tool_choice,
            tools: &echo.tools,
            top_logprobs: &echo.top_logprobs,
            top_p: echo.top_p,
            truncation: &echo.truncation,
            usage: state.usage.map(usage::Wire::from),
            user: None,
            metadata: &echo.metadata,
        }
    }
}
