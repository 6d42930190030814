//! The events on the wire, in the vendor's key order.

use serde::Serialize;
use serde_json::Value;

use crate::openai_responses::failure::ErrorBody;
use crate::openai_responses::output::{Content, Item, Thought};
use crate::openai_responses::response_object::ResponseObject;

/// `response.created`, `.in_progress`, `.completed`, `.incomplete`, `.failed`.
#[derive(Serialize)]
pub(super) struct Lifecycle<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) response: ResponseObject<'a>,
    pub(super) sequence_number: u64,
}

/// `error`: flat as documented, and nested as servers send it and SDKs look for it.
#[derive(Serialize)]
pub(super) struct ErrorEvent<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) sequence_number: u64,
    pub(super) code: &'a str,
    pub(super) message: &'a str,
    pub(super) param: Option<&'a str>,
    pub(super) error: ErrorBody<'a>,
}

/// `response.output_item.added`, `.done`.
#[derive(Serialize)]
pub(super) struct ItemEvent<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) sequence_number: u64,
    pub(super) output_index: usize,
    pub(super) item: &'a Item,
}

/// A piece of a text, a refusal, of arguments or of thoughts.
#[derive(Serialize)]
pub(super) struct Delta<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) sequence_number: u64,
    pub(super) item_id: &'a str,
    pub(super) output_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary_index: Option<usize>,
    pub(super) delta: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<[u8; 0]>,
}

/// Every other event about a place inside an item.
#[derive(Serialize)]
pub(super) struct PlaceEvent<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) sequence_number: u64,
    pub(super) item_id: &'a str,
    pub(super) output_index: usize,
    #[serde(flatten)]
    pub(super) payload: Payload<'a>,
}

/// What a [`PlaceEvent`] says.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Payload<'a> {
    TextDone { content_index: usize, text: &'a str, logprobs: [u8; 0] },
    RefusalDone { content_index: usize, refusal: &'a str },
    Content { content_index: usize, part: &'a Content },
    ThoughtDone { content_index: usize, text: &'a str },
    ThoughtPart { content_index: usize, part: Thought<'a> },
    SummaryDone { summary_index: usize, text: &'a str },
    SummaryPart { summary_index: usize, part: Thought<'a> },
    Annotation { content_index: usize, annotation_index: usize, annotation: &'a Value },
    Arguments { arguments: &'a str },
    Input { input: &'a str },
}
