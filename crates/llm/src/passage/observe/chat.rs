//! Chunks of OpenAI chat and completions.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{is_object, neutral};
use crate::Dialect;
use crate::passage::Endpoint;
use crate::passage::answer::text;
use crate::passage::counts::{fault_of, usage_of};
use crate::passage::finder::KEYS;
use crate::passage::layout::entries;
use crate::progress::{Progress, Verdict};
use crate::sse::SseEvent;

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
    #[serde(borrow)]
    object: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    finish_reason: Option<&'a RawValue>,
}

/// `None`: not what the dialect promises.
pub(super) fn observe(
    endpoint: Endpoint,
    event: SseEvent<'_>,
    progress: &mut Progress,
    hide_usage: bool,
) -> Option<Verdict> {
    let data = event.data;
    let is_plain = glance(endpoint, data, progress);
    if progress.good && is_plain {
        return is_object(data).then_some(Verdict::Good);
    }
    let chunk: Chunk<'_> = serde_json::from_slice(data).ok()?;
    if chunk.is_error() {
        return Some(Verdict::Error(fault_of(Dialect::OpenaiChat, data)));
    }
    Some(read(&chunk, progress, hide_usage))
}

/// Measures the text of a chunk. True if there is nothing else in it that matters: no usage, no reason for the end, no
/// error.
fn glance(endpoint: Endpoint, data: &[u8], progress: &mut Progress) -> bool {
    let keys = &*KEYS;
    let Some(choices) = keys.choices.value(data, 0).and_then(|at| data.get(at..)) else { return false };
    progress.text_bytes += if endpoint == Endpoint::Completions {
        keys.text.string_bytes(choices)
    } else {
        keys.said.iter().map(|key| key.string_bytes(choices)).sum()
    };
    choices.starts_with(b"[")
        && !keys.finish_reason.is_there(choices, b"\"")
        && !keys.usage.is_there(data, b"{")
        && !keys.error.is_there(data, b"{\"")
}

fn read(chunk: &Chunk<'_>, progress: &mut Progress, hide_usage: bool) -> Verdict {
    if progress.model.is_none() {
        progress.model = chunk.model.and_then(text).filter(|model| !model.is_empty());
    }
    if let Some(mut usage) = chunk.usage.and_then(|raw| usage_of(Dialect::OpenaiChat, raw.get())) {
        usage.service_tier = chunk.service_tier.and_then(text).or(usage.service_tier);
        progress.note_usage(&usage);
    }
    let choices = chunk.choices.as_deref().unwrap_or_default();
    let is_finish = choices.iter().any(|choice| choice.finish_reason.is_some());
    progress.finished |= is_finish;
    if choices.is_empty() && chunk.usage.is_some() && hide_usage {
        return Verdict::Withhold;
    }
    if is_finish || choices.iter().any(Choice::says_something) { Verdict::Good } else { neutral(progress) }
}

impl Chunk<'_> {
    /// Some servers put the error's fields where a chunk's should be.
    fn is_error(&self) -> bool {
        let is_bare = (self.message.is_some() || self.detail.is_some()) && self.choices.is_none();
        self.error.is_some() || is_bare || self.object.is_some_and(|object| object.get() == "\"error\"")
    }
}

impl Choice<'_> {
    /// Whether there is more in it than the role (case 18).
    fn says_something(&self) -> bool {
        if self.text.is_some_and(|text| !is_nothing(text.get())) {
            return true;
        }
        let Some(delta) = self.delta.map(RawValue::get) else { return false };
        let found = entries(delta).unwrap_or_default();
        found
            .iter()
            .any(|entry| &delta[entry.key.clone()] != "\"role\"" && !is_nothing(&delta[entry.value.clone()]))
    }
}

fn is_nothing(raw: &str) -> bool {
    matches!(raw, "null" | "\"\"" | "[]" | "{}")
}
