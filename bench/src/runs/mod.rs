//! The kinds of runs.

pub(crate) mod edge;
pub(crate) mod load;
pub(crate) mod profile;
pub(crate) mod soak;
pub(crate) mod streams;

use crate::gateway::{NGINX, OPEN, Site, TIDEGATE};
use crate::machine::Machine;
use crate::upstream::Upstream;

/// What all runs share.
pub(crate) struct Setting<'a> {
    pub(crate) machine: Machine,
    pub(crate) site: Site<'a>,
    pub(crate) upstream: Upstream,
    /// Names of those that are measured beside `direct`.
    pub(crate) gateways: Vec<String>,
    /// Tiny counts: whether it works, not how fast.
    pub(crate) smoke: bool,
}

/// Who is measured where nothing else is said.
pub(crate) const GATEWAYS: &[&str] = &[NGINX, TIDEGATE, OPEN];
