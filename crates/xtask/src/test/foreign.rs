//! Official SDKs, unchanged, through the gateway: they prove what a user's program sees.

use anyhow::Result;

use super::count::{Counter, node_line, pytest_line};
use super::server;
use crate::program;
use crate::steps::Verdict;
use crate::workspace::Workspace;

/// The Python SDKs, by pytest.
pub(super) fn python(workspace: &Workspace, args: &[String]) -> Result<Verdict> {
    let (_fake, fake_url) = server::fake_provider(workspace)?;
    let (gateway, gateway_url) = server::gateway(workspace, "gateway.yaml", &[("FAKE_URL", &fake_url)])?;
    let mut command = workspace.command(workspace.test_env().join("venv/bin/python"));
    // The tests of the admin API start a gateway of their own.
    let tests = ["tests/python/sdks", "tests/python/test_admin.py"];
    command.args(["-m", "pytest", "--quiet", "-n", "2"]).args(tests).args(args);
    command.env("GATEWAY_URL", gateway_url).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("TIDEGATE", workspace.built("debug", "tidegate")?);
    finish(command, Counter::new(pytest_line), &gateway)
}

/// The Node SDKs, by Node's own test runner.
pub(super) fn node(workspace: &Workspace, args: &[String]) -> Result<Verdict> {
    let (_fake, fake_url) = server::fake_provider(workspace)?;
    let (gateway, gateway_url) = server::gateway(workspace, "gateway.yaml", &[("FAKE_URL", &fake_url)])?;
    let mut command = workspace.command("node");
    command.current_dir(workspace.root.join("tests/node"));
    command.args(["--test", "--test-reporter=spec"]).args(args);
    command.env("GATEWAY_URL", gateway_url);
    finish(command, Counter::new(node_line), &gateway)
}

/// Runs a suite and counts; of a failed one it shows what the gateway said, too.
pub(super) fn finish(
    mut command: std::process::Command,
    mut counter: Counter,
    gateway: &server::Server,
) -> Result<Verdict> {
    let ok = program::watch(&mut command, |line| counter.see(line))?;
    if !ok {
        println!("{}", gateway.tail());
    }
    counter.verdict(ok)
}
