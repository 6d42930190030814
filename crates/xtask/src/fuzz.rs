//! `cargo xtask fuzz`: libFuzzer targets, with coverage feedback from the pinned compiler.

use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::program;
use crate::workspace::Workspace;

/// What coverage-guided fuzzing asks of the compiler; the sanitizer needs a nightly switch, so the pinned
/// toolchain is told to accept it.
const INSTRUMENT: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions --cfg fuzzing \
    -Zsanitizer=address";

/// Which target, for how long.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The target; without it, all are listed
    target: Option<String>,
    /// For how many seconds
    #[arg(default_value_t = 60)]
    seconds: u32,
    /// Only compile all targets
    #[arg(long, conflicts_with = "target")]
    check: bool,
}

/// Lists, compiles or runs.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<ExitCode> {
    let targets = targets(workspace);
    match &arguments.target {
        _ if arguments.check => compile(workspace)?,
        None => println!("targets: {}", targets.join(", ")),
        Some(target) if !targets.contains(target) => {
            bail!("no target {target}; there are: {}", targets.join(", "))
        }
        Some(target) => fuzz(workspace, target, arguments.seconds)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Compiles every target, without instrumentation: it is about the code, not the fuzzing.
pub(crate) fn compile(workspace: &Workspace) -> Result<()> {
    program::check(&mut workspace.cargo(&["build", "--package", "tidegate-fuzz", "--all-targets"]))
}

fn fuzz(workspace: &Workspace, target: &str, seconds: u32) -> Result<()> {
    let corpus = workspace.root.join("fuzz/corpus").join(target);
    let artifacts = workspace.root.join("fuzz/artifacts").join(target);
    std::fs::create_dir_all(&corpus)?;
    std::fs::create_dir_all(&artifacts)?;
    let host = host_triple()?;
    let mut command = workspace.cargo(&["run", "--release", "--package", "tidegate-fuzz", "--bin", target]);
    // `--target` keeps build scripts and macros free of instrumentation.
    command.args(["--target", &host, "--target-dir", "fuzz/target", "--"]).arg(&corpus);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", INSTRUMENT);
    program::check(&mut command)
}

fn host_triple() -> Result<String> {
    let text = program::output(Command::new("rustc").arg("-vV"))?;
    match text.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => Ok(host.to_owned()),
        None => bail!("rustc -vV names no host"),
    }
}

fn targets(workspace: &Workspace) -> Vec<String> {
    let packages = workspace.metadata["packages"].as_array().into_iter().flatten();
    let fuzz = packages.filter(|package| package["name"] == "tidegate-fuzz");
    let targets = fuzz.flat_map(|package| package["targets"].as_array().into_iter().flatten());
    let bins = targets.filter(|target| target["kind"][0] == "bin");
    bins.filter_map(|target| target["name"].as_str()).map(str::to_owned).collect()
}
