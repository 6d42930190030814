//! Drills: bad nights, played on one machine. `docs/drill-rush.md` says what for and how.

mod bad_target;
mod batch;
mod caller;
mod chance;
mod config;
mod meter;
mod provider;
mod rush;
mod said;
mod scenario;
mod side;
mod slow;
mod upgrade;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::cli::{Arguments, Drill};

/// The share of callers with high priority.
pub(crate) const HIGH_SHARE: f64 = 0.1;

/// The share of callers that want a stream.
pub(crate) const STREAM_SHARE: f64 = 0.5;

/// What gateways get to start in, before the first caller comes.
pub(crate) const STARTING: Duration = Duration::from_secs(3);

/// Plays the drill that was asked for.
pub(crate) async fn run(drill: &Drill, arguments: &Arguments, folder: &Path) -> Result<()> {
    match drill {
        Drill::Rush => rush::run(arguments, folder).await,
        Drill::BadTarget => bad_target::run(arguments, folder).await,
        Drill::Upgrade => upgrade::run(arguments, folder).await,
        Drill::Slow => slow::run(arguments, folder).await,
    }
}
