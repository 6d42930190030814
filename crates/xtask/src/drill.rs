//! `cargo xtask drill`: bad nights, played by the bench program.

use std::process::ExitCode;

use anyhow::Result;

use crate::program;
use crate::workspace::Workspace;

/// Builds what is drilled and hands over to the bench program, whose drills they are.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<ExitCode> {
    let built = ["--package", "tidegate", "--package", "tidegate-bench", "--bins"];
    program::check(workspace.cargo(&["build", "--release"]).args(built))?;
    let mut command = workspace.cargo(&["run", "--release", "--quiet", "--package", "tidegate-bench", "--"]);
    let good = command.arg("drill").args(args).status()?.success();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
