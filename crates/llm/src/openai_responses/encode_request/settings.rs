//! Sampling, limits, format, reasoning and bookkeeping fields.

use serde_json::{Map, Value, json};

use super::Writer;
use crate::hub::{OutputFormat, ReasoningWish};

/// The lowest `max_output_tokens` that this API takes.
const LEAST_TOKENS: u64 = 16;
/// The longest end-user id that every OpenAI endpoint takes; Anthropic's callers send longer ones.
const LONGEST_USER: usize = 64;
const SEALED_REASONING: &str = "reasoning.encrypted_content";

impl Writer<'_> {
    pub(super) fn settings(&mut self) {
        let request = self.request;
        if request.stream {
            self.put("stream", true);
        }
        self.limit();
        self.put_some("temperature", request.sampling.temperature);
        self.put_some("top_p", request.sampling.top_p);
        self.text();
        self.reasoning();
        self.bookkeeping();
        self.tier();
        self.name_unsayable();
    }

    fn lose(&mut self, field: &'static str) {
        self.drop(self.words().field(field));
    }

    fn limit(&mut self) {
        let Some(limit) = self.request.max_output_tokens else { return };
        if limit < LEAST_TOKENS && !self.is_native {
            let path = self.words().field("max_completion_tokens");
            self.drop(format!("{path} (raised to {LEAST_TOKENS})"));
            self.put("max_output_tokens", LEAST_TOKENS);
        } else {
            self.put("max_output_tokens", limit);
        }
    }

    fn text(&mut self) {
        let mut text = Map::new();
        if let Some(format) = &self.request.format {
            text.insert("format".to_owned(), format_value(format));
        }
        if let Some(verbosity) = &self.request.verbosity {
            text.insert("verbosity".to_owned(), verbosity.as_str().into());
        }
        if !text.is_empty() {
            self.put("text", text);
        }
    }

    /// Effort as written (case 61). A budget in tokens becomes the effort that spends about as much.
    fn reasoning(&mut self) {
        let Some(wish) = &self.request.reasoning else { return };
        let mut reasoning = Map::new();
        let effort = wish.effort.as_deref().or_else(|| wish.budget.map(effort_of));
        if let Some(effort) = effort {
            reasoning.insert("effort".to_owned(), effort.into());
        }
        if let Some(summary) = summary(wish) {
            reasoning.insert("summary".to_owned(), summary.into());
        }
        let is_wanted = effort != Some("none") && (wish.dynamic || !reasoning.is_empty());
        if !reasoning.is_empty() {
            self.put("reasoning", reasoning);
        }
        if is_wanted && self.request.store != Some(true) && !self.target.quirks.no_openai_extras {
            self.include(&[SEALED_REASONING.into()]);
        }
    }

    fn bookkeeping(&mut self) {
        let request = self.request;
        let takes_extras = !self.target.quirks.no_openai_extras;
        match request.store {
            Some(true) if !takes_extras => self.lose("store"),
            store if takes_extras && (store.is_some() || !self.is_native) => {
                self.put("store", store.unwrap_or(false));
            }
            _ => {}
        }
        if !request.metadata.is_empty() {
            if takes_extras {
                let pairs = request.metadata.iter().map(|(name, value)| (name.clone(), value.clone().into()));
                self.put("metadata", pairs.collect::<Map<String, Value>>());
            } else {
                self.lose("metadata");
            }
        }
        if let Some(key) = request.prompt_cache_key.as_deref() {
            if takes_extras { self.put("prompt_cache_key", key) } else { self.lose("prompt_cache_key") }
        }
        match request.end_user.as_deref() {
            Some(user) if !self.is_native && user.chars().count() > LONGEST_USER => {
                self.lose("user");
            }
            Some(user) => self.put(if takes_extras { "safety_identifier" } else { "user" }, user),
            None => {}
        }
    }

    fn tier(&mut self) {
        match self.request.service_tier.as_deref() {
            None => {}
            Some("standard_only") => self.put("service_tier", "default"),
            Some(tier) if self.is_native => self.put("service_tier", tier),
            Some(tier @ ("auto" | "default" | "flex" | "scale" | "priority" | "fast" | "ultrafast")) => {
                self.put("service_tier", tier);
            }
            Some(_) => self.lose("service_tier"),
        }
    }

    fn name_unsayable(&mut self) {
        let sampling = &self.request.sampling;
        let unsayable = [
            (!self.request.stop.is_empty(), "stop"),
            (sampling.top_k.is_some(), "top_k"),
            (sampling.seed.is_some(), "seed"),
            (sampling.frequency_penalty.is_some_and(|penalty| penalty != 0.0), "frequency_penalty"),
            (sampling.presence_penalty.is_some_and(|penalty| penalty != 0.0), "presence_penalty"),
        ];
        for (is_asked, field) in unsayable {
            if is_asked {
                self.lose(field);
            }
        }
    }
}

/// `text.format` on the wire.
pub(in crate::openai_responses) fn format_value(format: &OutputFormat) -> Value {
    match format {
        OutputFormat::JsonObject => json!({"type": "json_object"}),
        OutputFormat::JsonSchema { name, description, schema, strict } => {
            let mut value = json!({"type": "json_schema", "name": name.as_deref().unwrap_or("answer")});
            if let Some(description) = description {
                value["description"] = description.as_str().into();
            }
            value["schema"] = schema.clone();
            if let Some(strict) = strict {
                value["strict"] = (*strict).into();
            }
            value
        }
    }
}

fn summary(wish: &ReasoningWish) -> Option<&str> {
    wish.summary.as_deref().or((wish.show == Some(true)).then_some("auto"))
}

/// The effort that stands for a thinking budget.
fn effort_of(budget: u64) -> &'static str {
    match budget {
        0 => "none",
        1..=4_095 => "low",
        4_096..=16_383 => "medium",
        16_384..=32_767 => "high",
        _ => "xhigh",
    }
}
