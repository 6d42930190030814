//! JSON schemas, made to fit what each vendor takes.

pub mod gemini;
pub mod strict;
