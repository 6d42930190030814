//! Writes a request for a provider.

mod format;
mod messages;
mod place;
mod tools;

use serde_json::{Map, Value, json};

use crate::Dialect;
use crate::codec::Encoded;
use crate::fault::BadRequest;
use crate::hub::{ChatRequest, ReasoningWish};
use crate::quirks::{Profile, Quirks};
use crate::words::{Words, is_no_op};

/// Fields that only OpenAI itself knows; left away for providers that refuse unknown fields.
const EXTRAS: [&str; 3] = ["prompt_cache_retention", "prompt_cache_options", "moderation"];

/// Writes the JSON body.
///
/// Rules: a stream always asks for its usage (case 5); `metadata` goes only with `store: true` (case 71); tool choice and
/// parallel calls go only with tools (case 42); a thinking budget becomes an effort (see `effort`); at most four
/// stop texts, unless the caller speaks this dialect; `top_k` goes only from this dialect to this dialect; Anthropic's tier
/// `standard_only` is `default`.
///
/// Refused: state that only another provider has (`previous_response_id`, `conversation`, `cachedContent`).
pub fn encode(request: &ChatRequest, target: &Profile<'_>) -> Result<Encoded, BadRequest> {
    refuse_remote_state(request)?;
    let mut out = Writer::new(request, target.quirks);
    out.put("model", target.model);
    let mut messages = messages::write(&mut out);
    let tools = tools::write(&mut out);
    let format = format::write(&mut out, &mut messages);
    out.put("messages", messages);
    out.put_some("response_format", format);
    tools.put(&mut out);
    out.put_sampling();
    out.put_limits();
    out.put_reasoning();
    out.put_people_and_places();
    if request.stream {
        out.put("stream", true);
        if !target.quirks.no_stream_options {
            out.put("stream_options", json!({"include_usage": true}));
        }
    }
    out.finish()
}

fn refuse_remote_state(request: &ChatRequest) -> Result<(), BadRequest> {
    let remote = ["previous_response_id", "conversation", "cachedContent"];
    match request.unmapped.fields.iter().find(|(path, _)| remote.contains(&path.as_str())) {
        Some((path, _)) if request.unmapped.dialect != Some(Dialect::OpenaiChat) => {
            let message = format!(
                "`{path}` refers to what another provider keeps; the chosen model's provider cannot see it"
            );
            Err(BadRequest::field(path, message))
        }
        _ => Ok(()),
    }
}

/// The body in the making.
struct Writer<'a> {
    request: &'a ChatRequest,
    quirks: Quirks,
    body: Map<String, Value>,
    dropped: Vec<String>,
}

impl<'a> Writer<'a> {
    fn new(request: &'a ChatRequest, quirks: Quirks) -> Self {
        Self { request, quirks, body: Map::new(), dropped: Vec::new() }
    }

    /// Whether the caller speaks this dialect too.
    fn is_own(&self) -> bool {
        self.request.unmapped.dialect == Some(Dialect::OpenaiChat)
    }

    fn words(&self) -> Words<'a> {
        Words::of(self.request)
    }

    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.body.insert(name.to_owned(), value.into());
    }

    fn put_some<T: Into<Value>>(&mut self, name: &str, value: Option<T>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Names something as dropped, once.
    fn drop_field(&mut self, name: impl Into<String>) {
        let name = name.into();
        if !self.dropped.contains(&name) {
            self.dropped.push(name);
        }
    }

    /// Puts a field that only OpenAI itself knows.
    fn put_extra<T: Into<Value>>(&mut self, name: &'static str, value: Option<T>) {
        match value {
            Some(_) if self.quirks.no_openai_extras => self.drop_field(self.words().field(name)),
            value => self.put_some(name, value),
        }
    }

    fn put_sampling(&mut self) {
        let sampling = self.request.sampling.clone();
        self.put_some("temperature", sampling.temperature.map(number));
        self.put_some("top_p", sampling.top_p.map(number));
        match sampling.top_k {
            Some(top_k) if self.is_own() => self.put("top_k", top_k),
            Some(_) => self.drop_field(self.words().field("top_k")),
            None => {}
        }
        self.put_some("seed", sampling.seed);
        self.put_some("frequency_penalty", sampling.frequency_penalty.map(number));
        self.put_some("presence_penalty", sampling.presence_penalty.map(number));
    }

    /// Case 65: reasoning models want `max_completion_tokens`, many servers know only `max_tokens`.
    fn put_limits(&mut self) {
        let name = if self.quirks.legacy_max_tokens { "max_tokens" } else { "max_completion_tokens" };
        self.put_some(name, self.request.max_output_tokens);
        let stop = &self.request.stop;
        if stop.len() > 4 && !self.is_own() {
            self.drop_field(format!("{}[4]", self.words().field("stop")));
            self.put("stop", stop[..4].to_vec());
        } else if !stop.is_empty() {
            self.put("stop", stop.clone());
        }
    }

    fn put_reasoning(&mut self) {
        let Some(wish) = &self.request.reasoning else { return };
        self.put_some("reasoning_effort", effort(wish));
        if wish.show == Some(true) && !self.is_own() || wish.summary.is_some() {
            self.drop_field(self.words().field("reasoning.summary"));
        }
    }

    fn put_people_and_places(&mut self) {
        let request = self.request;
        self.put_extra("verbosity", request.verbosity.clone());
        let user = if request.unmapped.fields.iter().any(|(path, _)| path == "user") {
            "safety_identifier"
        } else {
            "user"
        };
        self.put_some(user, request.end_user.clone());
        self.put_extra("service_tier", self.service_tier());
        self.put_extra("prompt_cache_key", request.prompt_cache_key.clone());
        if !request.metadata.is_empty() {
            if request.store == Some(true) && !self.quirks.no_openai_extras {
                let entries =
                    request.metadata.iter().map(|(name, text)| (name.clone(), text.as_str().into()));
                self.put("metadata", entries.collect::<Map<String, Value>>());
            } else {
                self.drop_field(self.words().field("metadata"));
            }
        }
        if !(self.quirks.no_openai_extras && request.store == Some(false)) {
            self.put_extra("store", request.store);
        }
    }

    fn service_tier(&self) -> Option<String> {
        let tier = self.request.service_tier.as_deref()?;
        let tier = if tier == "standard_only" { "default" } else { tier };
        // `auto` is what a provider does anyway.
        (tier != "auto" || self.is_own() && !self.quirks.no_openai_extras).then(|| tier.to_owned())
    }

    fn finish(mut self) -> Result<Encoded, BadRequest> {
        for (path, value) in &self.request.unmapped.fields {
            let refused = self.quirks.no_openai_extras && EXTRAS.contains(&path.as_str());
            let is_placed = self.is_own() && !refused && place::put(&mut self.body, path, value);
            if !is_placed && !is_no_op(path, value) {
                self.drop_field(path.clone());
            }
        }
        let body = serde_json::to_vec(&self.body)
            .map_err(|error| BadRequest::body(format!("the request cannot be written as JSON: {error}")))?;
        Ok(Encoded { body, dropped: self.dropped })
    }
}

/// The `reasoning_effort` that a wish stands for. An effort is passed on as written, never lowered (case 61). A budget
/// of thinking tokens becomes `none` (0), `low` (up to 4,096), `medium` (up to 16,384) or `high`. A model that may choose
/// by itself is told nothing.
fn effort(wish: &ReasoningWish) -> Option<&str> {
    match (wish.effort.as_deref(), wish.budget) {
        (Some(effort), _) => Some(effort),
        (None, Some(0)) => Some("none"),
        (None, Some(..=4_096)) => Some("low"),
        (None, Some(..=16_384)) => Some("medium"),
        (None, Some(_)) => Some("high"),
        (None, None) => None,
    }
}

/// A number as the caller wrote it: `1`, not `1.0`.
fn number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e9 { Value::from(number as i64) } else { Value::from(number) }
}
