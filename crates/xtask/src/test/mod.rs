//! `cargo xtask test`: installs what the tests need, runs everything, cleans up.

mod autobahn;
mod browser;
mod cache;
mod compare;
mod count;
mod foreign;
mod install;
mod real;
mod server;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::program;
use crate::steps::{self, Step, Verdict};
use crate::workspace::Workspace;

const EXAMPLES: &str = "\
Steps: debian, venv, npm, model, build, rust, python, node, real, openai, langchain, cache, autobahn, browser,
       bench, drill

Examples:
  cargo xtask test                         everything
  cargo xtask test rust -- sse             Rust tests with `sse` in their name
  cargo xtask test python -- -k streamed   Python SDK tests with `streamed` in their name
  cargo xtask test node                    the Node SDKs
  cargo xtask test real                    all SDKs, with a small real model behind the gateway
  cargo xtask test openai                  openai-python's own suite, directly and through the gateway
  cargo xtask test autobahn -- '*'         all of Autobahn's WebSocket cases, the slow ones too";

/// Which step, and what its test runner is told.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Run only this step, and the steps that it needs
    step: Option<String>,
    /// Arguments for the step's test runner
    #[arg(last = true, requires = "step")]
    args: Vec<String>,
}

/// Runs all steps or the one that was named.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<ExitCode> {
    let suites = Suites::new(workspace, &arguments.args);
    let all = suites.steps();
    let Some(name) = &arguments.step else { return Ok(steps::run(&all)) };
    let names: Vec<_> = all.iter().map(|step| step.name).collect();
    match steps::select(all, name) {
        Some(selected) => Ok(steps::run(&selected)),
        None => bail!("no step `{name}`; there are: {}", names.join(", ")),
    }
}

/// The test steps, bound to a repository.
pub(crate) struct Suites<'a> {
    workspace: &'a Workspace,
    args: &'a [String],
}

impl<'a> Suites<'a> {
    /// `args` go to the runner of each suite.
    pub(crate) fn new(workspace: &'a Workspace, args: &'a [String]) -> Self {
        Self { workspace, args }
    }

    /// All steps in their order; the first installs Debian packages.
    pub(crate) fn steps(&self) -> Vec<Step<'a>> {
        let (workspace, args) = (self.workspace, self.args);
        let step = |name, title, needs, work: fn(&Workspace, &[String]) -> Result<Verdict>| Step {
            name,
            title,
            needs,
            work: Box::new(move || work(workspace, args)),
        };
        vec![
            step("debian", "Debian packages", &[], |workspace, _| install::debian(workspace)),
            step("venv", "Python packages", &["debian"], |workspace, _| install::python(workspace)),
            step("npm", "Node packages", &["debian"], |workspace, _| install::node(workspace)),
            step("model", "a small real model and its server", &["debian"], |workspace, _| {
                real::install(workspace)
            }),
            step("build", "the gateway and the fake provider", &["debian"], |workspace, _| build(workspace)),
            step("rust", "cargo test --workspace", &["debian"], rust),
            step(
                "python",
                "Python SDKs, every dialect to every dialect",
                &["venv", "build"],
                foreign::python,
            ),
            step("node", "Node SDKs", &["npm", "build"], foreign::node),
            step("real", "all SDKs to a real model", &["venv", "npm", "model", "build"], real::sdks),
            step(
                "openai",
                "openai-python's own suite, directly and through the gateway",
                &["venv", "npm", "build"],
                compare::openai,
            ),
            step(
                "langchain",
                "langchain-tests, directly and through the gateway",
                &["venv", "build"],
                compare::langchain,
            ),
            step("cache", "http-cache-tests through the gateway", &["npm", "build"], cache::suite),
            step(
                "autobahn",
                "the Autobahn suite of WebSockets, directly and through the gateway",
                &["venv", "npm", "build"],
                autobahn::suite,
            ),
            step("browser", "Chromium over HTTP/2 and TLS", &["npm", "build"], browser::page),
            step("bench", "the load tests, in their smallest size", &["build"], bench),
            step("drill", "the drills, ten times as fast", &["build"], drill),
        ]
    }
}

fn build(workspace: &Workspace) -> Result<Verdict> {
    let args = ["build", "--package", "tidegate", "--package", "tidegate-testkit", "--bins"];
    program::check(&mut workspace.cargo(&args))?;
    Ok(Verdict::Holds)
}

/// Only that the load tests still work: figures of a debug build mean nothing.
fn bench(workspace: &Workspace, _: &[String]) -> Result<Verdict> {
    let gateway = workspace.built("debug", "tidegate")?;
    let mut command = workspace.cargo(&["run", "--quiet", "--package", "tidegate-bench", "--", "--smoke"]);
    program::check(command.arg("--tidegate").arg(gateway).arg("all"))?;
    Ok(Verdict::Holds)
}

/// Only that the drills still work, for the same reason.
fn drill(workspace: &Workspace, _: &[String]) -> Result<Verdict> {
    let gateway = workspace.built("debug", "tidegate")?;
    for name in ["rush", "bad-target", "upgrade", "slow"] {
        let run = ["run", "--quiet", "--package", "tidegate-bench", "--", "--smoke", "drill", name];
        program::check(workspace.cargo(&run).arg("--tidegate").arg(&gateway))?;
    }
    Ok(Verdict::Holds)
}

/// Plain `cargo test`, whose lines CI reads.
fn rust(workspace: &Workspace, args: &[String]) -> Result<Verdict> {
    let mut counter = count::Counter::new(count::cargo_line);
    let mut command = workspace.cargo(&["test", "--workspace", "--no-fail-fast", "--"]);
    let ok = program::watch(command.args(args), |line| counter.see(line))?;
    counter.verdict(ok)
}
