//! `cargo xtask run`: a release build, then the gateway in place of this process.

use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::program;
use crate::workspace::Workspace;

/// Builds and becomes the gateway, so that signals reach it and nothing stands between.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<ExitCode> {
    program::check(&mut workspace.cargo(&["build", "--release", "--package", "tidegate"]))?;
    // No `current_dir` here: `.env` and a relative `--config` are looked up where the user stands.
    let mut command = std::process::Command::new(workspace.built("release", "tidegate")?);
    Err(command.arg("run").args(args).exec()).context("cannot start tidegate")
}
