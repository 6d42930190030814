//! Writes a request for a provider.

mod contents;
mod media;
mod results;
mod tools;

use serde_json::{Map, Value, json};

use super::model::{Generation, Model};
use super::{proto, thinking};
use crate::Dialect;
use crate::codec::Encoded;
use crate::fault::BadRequest;
use crate::hub::{ChatRequest, OutputFormat, Sampling, ToolChoice};
use crate::quirks::Profile;
use crate::schema;
use crate::words::{Words, is_no_op};

pub(crate) use media::write as write_media;

/// Gemini takes no more `stopSequences` than this.
const MOST_STOPS: usize = 5;

/// Writes the JSON body.
pub fn encode(request: &ChatRequest, target: &Profile<'_>) -> Result<Encoded, BadRequest> {
    let mut dropped = Vec::new();
    let body = write(request, target, &mut dropped);
    Ok(Encoded { body: body.to_string().into_bytes(), dropped })
}

/// What every part of the encoder knows.
#[derive(Clone, Copy)]
struct Context<'a> {
    request: &'a ChatRequest,
    model: Model,
    words: Words<'a>,
}

/// Writes a `GenerateContentRequest`.
pub(crate) fn write(request: &ChatRequest, target: &Profile<'_>, dropped: &mut Vec<String>) -> Value {
    let words = Words::of(request);
    let context = Context { request, model: Model::of(target.model), words };
    let mut body = Map::new();
    let mut written = contents::write(context, dropped);
    let tools = tools::write(context, dropped);
    let mut config = Map::new();
    sampling(request, words, &mut config, dropped);
    if let Some(text) = format(context, tools.has_functions, &mut config, dropped) {
        written.system.push(json!({ "text": text }));
    }
    if let Some(wish) = &request.reasoning
        && let Some(thinking) = thinking::encode(wish, &context.model, words, dropped)
    {
        config.insert("thinkingConfig".to_owned(), thinking);
    }
    written.finish(&mut body);
    if !tools.declarations.is_empty() {
        body.insert("tools".to_owned(), Value::Array(tools.declarations));
    }
    if let Some(choice) = tools.config {
        body.insert("toolConfig".to_owned(), choice);
    }
    if !config.is_empty() {
        body.insert("generationConfig".to_owned(), Value::Object(config));
    }
    extras(request, words, &mut body, dropped);
    Value::Object(body)
}

fn sampling(
    request: &ChatRequest,
    words: Words<'_>,
    config: &mut Map<String, Value>,
    dropped: &mut Vec<String>,
) {
    let Sampling { temperature, top_p, top_k, seed, frequency_penalty, presence_penalty } = &request.sampling;
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            config.insert(name.to_owned(), value);
        }
    };
    put("temperature", temperature.map(Value::from));
    put("topP", top_p.map(Value::from));
    put("topK", top_k.map(Value::from));
    put("maxOutputTokens", request.max_output_tokens.map(Value::from));
    let stops = &request.stop[..request.stop.len().min(MOST_STOPS)];
    put("stopSequences", (!stops.is_empty()).then(|| stops.into()));
    if request.stop.len() > MOST_STOPS {
        dropped.push(format!("{}[{MOST_STOPS}]", words.field("stop")));
    }
    put("presencePenalty", presence_penalty.map(Value::from));
    put("frequencyPenalty", frequency_penalty.map(Value::from));
    put("seed", seed.map(|seed| small_seed(seed).into()));
}

/// `seed` is an int32 on the wire. A larger one is folded: the same seed stays the same seed.
fn small_seed(seed: i64) -> i32 {
    i32::try_from(seed).unwrap_or(((seed ^ (seed >> 32)) & i64::from(i32::MAX)) as i32)
}

/// JSON output. Models before Gemini 3 refuse it together with functions ("Function calling with a response mime type:
/// 'application/json' is unsupported"): then the schema becomes an instruction, and the field is named.
fn format(
    context: Context<'_>,
    has_functions: bool,
    config: &mut Map<String, Value>,
    dropped: &mut Vec<String>,
) -> Option<String> {
    let format = context.request.format.as_ref()?;
    let field = context.words.field("response_format");
    if has_functions && context.model.generation != Generation::Three {
        dropped.push(format!("{field} (an instruction instead, beside tools)"));
        return Some(match format {
            OutputFormat::JsonObject => "Answer with one JSON object and nothing else.".to_owned(),
            OutputFormat::JsonSchema { schema, .. } => {
                format!("Answer with JSON that follows this JSON schema, and nothing else: {schema}")
            }
        });
    }
    config.insert("responseMimeType".to_owned(), json!("application/json"));
    if let OutputFormat::JsonSchema { schema, description, .. } = format {
        let takes_json_schema = context.model.generation >= Generation::TwoFive;
        let mut written = schema::gemini::write(schema, takes_json_schema, true);
        if let (Some(text), Value::Object(map)) = (description, &mut written.schema) {
            map.entry("description").or_insert_with(|| text.as_str().into());
        }
        dropped.extend(written.lost.iter().map(|lost| format!("{field} ({lost})")));
        let name = if written.is_json_schema { "responseJsonSchema" } else { "responseSchema" };
        config.insert(name.to_owned(), written.schema);
    }
    None
}

/// Everything that has no place in Gemini's request is named; Gemini's own fields go back where they were.
fn extras(request: &ChatRequest, words: Words<'_>, body: &mut Map<String, Value>, dropped: &mut Vec<String>) {
    match request.service_tier.as_deref() {
        None | Some("auto") => {}
        Some("default" | "standard" | "standard_only") => {
            body.insert("serviceTier".to_owned(), json!("standard"));
        }
        Some(tier @ ("flex" | "priority")) => {
            body.insert("serviceTier".to_owned(), tier.into());
        }
        Some(_) => dropped.push(words.field("service_tier").to_owned()),
    }
    let forbids_parallel = request.parallel_tool_calls == Some(false)
        && request.tool_choice != Some(ToolChoice::None)
        && !request.tools.is_empty();
    for (is_set, field) in [
        (forbids_parallel, "parallel_tool_calls"),
        (request.verbosity.is_some(), "verbosity"),
        (request.end_user.is_some(), "user"),
        (request.prompt_cache_key.is_some(), "prompt_cache_key"),
        (!request.metadata.is_empty(), "metadata"),
        (request.store == Some(true), "store"),
    ] {
        if is_set {
            dropped.push(words.field(field).to_owned());
        }
    }
    let is_own = request.unmapped.dialect == Some(Dialect::Gemini);
    for (path, value) in &request.unmapped.fields {
        let written = is_own && !path.contains('[') && proto::insert(body, path, value.clone());
        if !written && !is_no_op(path, value) {
            dropped.push(path.clone());
        }
    }
}

#[cfg(test)]
mod tests;
