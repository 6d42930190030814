//! The data plane: one request from its first byte to its last. Floor 3: never imports `admin`.
//!
//! A request's way, forward and never back: [`entry`] (snapshot, path, the only place where errors become HTTP) → [`inference`]
//! (body, plan) → [`attempt`] (targets, retries) → [`encode`] (bytes for this target) → [`upstream`] (lane, time limits) →
//! [`told`] and [`relay`] (commit point, translation) → [`settle`] (metrics, log; once, in one place).

pub mod access_log;
pub mod admit;
pub mod ask;
pub mod attempt;
pub mod body;
pub mod book;
pub mod caller;
pub mod chance;
pub mod clock;
pub mod count;

pub mod degrade;
pub mod demo;
pub mod desk;
pub mod edge;

pub mod embed;
pub mod encode;
pub mod endpoint;
pub mod entry;
pub mod error;
pub mod estimate;
pub mod exchange;
pub mod forward;
pub mod headers;
pub mod hedged;
pub mod hold;
pub mod inference;
pub mod inflate;
pub mod json_line;
pub mod meters;
pub mod model_list;
pub mod multipart;
pub mod plan;
pub mod prompt;
pub mod relay;
pub mod reply;
pub mod settle;
pub mod sheets;
pub mod snapshot;
pub mod take_in;
pub mod told;
pub mod traffic;
pub mod tries;
pub mod upstream;
pub mod usage;

pub use entry::Gateway;
