//! From the start to the end: signals, the drain, and the process that comes after this one.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use tidegate_net::handover::{self, Successor, Word};
use tidegate_proxy::Gateway;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;
use tracing::{debug, error, info, warn};

use super::doors::Doors;
use super::handed_over::Outcome;

/// Longest start of a new process.
pub(crate) const START: Duration = Duration::from_secs(60);

/// The signals that end a gateway. Made before it says that it listens, so that none of them kills it from then on.
pub(super) struct Ending {
    stop: Stop,
    upgrade: Signal,
}

/// The signals that end it without a successor.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// How this process was started: what is started in its place is the same, from whatever stands there by then.
pub(super) struct Program {
    name: OsString,
    arguments: Vec<OsString>,
    /// The file with the process id, beside which somebody may wait for what becomes of a hand-over.
    pid_file: Option<PathBuf>,
}

impl Program {
    /// Of this process; `folder` is where it was started.
    pub(super) fn of_process(folder: &Path, pid_file: Option<PathBuf>) -> Self {
        let mut arguments = std::env::args_os();
        let name = arguments.next().unwrap_or_default();
        // A bare name is looked for in `PATH`, as the shell did.
        let is_path = Path::new(&name).components().count() > 1;
        let name = if is_path { folder.join(name).into() } else { name };
        Self { name, arguments: arguments.collect(), pid_file }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.name);
        command.args(&self.arguments);
        command
    }

    fn tell(&self, outcome: &Outcome) {
        if let Some(path) = &self.pid_file {
            outcome.tell(path);
        }
    }
}

impl Ending {
    /// Listens for SIGTERM, SIGINT and SIGUSR2.
    pub(super) fn listen() -> io::Result<Self> {
        let stop =
            Stop { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
        Ok(Self { stop, upgrade: signal(SignalKind::user_defined2())? })
    }

    /// Serves until a signal, then drains: `/ready` turns red, the doors close, open requests finish up to the limit. A second
    /// signal ends it at once, with exit code 1. SIGUSR2 starts a new process, which takes over the doors; this one drains then.
    pub(super) async fn serve(mut self, doors: &Doors, gateway: &Gateway, program: &Program) -> ExitCode {
        let successor = loop {
            tokio::select! {
                () = self.stop.wait() => break None,
                _ = self.upgrade.recv() => match self.hand_over(doors, program).await {
                    Ok(After::Served(id)) => {
                        program.tell(&Outcome::Served(id));
                        break Some(id);
                    }
                    Ok(After::Ended) => break None,
                    Err(error) => {
                        error!(%error, "the new process does not take over; this one goes on");
                        program.tell(&Outcome::Failed(error.to_string()));
                    }
                },
            }
        };
        match successor {
            None => {
                // Whoever reads that it drains may ask `/ready` at once.
                gateway.set_draining();
                info!("draining: open requests may finish; a second signal ends them at once");
                told(Word::Stopping);
                doors.drain();
                doors.remove_sockets();
            }
            Some(id) => {
                info!(id, "the new process serves; in this one, open requests may finish");
                told(Word::Successor(id));
                doors.drain_handed_over();
            }
        }
        tokio::select! {
            () = doors.closed() => ExitCode::SUCCESS,
            () = self.stop.wait() => cut(),
        }
    }

    /// Starts a new process with this one's sockets and waits until it serves.
    async fn hand_over(&mut self, doors: &Doors, program: &Program) -> io::Result<After> {
        info!(program = %program.name.display(), "a new process is started, to take over the doors");
        let mut successor = doors.hand_over()?.start(program.command())?;
        let ready = tokio::select! {
            ready = timeout(START, successor.wait_ready()) => ready,
            () = self.stop.wait() => {
                give_up(successor);
                return Ok(After::Ended);
            }
        };
        match ready {
            Ok(Ok(())) => Ok(After::Served(successor.id())),
            Ok(Err(error)) => {
                give_up(successor);
                Err(error)
            }
            Err(_) => {
                give_up(successor);
                Err(io::Error::new(io::ErrorKind::TimedOut, format!("it was not ready within {START:?}")))
            }
        }
    }
}

/// What became of a hand-over that did not fail.
enum After {
    /// The process with that id serves.
    Served(u32),
    /// A signal came that ends this process.
    Ended,
}

fn give_up(successor: Successor) {
    match successor.give_up() {
        Ok(status) => warn!(%status, "the new process has ended"),
        Err(error) => warn!(%error, "the new process cannot be ended"),
    }
}

/// Tells the service manager; that nobody listens is no failure.
pub(super) fn told(word: Word) {
    if let Err(error) = handover::tell(word) {
        debug!(%error, ?word, "the service manager cannot be told");
    }
}

/// Tells the service manager again and again that this process is alive, if it wants to know.
pub(super) async fn stay_alive() {
    let Some(every) = handover::watchdog() else { return };
    // Twice as often as need be.
    let mut beat = tokio::time::interval(every / 2);
    loop {
        beat.tick().await;
        told(Word::Alive);
    }
}

fn cut() -> ExitCode {
    warn!("ended by a second signal; open requests were cut");
    ExitCode::FAILURE
}
