//! `tidegate upgrade`: asks a running process to hand over, and waits for what becomes of it.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::run::handed_over::{Outcome, Question};
use crate::run::{START, pid_file};

/// How much longer than a process may take to start is waited for what becomes of it.
const SLACK: Duration = Duration::from_secs(5);
/// How often it is looked whether the process is still there.
const LOOK: Duration = Duration::from_millis(500);

/// Asks the process of that file, or of the config's `pid_file`; gives what has happened, for people.
///
/// # Errors
/// When nobody can be asked, or the new process does not serve.
pub fn upgrade(config: Option<PathBuf>, named: Option<PathBuf>) -> Result<String> {
    let path = match named {
        Some(path) => path,
        None => {
            let (loaded, _) = super::load(config)?;
            let path = pid_file::path(&loaded);
            path.context("the config has no `pid_file`, in which a running process could be found")?
        }
    };
    let id = pid_file::running(&path)?;
    let question = Question::ask(&path)?;
    let process = i32::try_from(id).ok().and_then(Pid::from_raw).context("that is no process")?;
    kill_process(process, Signal::USR2)
        .with_context(|| format!("process {id} cannot be told to hand over"))?;
    let end = Instant::now() + START + SLACK;
    while Instant::now() < end {
        match question.wait(LOOK) {
            Ok(Outcome::Served(next)) => {
                return Ok(format!(
                    "process {id} has handed over to process {next}, which serves; {id} finishes what is open, and ends\n"
                ));
            }
            Ok(Outcome::Failed(why)) => {
                bail!("the new process does not serve, and process {id} goes on: {why}; its log may say more")
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                pid_file::running(&path).with_context(|| format!("process {id} has ended"))?;
            }
            Err(error) => return Err(error).context("it cannot be heard what becomes of it"),
        }
    }
    bail!("process {id} does not say what became of it; its log may")
}
