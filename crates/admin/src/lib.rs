//! The admin door: health, readiness, metrics, version. Operators only; it asks for no key.

mod answer;
mod config_state;
mod door;

pub use config_state::ConfigState;
pub use door::{Door, Version, router, serve};
