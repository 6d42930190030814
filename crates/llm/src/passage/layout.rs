//! Where the fields of a JSON object are: one validating pass that builds nothing.

use std::fmt;
use std::ops::Range;

use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::scan;

/// Most fields that an object at the top of a body may have; no API knows a quarter of them.
const MOST_FIELDS: usize = 256;

/// The fields that we look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Model,
    Stream,
    StreamOptions,
    IncludeUsage,
    Messages,
    Contents,
    Content,
    Input,
    Prompt,
    MaxTokens,
    MaxCompletionTokens,
    MaxOutputTokens,
    N,
    BestOf,
    Temperature,
    TopP,
    User,
    SafetyIdentifier,
    Metadata,
    UserId,
    ServiceTier,
    GenerationConfig,
    CandidateCount,
    PreviousResponse,
    Conversation,
    /// Any other field; may be there twice for all we care.
    Other,
}

impl Field {
    /// The field of a key as it stands in the body, quotes included.
    fn of(key: &str) -> Self {
        if memchr::memchr(b'\\', key.as_bytes()).is_some() {
            return serde_json::from_str::<String>(key).map_or(Self::Other, |plain| Self::named(&plain));
        }
        Self::named(key.trim_matches('"'))
    }

    fn named(name: &str) -> Self {
        match name {
            "model" => Self::Model,
            "stream" => Self::Stream,
            "stream_options" => Self::StreamOptions,
            "include_usage" => Self::IncludeUsage,
            "messages" => Self::Messages,
            "contents" => Self::Contents,
            "content" => Self::Content,
            "input" => Self::Input,
            "prompt" => Self::Prompt,
            "max_tokens" => Self::MaxTokens,
            "max_completion_tokens" => Self::MaxCompletionTokens,
            "max_output_tokens" | "maxOutputTokens" => Self::MaxOutputTokens,
            "n" => Self::N,
            "best_of" => Self::BestOf,
            "temperature" => Self::Temperature,
            "top_p" | "topP" => Self::TopP,
            "user" => Self::User,
            "safety_identifier" => Self::SafetyIdentifier,
            "metadata" => Self::Metadata,
            "user_id" => Self::UserId,
            "service_tier" => Self::ServiceTier,
            "generationConfig" | "generation_config" => Self::GenerationConfig,
            "candidateCount" | "candidate_count" => Self::CandidateCount,
            "previous_response_id" => Self::PreviousResponse,
            "conversation" => Self::Conversation,
            _ => Self::Other,
        }
    }
}

/// One `"key": value`, as byte ranges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) field: Field,
    /// With its quotes.
    pub(super) key: Range<usize>,
    pub(super) value: Range<usize>,
}

/// The entries of the object that `text` is. Everything in it is checked to be JSON; nothing of it is built.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, serde_json::Error> {
    entries_fast(text).map_or_else(|| entries_slow(text), Ok)
}

/// The same, but where something is wrong (or nested too deep) nobody learns what.
pub(super) fn entries_fast(text: &str) -> Option<Vec<Entry>> {
    let mut found = Vec::with_capacity(12);
    scan::fields(text.as_bytes(), |key, value| {
        if found.len() <= MOST_FIELDS {
            found.push(Entry { field: Field::of(&text[key.clone()]), key, value });
        }
    })?;
    (found.len() <= MOST_FIELDS).then_some(found)
}

/// The same, with an error that tells what is wrong and where. Nesting takes no stack.
pub(super) fn entries_slow(text: &str) -> Result<Vec<Entry>, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let found = json.deserialize_map(Entries { base: text.as_ptr() as usize })?;
    json.end()?;
    Ok(found)
}

struct Entries {
    base: usize,
}

impl Entries {
    /// Raw values borrow from the text, so their place in it is the distance of their addresses.
    fn range(&self, raw: &RawValue) -> Range<usize> {
        let start = (raw.get().as_ptr() as usize).wrapping_sub(self.base);
        start..start + raw.get().len()
    }
}

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<Entry>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::with_capacity(12);
        while let Some(key) = map.next_key::<&RawValue>()? {
            let value = map.next_value::<&RawValue>()?;
            if found.len() == MOST_FIELDS {
                return Err(A::Error::custom(format_args!("an object of more than {MOST_FIELDS} fields")));
            }
            found.push(Entry { field: Field::of(key.get()), key: self.range(key), value: self.range(value) });
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_text() {
        let text = " { \"model\" : \"a\\\"b\", \"x\":[1, {\"model\":2}] ,\"m\\u006fdel\":null}";
        let found = entries_fast(text).unwrap();
        assert_eq!(found, entries_slow(text).unwrap());
        let seen: Vec<_> = found
            .iter()
            .map(|entry| (entry.field, &text[entry.key.clone()], &text[entry.value.clone()]))
            .collect();
        assert_eq!(
            seen,
            [
                (Field::Model, "\"model\"", "\"a\\\"b\""),
                (Field::Other, "\"x\"", "[1, {\"model\":2}]"),
                (Field::Model, "\"m\\u006fdel\"", "null"),
            ]
        );
    }

    #[test]
    fn what_is_not_one_json_object_is_refused() {
        for text in ["", "[]", "{", "{\"a\":}", "{\"a\":1} x", "{\"a\":NaN}", "{\"a\":\"\n\"}", "{\"a\":01}"]
        {
            assert!(entries(text).is_err() && entries_fast(text).is_none(), "{text:?}");
        }
    }
}
