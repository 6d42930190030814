//! Reads the fields beside messages and tools.

use serde_json::Value;

use crate::fault::BadRequest;
use crate::fields::{Fields, wrong};
use crate::hub::{OutputFormat, ReasoningWish, Sampling};
use crate::openai_chat::content::Leftovers;

/// `stream` and `stream_options.include_usage`. `include_obfuscation` is about bytes on the wire and asks for nothing here.
pub(crate) fn stream(body: &mut Fields) -> Result<(bool, bool), BadRequest> {
    let stream = body.bool("stream")?.unwrap_or(false);
    let include_usage = match body.object("stream_options")? {
        Some(mut options) => options.bool("include_usage")?.unwrap_or(false),
        None => false,
    };
    Ok((stream, include_usage))
}

/// The sampling numbers.
pub(crate) fn sampling(body: &mut Fields) -> Result<Sampling, BadRequest> {
    Ok(Sampling {
        temperature: body.f64("temperature")?,
        top_p: body.f64("top_p")?,
        top_k: body.u64("top_k")?,
        seed: body.i64("seed")?,
        frequency_penalty: body.f64("frequency_penalty")?,
        presence_penalty: body.f64("presence_penalty")?,
    })
}

/// `max_completion_tokens`, else `max_tokens`. When the two differ, the latter is left over.
pub(crate) fn output_limit(body: &mut Fields, leftovers: &mut Leftovers) -> Result<Option<u64>, BadRequest> {
    let new = at_least_one(body, "max_completion_tokens")?;
    let old = at_least_one(body, "max_tokens")?;
    if let (Some(new), Some(old)) = (new, old)
        && new != old
    {
        leftovers.push((body.at("max_tokens"), old.into()));
    }
    Ok(new.or(old))
}

fn at_least_one(body: &mut Fields, name: &str) -> Result<Option<u64>, BadRequest> {
    match body.u64(name)? {
        Some(0) => Err(body.complain(name, format!("`{name}` must be at least 1"))),
        other => Ok(other),
    }
}

/// `stop`: a text or an array of texts.
pub(crate) fn stop(body: &mut Fields) -> Result<Vec<String>, BadRequest> {
    match body.take("stop") {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text]),
        Some(Value::Array(items)) => items
            .into_iter()
            .enumerate()
            .map(|(i, item)| match item {
                Value::String(text) => Ok(text),
                other => Err(wrong(&format!("stop[{i}]"), "a string", &other)),
            })
            .collect(),
        Some(other) => Err(wrong("stop", "a string or an array of strings", &other)),
    }
}

/// `response_format`.
pub(super) fn format(
    body: &mut Fields,
    leftovers: &mut Leftovers,
) -> Result<Option<OutputFormat>, BadRequest> {
    let Some(mut format) = body.object("response_format")? else { return Ok(None) };
    match format.required_string("type")?.as_str() {
        "text" => Ok(None),
        "json_object" => Ok(Some(OutputFormat::JsonObject)),
        "json_schema" => {
            let path = format.at("json_schema");
            let mut inner = Fields::of(path, format.required("json_schema")?)?;
            let read = OutputFormat::JsonSchema {
                name: inner.string("name")?,
                description: inner.string("description")?,
                schema: schema(&mut inner, "schema")?.unwrap_or_else(|| Value::Object(Default::default())),
                strict: inner.bool("strict")?,
            };
            leftovers.extend(inner.leftovers());
            Ok(Some(read))
        }
        other => {
            let message =
                format!("`response_format.type` must be text, json_object or json_schema, not `{other}`");
            Err(format.complain("type", message))
        }
    }
}

/// A JSON schema: an object (or a boolean, which JSON schema allows).
pub(super) fn schema(fields: &mut Fields, name: &str) -> Result<Option<Value>, BadRequest> {
    match fields.take(name) {
        None => Ok(None),
        Some(schema @ (Value::Object(_) | Value::Bool(_))) => Ok(Some(schema)),
        Some(other) => Err(wrong(&fields.at(name), "an object", &other)),
    }
}

/// `reasoning_effort`, and OpenRouter's `reasoning: {effort, max_tokens, exclude, enabled}`.
pub(super) fn reasoning(
    body: &mut Fields,
    leftovers: &mut Leftovers,
) -> Result<Option<ReasoningWish>, BadRequest> {
    let mut wish = ReasoningWish { effort: body.string("reasoning_effort")?, ..ReasoningWish::default() };
    if body.peek("reasoning").is_some_and(Value::is_object)
        && let Some(mut reasoning) = body.object("reasoning")?
    {
        let effort = reasoning.string("effort")?;
        wish.effort = wish.effort.or(effort);
        wish.budget = reasoning.u64("max_tokens")?;
        wish.show = reasoning.bool("exclude")?.map(|exclude| !exclude);
        wish.summary = reasoning.string("summary")?;
        match reasoning.bool("enabled")? {
            Some(false) => wish.effort = wish.effort.or_else(|| Some("none".to_owned())),
            Some(true) => wish.dynamic = wish.effort.is_none() && wish.budget.is_none(),
            None => {}
        }
        leftovers.extend(reasoning.leftovers());
    }
    Ok((wish != ReasoningWish::default()).then_some(wish))
}

/// `safety_identifier`, else `user`. When the two differ, the latter is left over.
pub(super) fn end_user(body: &mut Fields, leftovers: &mut Leftovers) -> Result<Option<String>, BadRequest> {
    let new = body.string("safety_identifier")?;
    let old = body.string("user")?;
    match (new, old) {
        (Some(new), Some(old)) => {
            if new != old {
                leftovers.push(("user".to_owned(), old.into()));
            }
            Ok(Some(new))
        }
        (new, old) => Ok(new.or(old)),
    }
}

/// `metadata`: texts by name.
pub(super) fn metadata(body: &mut Fields) -> Result<Vec<(String, String)>, BadRequest> {
    let Some(metadata) = body.object("metadata")? else { return Ok(Vec::new()) };
    let entries = metadata.leftovers().into_iter().map(|(path, value)| match value {
        Value::String(text) => Ok((path.trim_start_matches("metadata.").to_owned(), text)),
        other => Err(wrong(&path, "a string", &other)),
    });
    entries.collect()
}

/// Takes away what asks for nothing, after checking `n`.
pub(super) fn skip_idle(body: &mut Fields) -> Result<(), BadRequest> {
    match body.peek("n").cloned() {
        None => {}
        Some(count) if count == 1 => drop(body.take("n")),
        Some(count) if count.as_u64().is_some_and(|count| count > 1) => {}
        Some(count) => return Err(wrong("n", "a whole number of at least 1", &count)),
    }
    let idle = [("logprobs", Value::Bool(false)), ("modalities", Value::from(vec!["text"]))];
    for (name, value) in idle {
        if body.peek(name) == Some(&value) {
            body.take(name);
        }
    }
    for name in ["logit_bias"] {
        if body.peek(name).and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) {
            body.take(name);
        }
    }
    Ok(())
}
