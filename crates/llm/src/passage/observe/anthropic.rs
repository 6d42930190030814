//! Events of Anthropic messages.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{kind, neutral};
use crate::Dialect;
use crate::passage::answer::text;
use crate::passage::counts::{fault_of, usage_of_value};
use crate::passage::keys::KEYS;
use crate::progress::{Progress, Verdict};
use crate::sse::SseEvent;

/// The counts told so far. `message_start` and `message_delta` each may tell only some of them (cases 2 to 4, 8), and
/// the input's total is a sum of three, so they are put together before they are read.
#[derive(Debug, Default)]
pub(super) struct Counts(Map<String, Value>);

impl Counts {
    fn take(&mut self, raw: Option<&RawValue>, progress: &mut Progress) {
        let Some(Ok(Value::Object(later))) = raw.map(|raw| serde_json::from_str(raw.get())) else { return };
        self.0.extend(later.into_iter().filter(|(_, value)| !value.is_null()));
        if let Some(usage) = usage_of_value(Dialect::Anthropic, &Value::Object(self.0.clone())) {
            progress.note_usage(&usage);
        }
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
            progress.text_bytes += KEYS.anthropic_bytes(data);
            Some(Verdict::Good)
        }
        "message_start" => {
            let frame: StartFrame<'_> = serde_json::from_slice(data).ok()?;
            progress.model = frame.message.model.and_then(text);
            counts.take(frame.message.usage, progress);
            Some(neutral(progress))
        }
        "content_block_start" => {
            let frame: BlockFrame = serde_json::from_slice(data).ok()?;
            Some(if frame.content_block.r#type == "text" { neutral(progress) } else { Verdict::Good })
        }
        "message_delta" => {
            let frame: DeltaFrame<'_> = serde_json::from_slice(data).ok()?;
            progress.finished |= frame.delta.is_some_and(|delta| delta.stop_reason.is_some());
            counts.take(frame.usage, progress);
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
