//! Reads a caller's request.

mod blocks;
mod messages;
mod tools;
mod wishes;

use serde_json::Value;

use crate::Dialect;
use crate::fault::BadRequest;
use crate::fields::{Fields, wrong};
use crate::hub::{CacheMark, ChatRequest, Sampling, Unmapped};

/// Reads the JSON body. `system` becomes one leading system turn with a part for each block (case 66); fields and blocks
/// that the hub has no word for are kept in `unmapped` and as opaque parts.
pub fn decode(body: &[u8]) -> Result<ChatRequest, BadRequest> {
    read(body, true)
}

/// The same with or without a limit on the answer, which counting tokens does not need.
pub(super) fn read(body: &[u8], needs_limit: bool) -> Result<ChatRequest, BadRequest> {
    let mut body = Fields::parse(body)?;
    let mut left = Leftovers::default();
    let mut request = ChatRequest {
        model: body.required_string("model")?,
        stream: body.bool("stream")?.unwrap_or(false),
        max_output_tokens: limit(&mut body, needs_limit)?,
        ..ChatRequest::default()
    };
    request.turns = messages::read(&mut body, &mut left)?;
    request.tools = tools::read(&mut body, &mut left)?;
    tools::read_choice(&mut body, &mut request, &mut left)?;
    request.sampling = Sampling {
        temperature: body.f64("temperature")?,
        top_p: body.f64("top_p")?,
        top_k: body.u64("top_k")?,
        ..Sampling::default()
    };
    request.stop = stop_sequences(&mut body)?;
    request.service_tier = body.string("service_tier")?;
    if let Some(mut metadata) = body.object("metadata")? {
        request.end_user = metadata.string("user_id")?;
        left.take(metadata);
    }
    wishes::read(&mut body, &mut request, &mut left)?;
    left.take(body);
    request.unmapped = Unmapped { dialect: Some(Dialect::Anthropic), fields: left.0 };
    Ok(request)
}

fn limit(body: &mut Fields, is_needed: bool) -> Result<Option<u64>, BadRequest> {
    if is_needed && body.peek("max_tokens").is_none() {
        body.required("max_tokens")?;
    }
    body.u64("max_tokens")
}

fn stop_sequences(body: &mut Fields) -> Result<Vec<String>, BadRequest> {
    let items = body.array("stop_sequences")?.unwrap_or_default();
    let read = |(i, item)| match item {
        Value::String(text) => Ok(text),
        other => Err(wrong(&format!("stop_sequences[{i}]"), "a string", &other)),
    };
    items.into_iter().enumerate().map(read).collect()
}

/// Takes `cache_control`.
fn cache_mark(fields: &mut Fields) -> Result<Option<CacheMark>, BadRequest> {
    match fields.object("cache_control")? {
        None => Ok(None),
        Some(mut control) => Ok(Some(CacheMark { ttl: control.string("ttl")? })),
    }
}

/// Whether a field has a type that is not among those known. Such a field is left where it is, hence passed on to
/// Anthropic and named elsewhere.
fn is_new_type(fields: &Fields, name: &str, known: &[&str]) -> bool {
    let kind = fields.peek(name).and_then(|value| value.get("type")).and_then(Value::as_str);
    kind.is_some_and(|kind| !known.contains(&kind))
}

/// Fields that nobody took, with their paths.
#[derive(Debug, Default)]
struct Leftovers(Vec<(String, Value)>);

impl Leftovers {
    /// Keeps what is left of an object.
    fn take(&mut self, fields: Fields) {
        self.0.extend(fields.leftovers());
    }

    /// Keeps one field.
    fn keep(&mut self, path: String, value: impl Into<Value>) {
        self.0.push((path, value.into()));
    }
}
