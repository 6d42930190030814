//! The admin door: health, metrics, and the admin API. Floor 4.

mod answer;
mod api;
mod books;
mod certificate_state;
mod config_state;
mod door;

pub use api::openapi::openapi;
pub use books::Books;
pub use certificate_state::CertificateState;
pub use config_state::ConfigState;
pub use door::{Door, Operators, Version, router, serve};
