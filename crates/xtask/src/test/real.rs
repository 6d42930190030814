//! A real, small model behind the gateway, asked by the official SDKs: what a user gets, with nothing made up.

use std::process::Command;

use anyhow::Result;

use super::count::{Counter, node_line, pytest_line};
use super::foreign::finish;
use super::server::{self, Server};
use crate::program;
use crate::steps::Verdict;
use crate::workspace::Workspace;

/// How long each runner may take, in seconds: a minute is usual on two cores that nobody else uses.
const PYTHON_LIMIT: &str = "120";
const NODE_LIMIT: &str = "50";

/// Installs llama.cpp's server and the model by the example's own command.
pub(super) fn install(workspace: &Workspace) -> Result<Verdict> {
    program::check(serve(workspace).arg("--install"))?;
    Ok(Verdict::Holds)
}

/// The Python and the Node SDKs. Arguments go to pytest, and then Node's part is left out.
pub(super) fn sdks(workspace: &Workspace, args: &[String]) -> Result<Verdict> {
    let (_model, model_url) = model(workspace)?;
    let (gateway, url) = server::gateway(workspace, "gateway-real.yaml", &[("MODEL_URL", &model_url)])?;
    let limited = |seconds: &str| {
        let mut command = workspace.command("timeout");
        command.args(["--kill-after=5", seconds]).env("GATEWAY_URL", &url).env("MODEL_URL", &model_url);
        command
    };
    let mut pytest = limited(PYTHON_LIMIT);
    pytest.arg(workspace.test_env().join("venv/bin/python")).args(["-m", "pytest", "--quiet"]);
    pytest.arg("tests/python/real").args(args).env("PYTHONDONTWRITEBYTECODE", "1");
    let python = finish(pytest, Counter::new(pytest_line), &gateway)?;
    if !args.is_empty() {
        println!("the Node SDKs were left out: the arguments are pytest's");
        return Ok(python);
    }
    let mut node = limited(NODE_LIMIT);
    node.args(["node", "--test", "--test-reporter=spec", "real/sdks.mjs"]);
    node.current_dir(workspace.root.join("tests/node"));
    Ok(sum(python, finish(node, Counter::new(node_line), &gateway)?))
}

fn serve(workspace: &Workspace) -> Command {
    let mut command = workspace.command("python3");
    command.arg(workspace.root.join("examples/local-model/serve.py"));
    command.arg("--venv").arg(workspace.test_env().join("model"));
    command
}

/// The example's server on a free port; returns its base URL too.
fn model(workspace: &Workspace) -> Result<(Server, String)> {
    let mut command = serve(workspace);
    command.arg("0");
    let mut server = Server::start(workspace, "real-model", command)?;
    // The model's own log has begun the line now and then: both write to one pipe.
    let address = server.wait_for(|line| {
        let at = line.find("listening http://")?;
        Some(line[at..].trim_start_matches("listening ").to_owned())
    })?;
    Ok((server, address))
}

fn sum(one: Verdict, other: Verdict) -> Verdict {
    match (one, other) {
        (Verdict::Tests { passed, failed }, Verdict::Tests { passed: more, failed: worse }) => {
            Verdict::Tests { passed: passed + more, failed: failed + worse }
        }
        (one, _) => one,
    }
}
