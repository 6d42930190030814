//! Tidegate with all that is on by default: usage, cost, metrics, and its log going to a file.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Contender, Site, TIDEGATE, free_port, wait_until_ready};
use crate::process::Gateway;

pub(super) fn start(site: &Site<'_>) -> Result<Contender> {
    let program = site.tidegate.clone().map_or_else(program, Ok)?;
    let (listen, admin) = (free_port()?, free_port()?);
    let config = site.folder.join("tidegate.yaml");
    let text = format!(
        "listen: [{{ address: {listen} }}]\n\
         admin: {{ address: {admin} }}\n\
         workers: 1\n\
         providers:\n  \
           fake: {{ dialect: openai-chat, base_url: \"http://{}/v1\", api_key: bench-key }}\n",
        site.upstream
    );
    fs::write(&config, text)?;
    let log = site.folder.join("tidegate.log");
    let arguments = ["run", "--config", &*config.to_string_lossy()];
    let mut process = Gateway::start(&program, &arguments, &log, site.pinned)?;
    wait_until_ready(&mut process, listen, &log).context("tidegate")?;
    let version = Command::new(&program).arg("version").output()?;
    Ok(Contender {
        name: TIDEGATE,
        version: String::from_utf8_lossy(&version.stdout).lines().next().unwrap_or_default().to_owned(),
        process: Some(process),
        provider: "fake/",
        plain: listen,
        streams: listen,
        translates: true,
    })
}

/// The release build beside this program; built where it is not there.
fn program() -> Result<PathBuf> {
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
