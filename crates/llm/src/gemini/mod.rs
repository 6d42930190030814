//! Gemini: `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`.

pub mod decode_request;
pub mod decode_response;
pub mod decode_stream;
pub mod encode_request;
pub mod encode_response;
pub mod encode_stream;
pub mod error;
