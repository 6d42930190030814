//! Commands that look at a config and end.

mod check;
mod documents;
mod explain;
mod explain_url;
mod explanation;
pub(crate) mod keys;
mod models;
pub(crate) mod store;
mod upgrade;
pub(crate) mod usage;

pub use check::check;
pub use documents::{Document, document};
pub use explain::{explain, explain_url};
pub use models::models;
pub use upgrade::upgrade;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::config::Loaded;
use crate::environment::Environment;
use crate::provision::{self, Provisioned};
use crate::report;
use crate::run::books::Shelf;
use crate::run::config_path;

/// Reads the file that is named or usual.
fn load(config: Option<PathBuf>) -> Result<(Loaded, Environment)> {
    let folder = std::env::current_dir().context("the current directory is gone")?;
    let environment = Environment::of_process(&folder);
    let loaded = match config_path(config, &folder) {
        None => Loaded::defaults(),
        Some(path) => Loaded::from_path(&path, &environment)
            .with_context(|| format!("cannot read the config file {}", path.display()))?,
    };
    Ok((loaded, environment))
}

/// Opens what the config keeps on disk or in a database, and lets `work` use it. Exit code 2: the config is bad.
fn shelf(config: Option<PathBuf>, work: impl AsyncFnOnce(Shelf) -> Result<()>) -> Result<ExitCode> {
    let (loaded, environment) = load(config)?;
    let provisioned = provision::check(&loaded, &environment);
    if !provisioned.is_good() {
        report::to_stderr(&loaded, &provisioned.problems);
        return Ok(ExitCode::from(2));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { work(Shelf::open(&loaded, &environment).await?).await })?;
    Ok(ExitCode::SUCCESS)
}

/// Reads and checks the file that is named or usual, for a look; warnings are not shown. `None`: it is bad, and its problems
/// have been shown.
fn look(config: Option<PathBuf>) -> Result<Option<Provisioned>> {
    let (loaded, environment) = load(config)?;
    let provisioned = provision::check(&loaded, &environment);
    if provisioned.is_good() {
        return Ok(Some(provisioned));
    }
    report::to_stderr(&loaded, &provisioned.problems);
    Ok(None)
}
