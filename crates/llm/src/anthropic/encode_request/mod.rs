//! Writes a request for a provider.

mod blocks;
mod format;
mod media;
mod messages;
mod sampling;
mod thinking;
mod tools;
mod wire;

use serde_json::{Map, Value};

use self::wire::Body;
use super::models::{Traits, traits};
use crate::Dialect;
use crate::codec::Encoded;
use crate::fault::BadRequest;
use crate::hub::ChatRequest;
use crate::quirks::Profile;
use crate::words::{Words, is_no_op};

/// What every part of the encoder needs.
struct Context<'a> {
    request: &'a ChatRequest,
    target: &'a Profile<'a>,
    traits: Traits,
    /// Whether the caller speaks this dialect too: then wishes are repeated, not interpreted.
    is_own: bool,
    dropped: Vec<String>,
}

impl<'a> Context<'a> {
    fn words(&self) -> Words<'a> {
        Words::of(self.request)
    }

    /// Names something that may be there many times.
    fn drop_once(&mut self, name: &str) {
        if !self.dropped.iter().any(|dropped| dropped == name) {
            self.dropped.push(name.to_owned());
        }
    }

    /// Names a field of the caller's as dropped, in the caller's words.
    fn drop_field(&mut self, field: &'static str) {
        self.dropped.push(self.words().field(field).to_owned());
    }
}

/// Writes the JSON body. Rules, beside those of the parts:
/// `max_tokens` is the caller's, else the most that the model gives, else 8192 (case 65) and more if a thinking budget
/// would eat that up; penalties, seed and `verbosity` have no likeness here and are dropped by name; stop sequences of
/// white space only are refused there and are dropped by name.
pub fn encode(request: &ChatRequest, target: &Profile<'_>) -> Result<Encoded, BadRequest> {
    let mut cx = Context {
        request,
        target,
        traits: traits(target.model),
        is_own: request.unmapped.dialect == Some(Dialect::Anthropic),
        dropped: Vec::new(),
    };
    let mut conversation = messages::write(&mut cx)?;
    let plan = thinking::plan(&mut cx, &conversation.messages);
    let output = format::write(&mut cx, &mut conversation.system);
    let tools = tools::write(&mut cx);
    let tool_choice = tools::write_choice(&mut cx, !tools.is_empty(), plan.is_on());
    let sampling = sampling::write(&mut cx, plan.is_on());
    let mut body = Body {
        model: target.model,
        max_tokens: plan.max_tokens,
        system: conversation.system(),
        messages: conversation.messages,
        tools,
        tool_choice,
        thinking: plan.thinking(),
        output_config: plan.output_config(output),
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        stop_sequences: stop_sequences(&mut cx),
        metadata: end_user(request),
        service_tier: service_tier(&mut cx),
        stream: request.stream.then_some(true),
        rest: Map::new(),
    };
    drop_strangers(&mut cx);
    write_unmapped(&mut cx, &mut body);
    let bytes = serde_json::to_vec(&body)
        .map_err(|error| BadRequest::body(format!("the request cannot be written: {error}")))?;
    Ok(Encoded { body: bytes, dropped: cx.dropped })
}

fn stop_sequences<'a>(cx: &mut Context<'a>) -> Vec<&'a str> {
    let field = cx.words().field("stop");
    let mut kept = Vec::new();
    for (i, text) in cx.request.stop.iter().enumerate() {
        if text.trim().is_empty() {
            cx.dropped.push(format!("{field}[{i}]"));
        } else {
            kept.push(text.as_str());
        }
    }
    kept
}

fn end_user(request: &ChatRequest) -> Option<Map<String, Value>> {
    let user = request.end_user.clone()?;
    Some(Map::from_iter([("user_id".to_owned(), Value::String(user))]))
}

/// `auto` and `standard_only` are the words here; the ordinary tier of others is `standard_only`.
fn service_tier<'a>(cx: &mut Context<'a>) -> Option<&'a str> {
    match cx.request.service_tier.as_deref()? {
        tier if cx.is_own => Some(tier),
        "auto" => None,
        "default" | "standard" | "standard_only" => Some("standard_only"),
        _ => {
            cx.drop_field("service_tier");
            None
        }
    }
}

/// Names the hub's fields that have no place here.
fn drop_strangers(cx: &mut Context<'_>) {
    let request = cx.request;
    let strangers = [
        (request.sampling.seed.is_some(), "seed"),
        (request.sampling.frequency_penalty.is_some_and(|penalty| penalty != 0.0), "frequency_penalty"),
        (request.sampling.presence_penalty.is_some_and(|penalty| penalty != 0.0), "presence_penalty"),
        (request.verbosity.as_deref().is_some_and(|wish| wish != "medium"), "verbosity"),
        (request.prompt_cache_key.is_some(), "prompt_cache_key"),
        (!request.metadata.is_empty(), "metadata"),
        (request.store == Some(true), "store"),
    ];
    for (is_set, field) in strangers {
        if is_set {
            cx.drop_field(field);
        }
    }
}

/// Writes this dialect's own fields back where they were: top-level ones, and fields of `thinking`, `output_config`,
/// `metadata` and `tool_choice`. Everything else is named.
fn write_unmapped<'a>(cx: &mut Context<'a>, body: &mut Body<'a>) {
    let request = cx.request;
    for (path, value) in &request.unmapped.fields {
        if !cx.is_own {
            if !is_no_op(path, value) {
                cx.dropped.push(path.clone());
            }
            continue;
        }
        match path.split_once('.') {
            None if !path.contains('[') => {
                body.rest.insert(path.clone(), value.clone());
            }
            Some((outer, inner)) if !inner.contains(['.', '[']) => match body.object(outer) {
                Some(object) => {
                    object.insert(inner.to_owned(), value.clone());
                }
                None => cx.dropped.push(path.clone()),
            },
            _ => cx.dropped.push(path.clone()),
        }
    }
}
