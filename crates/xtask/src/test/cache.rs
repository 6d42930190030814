//! http-cache-tests: what the edge's cache does with what RFC 9111 allows and forbids.

use anyhow::Result;

use super::count::{Counter, node_line};
use super::foreign::finish;
use super::server::{self, Server};
use crate::steps::Verdict;
use crate::workspace::Workspace;

/// The suite through the gateway, compared with the list of what passes.
pub(super) fn suite(workspace: &Workspace, args: &[String]) -> Result<Verdict> {
    let folder = workspace.root.join("tests/node");
    let mut command = workspace.command("node");
    command.current_dir(&folder).arg("cache/origin.mjs");
    let mut origin = Server::start(workspace, "cache-origin", command)?;
    let url = origin.wait_for(|line| Some(line.split_once("listening on ")?.1.trim().to_owned()))?;
    let (gateway, url) = server::gateway(workspace, "gateway-cache.yaml", &[("ORIGIN_URL", &url)])?;
    let mut command = workspace.command("node");
    command.current_dir(&folder).args(["--no-warnings", "cache/client.mjs"]).args(args);
    command.env("GATEWAY_URL", url);
    finish(command, Counter::new(node_line), &gateway)
}
