//! A server's process under a guard: it ends when the test's process ends, however that ends.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

/// Longest wait until a server says that it is ready, or has ended.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the program, tells its process id, and waits for a line. Without one (the test's process is gone) it ends the
/// program and removes the folder.
const GUARD: &str = r#"
signal=$1 folder=$2
shift 2
"$@" 2>&1 &
pid=$!
echo "guarded $pid"
exec >/dev/null 2>&1
read -r word
[ "$word" = keep ] && exit
kill -"$signal" "$pid"
kill -CONT "$pid"
wait "$pid"
rm -rf "$folder"
"#;

/// What to start.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    /// The program and its arguments.
    pub(super) command: Vec<OsString>,
    /// The folder that is all its own.
    pub(super) folder: &'a Path,
    /// User and group to run as, if not those of the test.
    pub(super) user: Option<(u32, u32)>,
    /// The signal that ends it at once.
    pub(super) end: &'static str,
    /// Part of the line that says it is ready.
    pub(super) ready: &'static str,
}

/// A running server.
#[derive(Debug)]
pub(super) struct Process {
    pid: u32,
    guard: Child,
    word: Option<ChildStdin>,
    /// Ends when the server and its children have ended.
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Process {
    /// Starts it and waits until it is ready. The error has what it said.
    pub(super) fn start(plan: &Plan<'_>) -> io::Result<Self> {
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard", plan.end]).arg(plan.folder).args(&plan.command);
        guard.current_dir(plan.folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some((user, group)) = plan.user {
            guard.uid(user).gid(group);
        }
        let mut guard = guard.spawn()?;
        let word = guard.stdin.take();
        let output = guard.stdout.take().ok_or_else(|| io::Error::other("no pipe"))?;
        let (to_ready, ready) = mpsc::channel();
        let (to_ended, ended) = mpsc::channel();
        let wanted = plan.ready;
        std::thread::spawn(move || {
            // Held until the output ends, which is when the server has.
            let _to_ended = to_ended;
            listen(BufReader::new(output), wanted, &to_ready);
        });
        let mut process = Self { pid: 0, guard, word, ended: Mutex::new(ended) };
        match ready.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(io::Error::other("nothing was said"))) {
            Ok(pid) => process.pid = pid,
            Err(error) => return process.leave().and(Err(error)),
        }
        Ok(process)
    }

    /// Sends it a signal, by name.
    pub(super) fn signal(&self, name: &str) -> io::Result<()> {
        run(Command::new("kill").arg(format!("-{name}")).arg(self.pid.to_string()))
    }

    /// Ends it with a signal and keeps its folder.
    pub(super) fn end(self, signal: &str) -> io::Result<()> {
        self.signal(signal)?;
        // Nothing is ever sent: the channel closes.
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(PATIENCE);
        if ended == Err(mpsc::RecvTimeoutError::Timeout) {
            return Err(io::Error::other(format!("process {} does not end", self.pid)));
        }
        self.leave()
    }

    /// The server has ended; its folder stays.
    fn leave(mut self) -> io::Result<()> {
        if let Some(mut word) = self.word.take() {
            word.write_all(b"keep\n")?;
        }
        self.guard.wait().map(drop)
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.word.take());
        self.guard.wait().ok();
    }
}

/// Reads what the server says: tells its process id once it is ready, or what it said when it ends before.
fn listen(output: impl BufRead, wanted: &str, ready: &mpsc::Sender<io::Result<u32>>) {
    let (mut pid, mut said, mut is_ready) = (0, String::new(), false);
    for line in output.lines().map_while(Result::ok) {
        if let Some(number) = line.strip_prefix("guarded ") {
            pid = number.parse().unwrap_or(0);
        } else if !is_ready {
            is_ready = line.contains(wanted);
            said.push_str(&line);
            said.push('\n');
            if is_ready {
                ready.send(Ok(pid)).ok();
            }
        }
    }
    if !is_ready {
        ready.send(Err(io::Error::other(said))).ok();
    }
}

/// Runs a program to its end; the error has what it said.
pub(super) fn run(command: &mut Command) -> io::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{name}: {}", String::from_utf8_lossy(&output.stderr))))
}

/// A port that nobody listens on now. Somebody may before it is used: whoever starts a server tries again.
pub(super) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// How often a start is tried, each time on another port.
pub(super) const TRIES: u32 = 5;

/// Does something that blocks where it may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
