//! The file with the id of the process that serves. It is locked as long as that process lives, so that a file which was left behind is told
//! from one that holds.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tracing::warn;

use crate::config::Loaded;

/// The file that the config names.
pub(crate) fn path(loaded: &Loaded) -> Option<PathBuf> {
    loaded.config.pid_file.as_ref().map(|name| loaded.folder.join(name))
}

/// The id of the process that has written that file, and lives.
pub(crate) fn running(path: &Path) -> Result<u32> {
    let name = path.display();
    let mut file = File::open(path).with_context(|| format!("there is no process of {name}"))?;
    let mut text = String::new();
    file.read_to_string(&mut text).with_context(|| format!("cannot read {name}"))?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(error).context(format!("cannot lock {name}")),
        Ok(()) => bail!("the process that has written {name} runs no more"),
    }
    text.trim().parse().with_context(|| format!("{name} holds no process id"))
}

/// The file of this process; removed when this is dropped, unless another process has put its own there.
#[derive(Debug)]
pub(super) struct PidFile {
    path: PathBuf,
    /// Locked.
    _file: File,
}

impl PidFile {
    /// Puts this process's file in the place of whatever is there.
    pub(super) fn write(path: &Path) -> Result<Self> {
        let context = || format!("cannot write {} (`pid_file`)", path.display());
        let id = std::process::id();
        // Whole and locked before it can be found.
        let mut new = path.as_os_str().to_owned();
        new.push(format!(".{id}"));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).open(&new).with_context(context)?;
        file.lock().with_context(context)?;
        writeln!(file, "{id}").with_context(context)?;
        std::fs::rename(&new, path).with_context(context)?;
        Ok(Self { path: path.to_owned(), _file: file })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        if text.trim() != std::process::id().to_string() {
            return;
        }
        if let Err(error) = std::fs::remove_file(&self.path) {
            warn!(%error, path = %self.path.display(), "the file with the process id cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_left_behind_or_belongs_to_another_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.pid");
        assert!(format!("{:#}", running(&path).unwrap_err()).contains("there is no process"));
        let own = PidFile::write(&path).unwrap();
        assert_eq!(running(&path).unwrap(), std::process::id());
        std::fs::write(folder.path().join("other"), "1\n").unwrap();
        std::fs::rename(folder.path().join("other"), &path).unwrap();
        drop(own);
        // Another one's is left, and nobody lives who holds it.
        assert!(running(&path).unwrap_err().to_string().contains("runs no more"));
        drop(PidFile::write(&path).unwrap());
        assert!(!path.exists());
    }
}
