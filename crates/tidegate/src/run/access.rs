//! Where the access log goes.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use tidegate_proxy::access_log::AccessLog;

/// Opens what the config's `access_log` names; a relative path starts at the config file.
pub(super) fn open(name: &str, folder: &Path) -> Result<Arc<AccessLog>> {
    let log = match name {
        "off" => return Ok(AccessLog::off()),
        "stdout" => AccessLog::start(Box::new(std::io::stdout())),
        path => {
            let file = OpenOptions::new().create(true).append(true).open(folder.join(path));
            let file = file.with_context(|| format!("cannot open the access log {path} (`access_log`)"))?;
            AccessLog::start(Box::new(file))
        }
    };
    log.context("cannot start the access log")
}
