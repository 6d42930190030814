//! A chunk as it comes. Fields stay raw until they are wanted: servers differ in their types, and most are never read.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// One chunk.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub id: Raw<'a>,
    #[serde(borrow)]
    pub model: Raw<'a>,
    #[serde(borrow)]
    pub created: Raw<'a>,
    #[serde(borrow)]
    pub service_tier: Raw<'a>,
    #[serde(borrow)]
    pub choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow)]
    pub usage: Raw<'a>,
    #[serde(borrow)]
    pub x_groq: Raw<'a>,
    #[serde(borrow)]
    pub error: Raw<'a>,
    #[serde(borrow)]
    pub message: Raw<'a>,
    #[serde(borrow)]
    pub detail: Raw<'a>,
}

/// One choice of a chunk.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice<'a> {
    #[serde(borrow)]
    pub index: Raw<'a>,
    #[serde(borrow)]
    pub delta: Option<Delta<'a>>,
    #[serde(borrow)]
    pub finish_reason: Raw<'a>,
    #[serde(borrow)]
    pub usage: Raw<'a>,
}

/// What a choice adds.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub content: Raw<'a>,
    #[serde(borrow)]
    pub refusal: Raw<'a>,
    #[serde(borrow)]
    pub reasoning_content: Raw<'a>,
    #[serde(borrow)]
    pub reasoning: Raw<'a>,
    #[serde(borrow)]
    pub reasoning_details: Raw<'a>,
    #[serde(borrow)]
    pub tool_calls: Raw<'a>,
    #[serde(borrow)]
    pub function_call: Raw<'a>,
    #[serde(borrow)]
    pub annotations: Raw<'a>,
}

/// A field of any type; absent and `null` are the same.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Raw<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl<'a> Raw<'a> {
    /// The JSON, unless absent or null.
    fn json(self) -> Option<&'a str> {
        self.0.map(RawValue::get).filter(|json| *json != "null")
    }

    /// Whether there is something.
    pub(super) fn is_there(self) -> bool {
        self.json().is_some()
    }

    /// A text that is not empty.
    pub(super) fn text(self) -> Option<String> {
        let json = self.json().filter(|json| json.starts_with('"') && *json != "\"\"")?;
        serde_json::from_str(json).ok()
    }

    /// A whole number of at least 0.
    pub(super) fn number(self) -> Option<u64> {
        serde_json::from_str(self.json()?).ok()
    }

    /// Anything.
    pub(super) fn value(self) -> Option<Value> {
        serde_json::from_str(self.json()?).ok()
    }
}
