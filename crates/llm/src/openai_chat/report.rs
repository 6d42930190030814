//! A `usage` object as providers write it: each count that one of them has, and nothing built for the rest.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::usage::Usage;

/// Counts from here on are nonsense and treated as missing (fault 43).
const ABSURD: u64 = 1_000_000_000_000;

/// The counts of a `usage` object, in the words of OpenAI and of those who copied them.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Report {
    prompt_tokens: Lenient<u64>,
    input_tokens: Lenient<u64>,
    completion_tokens: Lenient<u64>,
    output_tokens: Lenient<u64>,
    total_tokens: Lenient<u64>,
    prompt_tokens_details: Lenient<Details>,
    input_tokens_details: Lenient<Details>,
    completion_tokens_details: Lenient<Details>,
    output_tokens_details: Lenient<Details>,
    /// DeepSeek's word for cached tokens.
    prompt_cache_hit_tokens: Lenient<u64>,
    /// Moonshot's.
    cached_tokens: Lenient<u64>,
    /// Anthropic's.
    cache_read_input_tokens: Lenient<u64>,
    cache_creation_input_tokens: Lenient<u64>,
    /// OpenRouter uses Anthropic's words for it.
    server_tool_use: Lenient<Details>,
}

/// The counts of the objects in it.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Lenient<u64>,
    cache_write_tokens: Lenient<u64>,
    cache_creation_tokens: Lenient<u64>,
    audio_tokens: Lenient<u64>,
    image_tokens: Lenient<u64>,
    reasoning_tokens: Lenient<u64>,
    web_search_requests: Lenient<u64>,
}

impl Report {
    /// The tokens, as [`super::usage::read`] tells.
    pub(super) fn usage(&self) -> Option<Usage> {
        let completion = self.completion_tokens.0.or(self.output_tokens.0);
        let total = self.total_tokens.0;
        let prompt = self.prompt_tokens.0.or(self.input_tokens.0);
        let input = prompt.or_else(|| total?.checked_sub(completion?))?;
        let mut output = match completion {
            Some(count) => count,
            None => total?.checked_sub(input)?,
        };
        let of_prompt = self.prompt_tokens_details.0.unwrap_or_default();
        let of_input = self.input_tokens_details.0.unwrap_or_default();
        let of_completion = self.completion_tokens_details.0.unwrap_or_default();
        let of_output = self.output_tokens_details.0.unwrap_or_default();
        let reasoning = of_completion.reasoning_tokens.0.or(of_output.reasoning_tokens.0).unwrap_or(0);
        if reasoning > 0 && total == Some(input + output + reasoning) {
            output += reasoning;
        }
        let cache_read = (of_prompt.cached_tokens.0)
            .or(of_input.cached_tokens.0)
            .or(self.prompt_cache_hit_tokens.0)
            .or(self.cached_tokens.0)
            .or(self.cache_read_input_tokens.0);
        let cache_write = (of_prompt.cache_write_tokens.0)
            .or(of_input.cache_write_tokens.0)
            .or(of_prompt.cache_creation_tokens.0)
            .or(self.cache_creation_input_tokens.0);
        let cache_read = cache_read.unwrap_or(0).min(input);
        let searches = self.server_tool_use.0.and_then(|tools| tools.web_search_requests.0);
        Some(Usage {
            input,
            cache_read,
            cache_write: cache_write.unwrap_or(0).min(input - cache_read),
            input_audio: of_prompt.audio_tokens.0.unwrap_or(0).min(input),
            input_image: of_prompt.image_tokens.0.unwrap_or(0).min(input),
            output,
            reasoning: reasoning.min(output),
            output_audio: of_completion.audio_tokens.0.unwrap_or(0).min(output),
            web_searches: searches.unwrap_or(0),
            ..Usage::default()
        })
    }
}

/// A value, or nothing where something else stands in its place.
#[derive(Clone, Copy)]
struct Lenient<T>(Option<T>);

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de> Deserialize<'de> for Lenient<u64> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(CountVisitor).map(|count| Self(count.filter(|count| *count < ABSURD)))
    }
}

impl<'de> Deserialize<'de> for Lenient<Details> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(DetailsVisitor).map(Self)
    }
}

/// The visits that say nothing, for both visitors.
macro_rules! says_nothing {
    ($($visit:ident: $kind:ty),*) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }
        $(fn $visit<E>(self, _: $kind) -> Result<Self::Value, E> {
            Ok(None)
        })*
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            Ok(None)
        }
    };
}

struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Option<u64>;

    says_nothing!(visit_bool: bool, visit_i64: i64, visit_str: &str);

    fn visit_u64<E>(self, count: u64) -> Result<Self::Value, E> {
        Ok(Some(count))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        let is_count = number.fract() == 0.0 && number >= 0.0 && number < ABSURD as f64;
        Ok(is_count.then_some(number as u64))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

struct DetailsVisitor;

impl<'de> Visitor<'de> for DetailsVisitor {
    type Value = Option<Details>;

    says_nothing!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
        Details::deserialize(MapAccessDeserializer::new(fields)).map(Some)
    }
}
