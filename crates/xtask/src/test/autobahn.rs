//! The Autobahn suite: WebSockets through the gateway do what they do without it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::install;
use super::server::{self, Server};
use crate::program;
use crate::steps::Verdict;
use crate::workspace::Workspace;

/// Left out unless cases are named: large messages (9) and compression (12, 13) take minutes.
const SLOW: &[&str] = &["-9.*", "-12.*", "-13.*"];

/// Verdicts that are no failure; what is beyond the standard is informational.
const GOOD: &[&str] = &["OK", "NON-STRICT", "INFORMATIONAL"];

/// The suite against an echo server, directly and through the gateway. `args` are cases: `6.*`, `'*'`, `-9.*` to leave some out.
pub(super) fn suite(workspace: &Workspace, args: &[String]) -> Result<Verdict> {
    let package = package(workspace)?;
    let (_echo, url) = echo(workspace)?;
    let (gateway, gateway_url) = server::gateway(workspace, "gateway-websocket.yaml", &[("ECHO_URL", &url)])?;
    let cases: Vec<&str> =
        if args.is_empty() { SLOW.to_vec() } else { args.iter().map(String::as_str).collect() };
    let suite =
        |name: &str, url: &str, cases: &[&str]| Run { workspace, package: &package }.ask(name, url, cases);
    let through_url = format!("{gateway_url}/echo");
    // Most cases wait for what should not come; two runs at once take no longer.
    let (direct, mut through) = thread::scope(|scope| -> Result<_> {
        let direct = scope.spawn(|| suite("direct", &url, &cases));
        let through = suite("gateway", &through_url, &cases)?;
        Ok((direct.join().map_err(|_| anyhow::anyhow!("the direct run ended in a panic"))??, through))
    })?;
    let bad: Vec<&str> =
        through.iter().filter(|(_, outcome)| !outcome.good()).map(|(id, _)| id.as_str()).collect();
    if !bad.is_empty() {
        // Some cases give the other side a second, which a busy machine may not have.
        println!("asked once more, alone: {}", bad.join(", "));
        through.extend(suite("gateway-again", &through_url, &bad)?);
    }
    verdict(&direct, &through, &gateway)
}

/// What one case came to, as the suite says it.
#[derive(Debug, Deserialize)]
struct Outcome {
    behavior: String,
    #[serde(rename = "behaviorClose")]
    close: String,
    result: String,
    #[serde(rename = "resultClose")]
    close_result: String,
}

impl Outcome {
    fn good(&self) -> bool {
        GOOD.contains(&self.behavior.as_str()) && GOOD.contains(&self.close.as_str())
    }
}

/// Outcomes by the id of their case, e.g. `6.4.1`.
type Outcomes = BTreeMap<String, Outcome>;

/// What one run of the suite needs.
struct Run<'a> {
    workspace: &'a Workspace,
    package: &'a Path,
}

impl Run<'_> {
    fn ask(&self, name: &str, url: &str, cases: &[&str]) -> Result<Outcomes> {
        let logs = self.workspace.test_env().join("logs");
        let (log, results) =
            (logs.join(format!("autobahn-{name}.log")), logs.join(format!("autobahn-{name}.json")));
        let _ = std::fs::remove_file(&results);
        let mut command = python(self.workspace);
        command.args(["-W", "ignore", "tests/python/autobahn/fuzz.py"]).arg(self.package);
        command.arg(url.replacen("http", "ws", 1)).arg(&results).args(cases);
        program::to_file(&mut command, &log)?;
        let told = std::fs::read(&results).with_context(|| format!("no results, see {}", log.display()))?;
        let outcomes: Outcomes = serde_json::from_slice(&told)?;
        println!("{name}: {}", counts(&outcomes));
        Ok(outcomes)
    }
}

/// How often each verdict was given: `240 OK, 4 NON-STRICT`.
fn counts(outcomes: &Outcomes) -> String {
    let mut counts = BTreeMap::new();
    for outcome in outcomes.values() {
        *counts.entry(outcome.behavior.as_str()).or_insert(0) += 1;
    }
    let unclean = outcomes.values().filter(|outcome| !GOOD.contains(&outcome.close.as_str())).count();
    let counts: Vec<_> = counts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    format!("{} cases, {}; {unclean} not closed as they should be", outcomes.len(), counts.join(", "))
}

fn verdict(direct: &Outcomes, through: &Outcomes, gateway: &Server) -> Result<Verdict> {
    let asked: Vec<_> = direct.iter().filter(|(_, outcome)| outcome.good()).collect();
    if asked.is_empty() {
        bail!("no case passes without the gateway");
    }
    for (id, outcome) in through.iter().filter(|(_, outcome)| !outcome.good()) {
        let Outcome { behavior, close, result, close_result } = outcome;
        let before =
            if direct.get(id).is_some_and(Outcome::good) { "" } else { " (without the gateway, too)" };
        println!("{id}{before}: {behavior}, {result} Its end: {close}, {close_result}");
    }
    let missing = direct.keys().filter(|id| !through.contains_key(*id)).count();
    let failed = through.values().filter(|outcome| !outcome.good()).count() + missing;
    if failed > 0 {
        println!("{}", gateway.tail());
    }
    Ok(Verdict::Tests { passed: (through.len() + missing - failed) as u64, failed: failed as u64 })
}

/// The server that echoes messages; returns its base URL too.
pub(super) fn echo(workspace: &Workspace) -> Result<(Server, String)> {
    let mut command = workspace.command("node");
    command.current_dir(workspace.root.join("tests/node")).arg("echo.mjs");
    let mut echo = Server::start(workspace, "websocket-echo", command)?;
    let url = echo.wait_for(|line| Some(line.split_once("listening on ")?.1.trim().to_owned()))?;
    Ok((echo, url))
}

/// The suite's cases, written for Python 2, as a package for Python 3.
fn package(workspace: &Workspace) -> Result<PathBuf> {
    let sources = install::sources(workspace, "autobahntestsuite", "25.10.1", "autobahntestsuite/case")?;
    let package = workspace.test_env().join("autobahn");
    let mut translate = python(workspace);
    translate.arg("tests/python/autobahn/translate.py").arg(sources).arg(&package);
    program::check(&mut translate)?;
    Ok(package)
}

fn python(workspace: &Workspace) -> Command {
    let mut command = workspace.command(workspace.test_env().join("venv/bin/python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = r#"{
        "1.1.1": {"behavior": "OK", "behaviorClose": "OK", "result": "", "resultClose": "", "duration": 2},
        "6.4.1": {"behavior": "NON-STRICT", "behaviorClose": "OK", "result": "", "resultClose": ""},
        "7.1.1": {"behavior": "OK", "behaviorClose": "UNCLEAN", "result": "", "resultClose": ""},
        "7.1.2": {"behavior": "FAILED", "behaviorClose": "OK", "result": "", "resultClose": ""}
    }"#;

    #[test]
    fn verdicts_of_the_suite() {
        let outcomes: Outcomes = serde_json::from_str(TOLD).unwrap();
        let good: Vec<_> = outcomes.values().map(Outcome::good).collect();
        assert_eq!(good, [true, true, false, false]);
        assert_eq!(
            counts(&outcomes),
            "4 cases, 1 FAILED, 1 NON-STRICT, 2 OK; 1 not closed as they should be"
        );
    }
}
