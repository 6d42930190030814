//! Chromium in front of the gateway: a front end, its WebSocket and its completion, all from one origin over HTTP/2 and TLS.

use anyhow::Result;

use super::autobahn::echo;
use super::count::{Counter, node_line};
use super::foreign::finish;
use super::server;
use crate::steps::Verdict;
use crate::workspace::Workspace;

/// The page's tests, by Node's own test runner.
pub(super) fn page(workspace: &Workspace, args: &[String]) -> Result<Verdict> {
    let (_echo, echo_url) = echo(workspace)?;
    let (mut gateway, _) = server::gateway(workspace, "gateway-browser.yaml", &[("ECHO_URL", &echo_url)])?;
    let site = gateway.wait_for(|line| Some(line[line.find("https://")?..].to_owned()))?;
    let mut command = workspace.command("node");
    command.current_dir(workspace.root.join("tests/node")).env("SITE_URL", site);
    command.args(["--test", "--test-reporter=spec"]).args(args).arg("browser/page.mjs");
    finish(command, Counter::new(node_line), &gateway)
}
