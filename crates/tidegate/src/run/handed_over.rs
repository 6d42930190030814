//! Tells whoever asked for a hand-over what became of it: a word on a socket beside the file with the process id, where that is there.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tracing::debug;

/// Longer words are cut.
const LONGEST: usize = 1024;

/// What became of a hand-over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The process with that id serves.
    Served(u32),
    /// The one before goes on; why.
    Failed(String),
}

impl Outcome {
    fn to_text(&self) -> String {
        match self {
            Self::Served(id) => format!("served {id}"),
            Self::Failed(why) => format!("failed {why}"),
        }
    }

    fn of_text(text: &str) -> Option<Self> {
        match text.split_once(' ')? {
            ("served", id) => Some(Self::Served(id.parse().ok()?)),
            ("failed", why) => Some(Self::Failed(why.to_owned())),
            _ => None,
        }
    }

    /// Tells it, if somebody wants to know.
    pub(super) fn tell(&self, pid_file: &Path) {
        let sent = UnixDatagram::unbound().and_then(|socket| {
            socket.set_nonblocking(true)?;
            socket.send_to(self.to_text().as_bytes(), place(pid_file))
        });
        if let Err(error) = sent {
            debug!(%error, "nobody is told what became of the hand-over");
        }
    }
}

/// The place where somebody waits. It is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Question {
    socket: UnixDatagram,
    place: PathBuf,
}

impl Question {
    /// Opens the place for the process of that file.
    pub(crate) fn ask(pid_file: &Path) -> Result<Self> {
        let place = place(pid_file);
        // Left behind by somebody who was interrupted.
        let _ = std::fs::remove_file(&place);
        let socket = UnixDatagram::bind(&place);
        let socket = socket.with_context(|| format!("cannot be told anything at {}", place.display()))?;
        Ok(Self { socket, place })
    }

    /// Waits so long; `WouldBlock` when nothing has been told.
    pub(crate) fn wait(&self, limit: Duration) -> io::Result<Outcome> {
        self.socket.set_read_timeout(Some(limit))?;
        let mut text = [0; LONGEST];
        let count = self.socket.recv(&mut text)?;
        let outcome = Outcome::of_text(&String::from_utf8_lossy(&text[..count]));
        outcome.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a word that is not known"))
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = std::fs::remove_file(&self.place);
    }
}

fn place(pid_file: &Path) -> PathBuf {
    let mut place = pid_file.as_os_str().to_owned();
    place.push(".upgrade");
    place.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_heard_and_nobody_need_listen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.pid");
        Outcome::Served(1).tell(&path);
        let question = Question::ask(&path).unwrap();
        for outcome in [Outcome::Served(4711), Outcome::Failed("it ended: too early".into())] {
            outcome.tell(&path);
            assert_eq!(question.wait(Duration::from_secs(20)).unwrap(), outcome);
        }
        assert!(question.wait(Duration::from_millis(1)).is_err());
        drop(question);
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
    }
}
