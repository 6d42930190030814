//! Pure LLM protocol: dialects, translation, SSE, usage, prices. Floor 1: no I/O, no clock, no tokio, no hyper.
//!
//! A request goes *caller's dialect → hub → target's dialect*, an answer the other way ([`codec`]). When the dialects agree,
//! nothing of this runs: bytes pass through, and only a few ranges are replaced.

pub mod adapt;
pub mod anthropic;
pub mod codec;
pub mod completions;
pub mod convert;
mod dialect;
pub mod embeddings;
pub mod fault;
pub mod fields;
pub mod form;
pub mod frames;
pub mod gemini;
pub mod hub;
pub mod openai_chat;
pub mod openai_responses;
pub mod passage;
pub mod price;
pub mod progress;
pub mod provider;
pub mod quirks;
pub mod schema;
pub mod sse;
pub mod tokens;
pub mod translate;
pub mod usage;
mod words;

pub use dialect::Dialect;
pub use fault::{BadRequest, Problem, UpstreamFault};
pub use quirks::{Profile, Quirks};
pub use usage::Usage;
