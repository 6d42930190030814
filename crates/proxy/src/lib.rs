//! The data plane: one request from its first byte to its last. Floor 3: never imports `admin`.

pub mod clock;
pub mod demo;
pub mod error;
pub mod meters;
pub mod snapshot;
