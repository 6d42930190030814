//! Servers for the time of a test: started on free ports, watched, and gone at the end whatever happens.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::program;
use crate::workspace::Workspace;

/// How long a server may take until it listens; a debug build on a busy machine is slow.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A running server; dropping it ends the process.
pub(super) struct Server {
    child: Child,
    name: String,
    log: PathBuf,
    lines: Receiver<String>,
}

impl Server {
    /// Starts a program whose output goes to `target/test-env/logs/NAME.log`.
    pub(super) fn start(workspace: &Workspace, name: &str, command: Command) -> Result<Self> {
        let mut command = tied_to_us(command);
        let log = workspace.test_env().join("logs").join(format!("{name}.log"));
        let data = workspace.test_env().join("data").join(name);
        // What an earlier run has left there would be counted again.
        let _ = std::fs::remove_dir_all(&data);
        command.env("TIDEGATE_DATA", data);
        let mut file = program::create(&log)?;
        let (reader, writer) = std::io::pipe()?;
        command.stdin(std::process::Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let child = command.spawn().with_context(|| format!("cannot start {}", program::shown(&command)))?;
        // The command holds our ends of the pipe; without them the reader sees the end when the server dies.
        drop(command);
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(reader).lines().map_while(Result::ok) {
                let _ = writeln!(file, "{line}");
                let _ = sender.send(line);
            }
        });
        Ok(Self { child, name: name.to_owned(), log, lines })
    }

    /// Waits for the first line that `pick` finds something in.
    pub(super) fn wait_for<T>(&mut self, pick: impl Fn(&str) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(found) = pick(&line) {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{} did not say where it listens; {}", self.name, self.tail())
                }
                Err(RecvTimeoutError::Disconnected) => bail!("{} ended at once; {}", self.name, self.tail()),
            }
        }
    }

    /// The last lines of the log, for an error message.
    pub(super) fn tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(15)..].join("\n  ");
        format!("the end of {}:\n  {last}", self.log.display())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Has the kernel end the server when this process ends in a way that runs no destructors.
fn tied_to_us(command: Command) -> Command {
    let Some(setpriv) = program::find("setpriv") else { return command };
    let mut tied = Command::new(setpriv);
    tied.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => tied.env(name, value),
            None => tied.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        tied.current_dir(folder);
    }
    tied
}

/// The fake provider; returns its base URL too.
pub(super) fn fake_provider(workspace: &Workspace) -> Result<(Server, String)> {
    let mut command = workspace.command(workspace.built("debug", "fake-provider")?);
    command.args(["--port", "0"]);
    let mut server = Server::start(workspace, "fake-provider", command)?;
    let address = server.wait_for(listening)?;
    Ok((server, format!("http://{address}")))
}

/// The gateway with a config file from `tests/`; returns its base URL too.
pub(super) fn gateway(
    workspace: &Workspace,
    config: &str,
    vars: &[(&str, &str)],
) -> Result<(Server, String)> {
    let mut command = workspace.command(workspace.built("debug", "tidegate")?);
    command.args(["run", "--config"]).arg(workspace.root.join("tests").join(config));
    command.envs(vars.iter().copied());
    let name = config.trim_end_matches(".yaml");
    let mut server = Server::start(workspace, name, command)?;
    let address = server.wait_for(|line| if line.contains("admin") { None } else { listening(line) })?;
    wait_ready(&server, address)?;
    Ok((server, format!("http://{address}")))
}

/// The address in a line that says where a server listens.
fn listening(line: &str) -> Option<SocketAddr> {
    let after = line.split_once("listening")?;
    let words = |text: &str| -> Option<SocketAddr> {
        let mut words =
            text.split(|letter: char| !(letter.is_ascii_alphanumeric() || ".:[]".contains(letter)));
        words.find_map(|word| word.trim_matches(':').parse().ok())
    };
    words(after.1).or_else(|| words(after.0))
}

/// Asks `/ready` until it says 200.
fn wait_ready(server: &Server, address: SocketAddr) -> Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    while Instant::now() < deadline {
        if status(address, "/ready").is_ok_and(|status| status == 200) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("{} did not get ready; {}", server.name, server.tail())
}

fn status(address: SocketAddr, path: &str) -> Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    let head = String::from_utf8_lossy(&head).into_owned();
    head.strip_prefix("HTTP/1.1 ").and_then(|code| code.parse().ok()).context("no HTTP answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_lines() {
        let address = Some("127.0.0.1:8080".parse().unwrap());
        assert_eq!(listening("listening 127.0.0.1:8080"), address);
        assert_eq!(listening("gateway listening on http://127.0.0.1:8080"), address);
        assert_eq!(listening(r#"{"message":"listening","address":"127.0.0.1:8080"}"#), address);
        assert_eq!(listening("http://127.0.0.1:8080/ listening"), address);
        assert_eq!(listening("2026-11-21T10:00:00Z listening [::1]:80"), Some("[::1]:80".parse().unwrap()));
        assert_eq!(listening("starting 127.0.0.1:8080"), None);
    }
}
