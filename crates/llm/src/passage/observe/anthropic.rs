//! Events of Anthropic messages.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{kind, neutral};
use crate::Dialect;
use crate::anthropic::usage::Counts;
use crate::passage::answer::text;
use crate::passage::counts::fault_of;
use crate::passage::finder::KEYS;
use crate::progress::{Progress, Verdict};
use crate::sse::SseEvent;

/// `message_start` and `message_delta` each may tell only some counts (cases 2 to 4, 8), and the input's total is a sum of
/// three, so they are put together before they are read.
fn take(counts: &mut Counts, told: Option<&RawValue>, progress: &mut Progress) {
    if let Some(Ok(later)) = told.map(|told| serde_json::from_str(told.get())) {
        counts.absorb(&later);
        progress.usage = Some(counts.usage());
    }
}

#[derive(Deserialize)]
struct StartFrame<'a> {
    #[serde(borrow)]
    message: Message<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct BlockFrame {
    content_block: Block,
}

#[derive(Deserialize)]
struct Block {
    r#type: String,
}

#[derive(Deserialize)]
struct DeltaFrame<'a> {
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    stop_reason: Option<&'a RawValue>,
}

/// `None`: not what the dialect promises.
pub(super) fn observe(event: SseEvent<'_>, progress: &mut Progress, counts: &mut Counts) -> Option<Verdict> {
    let mut unnamed = String::new();
    let data = event.data;
    match kind(event, &mut unnamed)? {
        "content_block_delta" => {
            progress.text_bytes += KEYS.anthropic.iter().map(|key| key.string_bytes(data)).sum::<u64>();
            Some(Verdict::Good)
        }
        "message_start" => {
            let frame: StartFrame<'_> = serde_json::from_slice(data).ok()?;
            progress.model = frame.message.model.and_then(text);
            take(counts, frame.message.usage, progress);
            Some(neutral(progress))
        }
        "content_block_start" => {
            let frame: BlockFrame = serde_json::from_slice(data).ok()?;
            Some(if frame.content_block.r#type == "text" { neutral(progress) } else { Verdict::Good })
        }
        "message_delta" => {
            let frame: DeltaFrame<'_> = serde_json::from_slice(data).ok()?;
            progress.finished |= frame.delta.is_some_and(|delta| delta.stop_reason.is_some());
            take(counts, frame.usage, progress);
            Some(Verdict::Good)
        }
        "message_stop" => {
            progress.ended = true;
            Some(neutral(progress))
        }
        "error" => Some(Verdict::Error(fault_of(Dialect::Anthropic, data))),
        // Pings and events that are not known yet (case 25).
        _ => Some(neutral(progress)),
    }
}
