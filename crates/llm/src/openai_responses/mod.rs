//! OpenAI responses: `POST /v1/responses`. Sources: the OpenAPI description of 2026-08 and the types and stream
//! accumulator of the official Python SDK.

mod annotation;
pub mod decode_request;
pub mod decode_response;
pub mod decode_stream;
pub mod encode_request;
pub mod encode_response;
pub mod encode_stream;
mod failure;
mod ids;
mod output;
mod response_object;
mod seal;
mod stateful;
mod stop;
pub mod usage;

#[cfg(test)]
mod tests;

pub use seal::holds_foreign_seal;
pub use stateful::stateful_field;
