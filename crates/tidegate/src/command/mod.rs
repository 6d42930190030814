//! Commands that look at a config and end.

mod check;
mod documents;
mod explain;
mod explanation;
mod models;

pub use check::check;
pub use documents::{Document, document};
pub use explain::explain;
pub use models::models;

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::config::Loaded;
use crate::environment::Environment;
use crate::provision::{self, Provisioned};
use crate::report;
use crate::run::config_path;

/// Reads and checks the file that is named or usual, for a look; warnings are not shown. `None`: it is bad, and its problems
/// have been shown.
fn look(config: Option<PathBuf>) -> Result<Option<Provisioned>> {
    let folder = std::env::current_dir().context("the current directory is gone")?;
    let environment = Environment::of_process(&folder);
    let loaded = match config_path(config, &folder) {
        None => Loaded::defaults(),
        Some(path) => Loaded::from_path(&path, &environment)
            .with_context(|| format!("cannot read the config file {}", path.display()))?,
    };
    let provisioned = provision::check(&loaded, &environment);
    if provisioned.is_good() {
        return Ok(Some(provisioned));
    }
    report::to_stderr(&loaded, &provisioned.problems);
    Ok(None)
}
