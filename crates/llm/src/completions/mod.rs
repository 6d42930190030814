//! The old completions API, `POST /v1/completions`, served by models that only chat.

pub mod decode_request;
pub mod encode_response;
pub mod encode_stream;
