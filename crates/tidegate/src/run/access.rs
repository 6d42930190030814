//! Where the access log goes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use tidegate_proxy::access_log::AccessLog;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

/// Opens what the config's `access_log` names; a relative path starts at the config file. A file is opened anew on SIGUSR1.
pub(super) fn open(name: &str, folder: &Path) -> Result<Arc<AccessLog>> {
    let mut again = signal(SignalKind::user_defined1()).context("cannot listen for signals")?;
    let wanted = Arc::new(AtomicBool::new(false));
    let log = match name {
        "off" => return Ok(AccessLog::off()),
        "stdout" => AccessLog::start(Box::new(io::stdout())),
        path => {
            let path = folder.join(path);
            let file = append_to(&path);
            let file = file
                .with_context(|| format!("cannot open the access log {} (`access_log`)", path.display()))?;
            AccessLog::start(Box::new(LogFile { path, file, wanted: wanted.clone() }))
        }
    };
    tokio::spawn(async move {
        while again.recv().await.is_some() {
            info!("the access log is opened anew with its next line");
            wanted.store(true, Ordering::Relaxed);
        }
    });
    log.context("cannot start the access log")
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// A file that may be moved away while it is written.
struct LogFile {
    path: PathBuf,
    file: File,
    /// Whether it is to be opened anew.
    wanted: Arc<AtomicBool>,
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.wanted.swap(false, Ordering::Relaxed) {
            match append_to(&self.path) {
                Ok(file) => self.file = file,
                Err(error) => {
                    warn!(%error, "the access log cannot be opened anew; the file of before is written on")
                }
            }
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
