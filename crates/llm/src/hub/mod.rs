//! The hub: the one request, response and event model that every dialect translates to and from.

pub mod event;
pub mod fold;
pub mod part;
pub mod request;
pub mod response;

pub use event::{Event, PartStart};
pub use part::{Citation, Media, MediaKind, MediaSource, Part, Reasoning, ToolCall, ToolKind, ToolResult};
pub use request::{
    CacheMark, ChatRequest, OutputFormat, ReasoningWish, Role, Sampling, Tool, ToolChoice, Turn, Unmapped,
};
pub use response::{ChatResponse, StopReason};
