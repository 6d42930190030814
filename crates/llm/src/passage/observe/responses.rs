//! Events of OpenAI responses.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{kind, neutral};
use crate::Dialect;
use crate::fault::UpstreamFault;
use crate::passage::answer::text;
use crate::passage::counts::{fault_inside, fault_of, usage_of};
use crate::passage::finder::KEYS;
use crate::passage::keys::is_there;
use crate::progress::{Progress, Verdict};
use crate::sse::SseEvent;

const DIALECT: Dialect = Dialect::OpenaiResponses;

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    response: Option<Response<'a>>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ItemFrame {
    item: Item,
}

#[derive(Deserialize)]
struct Item {
    r#type: String,
}

/// `None`: not what the dialect promises.
pub(super) fn observe(event: SseEvent<'_>, progress: &mut Progress) -> Option<Verdict> {
    let mut unnamed = String::new();
    let data = event.data;
    match kind(event, &mut unnamed)? {
        "response.created" | "response.in_progress" | "response.queued" => {
            read(data, progress)?;
            Some(neutral(progress))
        }
        "response.output_item.added" => {
            let frame: ItemFrame = serde_json::from_slice(data).ok()?;
            Some(if frame.item.r#type == "message" { neutral(progress) } else { Verdict::Good })
        }
        "response.completed" | "response.incomplete" => {
            read(data, progress)?;
            progress.finished = true;
            progress.ended = true;
            Some(Verdict::Good)
        }
        "response.failed" => {
            let error = read(data, progress)?;
            Some(Verdict::Error(fault_inside(DIALECT, error.map_or("{}", RawValue::get))))
        }
        "error" => Some(Verdict::Error(error_event(data))),
        name if name.ends_with(".delta") => {
            progress.text_bytes += KEYS.delta.string_bytes(data);
            Some(Verdict::Good)
        }
        "response.output_item.done" => Some(Verdict::Good),
        _ => Some(neutral(progress)),
    }
}

/// Takes model and tokens of the response inside; failed and incomplete ones have tokens too (case 7).
fn read<'a>(data: &'a [u8], progress: &mut Progress) -> Option<Option<&'a RawValue>> {
    let response = serde_json::from_slice::<Frame<'a>>(data).ok()?.response?;
    if let Some(model) = response.model.and_then(text) {
        progress.model = Some(model);
    }
    if let Some(mut usage) = response.usage.and_then(|raw| usage_of(DIALECT, raw.get())) {
        usage.service_tier = response.service_tier.and_then(text).or(usage.service_tier);
        progress.note_usage(&usage);
    }
    Some(response.error)
}

/// The error's fields stand in the event itself; some speakers put them into `error`.
fn error_event(data: &[u8]) -> UpstreamFault {
    if is_there(data, "error", b"{") {
        return fault_of(DIALECT, data);
    }
    match std::str::from_utf8(data) {
        Ok(error) => fault_inside(DIALECT, error),
        Err(_) => fault_of(DIALECT, data),
    }
}
