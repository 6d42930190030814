//! A running `tidegate`, with what it says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use tempfile::TempDir;

/// Longer than a debug build on a busy machine takes for anything here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The command in a folder of its own, with none of this process's variables.
pub(crate) fn tidegate(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(args).current_dir(folder).env_clear().env("NO_COLOR", "1");
    command
}

/// A folder with a `tidegate.yaml`.
pub(crate) fn folder_with(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tidegate.yaml"), config).unwrap();
    folder
}

/// A running gateway; dropping it ends the process.
pub(crate) struct Gateway {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    /// Everything that has been read from both.
    pub(crate) said: String,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Gateway {
    /// Starts in that folder on free ports and waits until it listens.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(tidegate(folder, &["run", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]))
    }

    /// Starts that command and waits until it listens.
    pub(crate) fn start_with(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut this = Self { child, stdout, stderr, said: String::new(), address: nowhere, admin: nowhere };
        this.address = this.wait_for_address("listening http");
        this.admin = this.wait_for_address("listening (admin) http");
        this
    }

    /// Starts that command with these sockets from descriptor 3 on, as service managers do.
    pub(crate) fn start_with_sockets<const N: usize>(
        mut command: Command,
        sockets: [TcpListener; N],
    ) -> Self {
        let mappings = sockets.into_iter().zip(3..);
        let mappings = mappings.map(|(socket, child_fd)| FdMapping { parent_fd: socket.into(), child_fd });
        command.fd_mappings(mappings.collect()).unwrap();
        Self::start_with(command)
    }

    /// The process's id.
    pub(crate) fn id(&self) -> String {
        self.child.id().to_string()
    }

    /// Waits for the end of the process; others that it has started may still speak.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end; it said:\n{}", self.said);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for a line of stdout with that in it; gives what follows.
    pub(crate) fn wait_for_stdout(&mut self, what: &str) -> String {
        wait_for(&self.stdout, &mut self.said, what)
    }

    /// Waits for the line of a door; gives its address.
    fn wait_for_address(&mut self, what: &str) -> SocketAddr {
        let url = self.wait_for_stdout(what);
        url.trim_start_matches('s').trim_start_matches("://").parse().unwrap()
    }

    /// Waits for a line of stderr with that in it; gives what follows.
    pub(crate) fn wait_for_stderr(&mut self, what: &str) -> String {
        wait_for(&self.stderr, &mut self.said, what)
    }

    /// Sends a signal: `TERM`, `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for the end, and reads what is left of the output.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.said.extend(self.stdout.iter().chain(self.stderr.iter()).map(|line| line + "\n"));
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end; it said:\n{}", self.said);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        BufReader::new(from).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
    });
    receiver
}

fn wait_for(lines: &Receiver<String>, said: &mut String, what: &str) -> String {
    loop {
        let Ok(line) = lines.recv_timeout(PATIENCE) else { panic!("no `{what}`; it said:\n{said}") };
        said.push_str(&line);
        said.push('\n');
        if let Some((_, after)) = line.split_once(what) {
            return after.to_owned();
        }
    }
}

/// Opens a connection and sends a request; the answer is the caller's to read.
pub(crate) fn send(address: SocketAddr, method: &str, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    stream
}

/// The whole answer, head and body.
pub(crate) fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> String {
    let mut answer = Vec::new();
    send(address, method, path, body).read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

/// The whole answer to a request with one more header.
pub(crate) fn ask_with(address: SocketAddr, header: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\n{header}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

/// The whole answer to a GET.
pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    ask(address, "GET", path, "")
}

/// A chat request's body.
pub(crate) fn chat(model: &str, text: &str, stream: bool) -> String {
    format!(r#"{{"model":"{model}","stream":{stream},"messages":[{{"role":"user","content":"{text}"}}]}}"#)
}
