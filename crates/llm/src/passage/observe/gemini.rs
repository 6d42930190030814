//! Chunks of Gemini. They are few and large, and each tells the tokens so far (case 6): all are parsed.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::neutral;
use crate::Dialect;
use crate::fault::UpstreamFault;
use crate::gemini::finish;
use crate::passage::answer::text;
use crate::passage::counts::{fault_of, usage_of};
use crate::passage::keys::is_there;
use crate::progress::{Progress, Verdict};
use crate::sse::SseEvent;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk<'a> {
    #[serde(borrow)]
    model_version: Option<&'a RawValue>,
    #[serde(borrow)]
    candidates: Option<Vec<Candidate<'a>>>,
    #[serde(borrow)]
    usage_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt_feedback: Option<Feedback<'a>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow)]
    content: Option<Content<'a>>,
    #[serde(borrow)]
    finish_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    index: Option<&'a RawValue>,
}

impl Candidate<'_> {
    /// The fault of the answer that counts: of several, the first.
    fn fault(&self) -> Option<UpstreamFault> {
        let is_first = self.index.is_none_or(|index| matches!(index.get(), "0" | "null"));
        is_first.then_some(())?;
        finish::fault(&text(self.finish_reason?)?)
    }
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    parts: Option<Vec<Part<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<Call<'a>>,
    #[serde(borrow)]
    inline_data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    args: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback<'a> {
    #[serde(borrow)]
    block_reason: Option<&'a RawValue>,
}

/// `None`: not what the dialect promises.
pub(super) fn observe(event: SseEvent<'_>, progress: &mut Progress) -> Option<Verdict> {
    let data = event.data;
    // Errors come wrapped in an array at times (case 29).
    if data.trim_ascii_start().starts_with(b"[") && is_there(data, "error", b"{") {
        return Some(Verdict::Error(fault_of(Dialect::Gemini, data)));
    }
    let chunk: Chunk<'_> = serde_json::from_slice(data).ok()?;
    if chunk.error.is_some() {
        return Some(Verdict::Error(fault_of(Dialect::Gemini, data)));
    }
    if progress.model.is_none() {
        progress.model = chunk.model_version.and_then(text);
    }
    if let Some(usage) = chunk.usage_metadata.and_then(|raw| usage_of(Dialect::Gemini, raw.get())) {
        progress.note_usage(&usage);
    }
    let is_blocked = chunk.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some());
    let candidates = chunk.candidates.as_deref().unwrap_or_default();
    let fault = candidates.iter().find_map(Candidate::fault);
    let is_finish = is_blocked || candidates.iter().any(|candidate| candidate.finish_reason.is_some());
    progress.finished |= is_finish && fault.is_none();
    let parts =
        candidates.iter().filter_map(|candidate| candidate.content.as_ref()?.parts.as_ref()).flatten();
    let mut says_something = false;
    for part in parts {
        let args = part.function_call.as_ref().and_then(|call| call.args);
        let bytes = part.text.map_or(0, quoted_bytes) + args.map_or(0, |args| args.get().len() as u64);
        progress.text_bytes += bytes;
        says_something |= bytes > 0 || part.function_call.is_some() || part.inline_data.is_some();
    }
    if let Some(fault) = fault {
        progress.good |= says_something;
        return Some(Verdict::Error(fault));
    }
    Some(if is_finish || says_something { Verdict::Good } else { neutral(progress) })
}

fn quoted_bytes(raw: &RawValue) -> u64 {
    raw.get().len().saturating_sub(2) as u64
}
