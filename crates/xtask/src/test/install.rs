//! What the tests need beside Rust: Debian packages, a Python environment, Node packages.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::program;
use crate::steps::Verdict;
use crate::workspace::Workspace;

/// A command that works when a Debian package is there, and the package.
const PACKAGES: &[(&[&str], &str)] = &[
    (&["cc", "--version"], "gcc"),
    (&["c++", "--version"], "g++"),
    (&["python3", "--version"], "python3"),
    (&["python3", "-c", "import ensurepip, venv"], "python3-venv"),
    (&["node", "--version"], "nodejs"),
    (&["npm", "--version"], "npm"),
    (&["redis-server", "--version"], "redis-server"),
    (&["sh", "-c", "command -v pebble && command -v pebble-challtestsrv"], "pebble"),
    (&["sh", "-c", "command -v chromium"], "chromium"),
    (&["sh", "-c", "ls /usr/lib/postgresql/*/bin/initdb"], "postgresql"),
];

/// Installs the missing packages with apt-get, as root or through sudo.
pub(super) fn debian(workspace: &Workspace) -> Result<Verdict> {
    let missing: Vec<&str> =
        PACKAGES.iter().filter(|(probe, _)| !works(probe)).map(|(_, name)| *name).collect();
    if missing.is_empty() {
        println!("all there");
        return Ok(Verdict::Holds);
    }
    if program::find("apt-get").is_none() {
        bail!("please install {}: there is no apt-get here", missing.join(", "));
    }
    apt_get(workspace, &["update", "--quiet"])?;
    let mut args = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    args.extend(&missing);
    apt_get(workspace, &args)?;
    Ok(Verdict::Holds)
}

fn works(probe: &[&str]) -> bool {
    let quiet = || Stdio::null();
    let status =
        Command::new(probe[0]).args(&probe[1..]).stdin(quiet()).stdout(quiet()).stderr(quiet()).status();
    status.is_ok_and(|status| status.success())
}

fn apt_get(workspace: &Workspace, args: &[&str]) -> Result<()> {
    let user = program::output(Command::new("id").arg("-u"))?;
    let mut command = match user.trim() {
        "0" => workspace.command("apt-get"),
        _ => {
            let mut sudo = workspace.command("sudo");
            sudo.args(["--preserve-env=DEBIAN_FRONTEND", "apt-get"]);
            sudo
        }
    };
    program::check(command.args(args).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Makes the virtual environment and fills it with the pinned packages.
pub(super) fn python(workspace: &Workspace) -> Result<Verdict> {
    let venv = workspace.test_env().join("venv");
    let folder = workspace.root.join("tests/python");
    let pins = [folder.join("requirements.txt"), folder.join("constraints.txt")];
    once(&venv, &pins, || {
        let _ = std::fs::remove_dir_all(&venv);
        program::check(workspace.command("python3").args(["-m", "venv"]).arg(&venv))?;
        let mut pip = workspace.command(venv.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        program::check(pip.arg("--requirement").arg(&pins[0]).arg("--constraint").arg(&pins[1]))
    })
}

/// Installs the Node packages of the lock file.
pub(super) fn node(workspace: &Workspace) -> Result<Verdict> {
    let folder = workspace.root.join("tests/node");
    let pins = [folder.join("package-lock.json")];
    once(&folder.join("node_modules"), &pins, || {
        program::check(workspace.command("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder))
    })
}

/// The sources of openai-python at the version that is installed, unpacked. Its tests are in no wheel.
pub(super) fn openai_sources(workspace: &Workspace) -> Result<PathBuf> {
    let python = workspace.test_env().join("venv/bin/python");
    let version = ["-c", "import importlib.metadata as m; print(m.version('openai'))"];
    let version = program::output(workspace.command(&python).args(version))?;
    sources(workspace, "openai", version.trim(), "tests/api_resources")
}

/// The source distribution of a Python package, unpacked. `within` is a folder that it must have.
pub(super) fn sources(workspace: &Workspace, name: &str, version: &str, within: &str) -> Result<PathBuf> {
    let folder = workspace.test_env().join("sdist");
    let sources = folder.join(format!("{name}-{version}"));
    if sources.join(within).is_dir() {
        return Ok(sources);
    }
    let mut download = workspace.command(workspace.test_env().join("venv/bin/python"));
    download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    let pin = format!("{name}=={version}");
    program::check(download.args(["--no-binary", name, &pin, "--dest"]).arg(&folder))?;
    let archive = folder.join(format!("{name}-{version}.tar.gz"));
    program::check(workspace.command("tar").arg("-xzf").arg(&archive).arg("-C").arg(&folder))?;
    Ok(sources)
}

/// Runs `install` unless the files that it goes by are as they were when it last succeeded.
fn once(place: &Path, pins: &[PathBuf], install: impl Fn() -> Result<()>) -> Result<Verdict> {
    let stamp = place.join(".installed");
    let mut wanted = Vec::new();
    for pin in pins {
        wanted.extend(std::fs::read(pin).with_context(|| format!("cannot read {}", pin.display()))?);
    }
    if std::fs::read(&stamp).is_ok_and(|found| found == wanted) {
        println!("all there");
    } else {
        install()?;
        std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    }
    Ok(Verdict::Holds)
}
