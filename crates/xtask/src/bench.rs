//! `cargo xtask bench`: the load tests, built in release.

use std::process::ExitCode;

use anyhow::Result;

use crate::program;
use crate::workspace::Workspace;

/// Builds what is measured and hands over to the bench program.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<ExitCode> {
    let built =
        ["--package", "tidegate", "--package", "tidegate-testkit", "--package", "tidegate-bench", "--bins"];
    program::check(workspace.cargo(&["build", "--release"]).args(built))?;
    let mut command = workspace.cargo(&["run", "--release", "--quiet", "--package", "tidegate-bench", "--"]);
    program::check(command.args(args))?;
    Ok(ExitCode::SUCCESS)
}
