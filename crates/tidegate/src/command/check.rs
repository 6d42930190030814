//! `tidegate check`: every problem of a file, shown as a compiler shows it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::config::Loaded;
use crate::environment::Environment;
use crate::provision;
use crate::report;
use crate::run::config_path;

/// Checks a file. Exit code 0: good, perhaps with warnings; 2: not good, or not there.
pub fn check(file: Option<PathBuf>) -> ExitCode {
    look(file).unwrap_or_else(|error| {
        report::error(&error);
        ExitCode::from(2)
    })
}

fn look(file: Option<PathBuf>) -> Result<ExitCode> {
    let folder = std::env::current_dir().context("the current directory is gone")?;
    let environment = Environment::of_process(&folder);
    let Some(path) = config_path(file, &folder) else {
        bail!("there is no ./tidegate.yaml here; name a file: `tidegate check FILE`");
    };
    let loaded = Loaded::from_path(&path, &environment)
        .with_context(|| format!("cannot read the config file {}", path.display()))?;
    let provisioned = provision::check(&loaded, &environment);
    report::to_stderr(&loaded, &provisioned.problems);
    if !provisioned.is_good() {
        return Ok(ExitCode::from(2));
    }
    let (providers, models) = (provisioned.snapshot.providers.len(), loaded.config.models.len());
    report::to_stdout(&format!(
        "{}: good; {providers} providers with those of the environment and `demo`, {models} names of models\n",
        path.display()
    ));
    Ok(ExitCode::SUCCESS)
}
