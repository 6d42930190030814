//! OpenAI chat completions, `POST /v1/chat/completions`, and the additions of those who copied it.

mod citation;
mod content;
pub mod decode_request;
pub mod decode_response;
pub mod decode_stream;
pub mod encode_request;
pub mod encode_response;
pub mod encode_stream;
pub mod error;
mod finish;
mod ids;
mod reach;
mod reasoning;
mod report;
pub mod usage;

#[cfg(test)]
mod tests;

pub use finish::{finish_reason, stop_reason};
pub use reach::{may_prefer_responses, prefers_responses};
