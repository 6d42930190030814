//! Anthropic messages: `POST /v1/messages` and `POST /v1/messages/count_tokens`.
//!
//! Wire shapes: the types of anthropic-sdk-python as of November 2026 and <https://platform.claude.com/docs>.

mod citation;
pub mod count_tokens;
pub mod decode_request;
pub mod decode_response;
pub mod decode_stream;
pub mod encode_request;
pub mod encode_response;
pub mod encode_stream;
pub mod error;
mod models;
mod stop;
pub mod usage;

#[cfg(test)]
mod tests;
