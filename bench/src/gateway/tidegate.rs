//! Tidegate with everything on: keys, five limits, ledger, usage, cost, metrics, and its access log going to a file; and once more
//! without keys, limits and ledger.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Contender, OPEN, Site, free_port, wait_until_ready};
use crate::process::Gateway;
use crate::work::{CROSS, WORKS, Work};

pub(super) fn start(site: &Site<'_>, name: &'static str) -> Result<Contender> {
    let program = program(site.tidegate.as_deref())?;
    let (listen, admin) = (free_port()?, free_port()?);
    let config = site.folder.join(format!("{name}.yaml"));
    let books = if name == OPEN { "ledger: { enabled: false }\n" } else { BOOKS };
    fs::write(
        &config,
        config_text(site, listen, admin)
            + &format!("data: {name}-data\naccess_log: {name}-access.log\n{books}"),
    )?;
    let log = site.folder.join(format!("{name}.log"));
    let (mut process, version) = launch(&program, &config, &log, site.pinned)?;
    wait_until_ready(&mut process, listen, &log).context("tidegate")?;
    Ok(Contender {
        name,
        version,
        process: Some(process),
        provider: "fake/",
        plain: listen,
        streams: listen,
        translates: true,
    })
}

/// Starts it with this config; with its version.
pub(super) fn launch(program: &Path, config: &Path, log: &Path, pinned: bool) -> Result<(Gateway, String)> {
    let arguments = ["run", "--config", &*config.to_string_lossy()];
    let process = Gateway::start(program, &arguments, log, pinned)?;
    // A build that counts for its own profile writes it at an orderly end.
    let mut stop = Command::new("sh");
    stop.args(["-c", "kill -TERM $0", &process.id().to_string()]);
    let said = Command::new(program).arg("--version").output()?;
    let mut version = String::from_utf8_lossy(&said.stdout).lines().next().unwrap_or_default().to_owned();
    if program.parent().is_some_and(|folder| folder.ends_with("dist")) {
        version.push_str(" of `cargo xtask release`");
    }
    Ok((process.stopped_by(stop), version))
}

/// A key with five limits, of which none is reached.
const BOOKS: &str = "\
keys:
  bench:
    key: bench-key-0123456789
    limits:
      - { of: requests, limit: 1000000000, per: minute }
      - { of: tokens, limit: 1000000000000, per: minute }
      - { of: money, limit: 1000000, per: month }
      - { of: concurrent, limit: 100000 }
limits:
  - { by: ip, of: requests, limit: 1000000000, per: second }
";

/// One worker, a price for every model; all else as it is by default.
fn config_text(site: &Site<'_>, listen: SocketAddr, admin: SocketAddr) -> String {
    let mut models: Vec<String> = WORKS.iter().chain(CROSS).map(Work::model).collect();
    models.sort();
    models.dedup();
    let prices = models.iter().map(|model| format!("  \"fake/{model}\": {{ input: 2.5, output: 10 }}\n"));
    format!(
        "listen: [{{ address: {listen} }}]\n\
         admin: {{ address: {admin} }}\n\
         workers: 1\n\
         auto_providers: false\n\
         providers:\n\
         \x20 fake: {{ dialect: openai-chat, base_url: \"http://{}/v1\", api_key: bench-key }}\n\
         prices:\n{}",
        site.upstream,
        prices.collect::<String>()
    )
}

/// The build that was named, or the one beside this program.
pub(crate) fn program(named: Option<&Path>) -> Result<PathBuf> {
    match named {
        Some(program) => fs::canonicalize(program).with_context(|| program.display().to_string()),
        None => built(),
    }
}

/// The release build beside this program; built where it is not there.
fn built() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let file = here.parent().context("this program has no folder")?.join("tidegate");
    if !file.is_file() {
        let built = Command::new("cargo").args(["build", "--release", "--package", "tidegate"]).status()?;
        if !built.success() || !file.is_file() {
            bail!("cargo has not built {}", file.display());
        }
    }
    Ok(file)
}
