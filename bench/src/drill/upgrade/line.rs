//! The gateway as a line of processes, of which each hands over to the next.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::gateway::{free_port, wait_until_ready};
use crate::process::{Gateway, resident_kib};

/// What the gateway writes to its log when it has read its config again.
const TAKEN_OVER: &str = "the config was taken over";

/// How long the first one may take to be ready for signals.
const STARTING: Duration = Duration::from_secs(10);

/// How long processes may take to end when they are told to.
const ENDING: Duration = Duration::from_secs(3);

/// Processes of which the last one serves. All end when this is dropped.
pub(super) struct Line {
    /// Where they listen.
    pub(super) address: SocketAddr,
    program: PathBuf,
    folder: PathBuf,
    first: Gateway,
    admin: SocketAddr,
    origin: SocketAddr,
    /// All of them, the oldest first.
    ids: Vec<u32>,
    /// How often the config was written.
    written: usize,
}

impl Line {
    /// Starts the first one in front of that server.
    pub(super) fn start(program: &Path, folder: &Path, origin: SocketAddr) -> Result<Self> {
        let (address, admin) = (free_port()?, free_port()?);
        fs::write(folder.join("tidegate.yaml"), config(address, admin, origin, 0))?;
        let log = folder.join("gateway.log");
        let file = folder.join("tidegate.yaml");
        let arguments = ["run", "--config", &*file.to_string_lossy()];
        let mut first = Gateway::start(program, &arguments, &log, false)?;
        wait_until_ready(&mut first, address, &log)?;
        wait_for(&folder.join("tidegate.pid"))?;
        let (program, folder) = (program.to_owned(), folder.to_owned());
        let ids = vec![first.id()];
        Ok(Self { address, program, folder, first, admin, origin, ids, written: 0 })
    }

    /// Writes another config and has it read.
    pub(super) fn reload(&mut self) -> Result<()> {
        self.written += 1;
        // Put there as a whole: it is watched.
        let new = self.folder.join("tidegate.yaml.new");
        fs::write(&new, config(self.address, self.admin, self.origin, self.written))?;
        fs::rename(&new, self.folder.join("tidegate.yaml"))?;
        let last = self.ids.last().copied().unwrap_or_default();
        kill_process(pid(last)?, Signal::HUP).with_context(|| format!("process {last} has ended"))
    }

    /// How often a config was written and asked to be read.
    pub(super) fn asked(&self) -> usize {
        self.written
    }

    /// Reads what `tidegate upgrade` has said; gives how long it took.
    pub(super) fn handed_over(&mut self, output: &Output, began: Instant) -> Result<Duration> {
        let took = began.elapsed();
        let said = [&output.stdout[..], &output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        ensure!(output.status.success(), "tidegate upgrade: {said}");
        let id = said.split_once("to process ").context("no process is named")?.1;
        let id: String = id.chars().take_while(char::is_ascii_digit).collect();
        self.ids.push(id.parse()?);
        Ok(took)
    }

    /// The command that asks for an upgrade.
    pub(super) fn upgrade(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("upgrade").arg("--config").arg(self.folder.join("tidegate.yaml"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// How many of them live, and their resident memory in MiB.
    pub(super) fn living(&mut self) -> (usize, f64) {
        // A first process that has ended is waited for, so that it is seen to have ended.
        self.first.still_runs().ok();
        let sizes = self.ids.iter().filter_map(|id| resident_kib(*id));
        let sizes: Vec<u64> = sizes.collect();
        (sizes.len(), sizes.iter().sum::<u64>() as f64 / 1024.0)
    }

    /// How often a config was taken over, and what was warned of or failed.
    pub(super) fn told(&self) -> Result<(usize, Vec<String>)> {
        let log = fs::read_to_string(self.folder.join("gateway.log"))?;
        let bad = log.lines().filter(|line| line.contains(" WARN ") || line.contains(" ERROR "));
        Ok((log.matches(TAKEN_OVER).count(), bad.map(str::to_owned).collect()))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let end = Instant::now() + ENDING;
        let mut left: Vec<Pid> = self.ids.iter().skip(1).filter_map(|id| pid(*id).ok()).collect();
        // Twice: the second one ends it at once.
        for signal in [Signal::TERM, Signal::TERM] {
            left.retain(|id| kill_process(*id, signal).is_ok());
            std::thread::sleep(Duration::from_millis(50));
        }
        while Instant::now() < end && !left.is_empty() {
            std::thread::sleep(Duration::from_millis(20));
            left.retain(|id| test_kill_process(*id).is_ok());
        }
        for id in left {
            kill_process(id, Signal::KILL).ok();
        }
    }
}

/// Before it has written that, a signal would end it.
fn wait_for(pid_file: &Path) -> Result<()> {
    let end = Instant::now() + STARTING;
    while !pid_file.exists() {
        ensure!(Instant::now() < end, "the gateway writes no {}", pid_file.display());
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn pid(id: u32) -> Result<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw).context("no process id")
}

/// Each time another one: a header of the answers and, each tenth time, the terms of the door, so that it is served anew.
fn config(address: SocketAddr, admin: SocketAddr, origin: SocketAddr, number: usize) -> String {
    let streams = 100 + number / 10;
    format!(
        "listen: [{{ address: {address}, streams: {streams} }}]\n\
         admin: {{ address: {admin} }}\n\
         pid_file: tidegate.pid\n\
         auto_providers: false\n\
         data: data\n\
         access_log: access.log\n\
         upstreams:\n\
         \x20 origin: {{ servers: [\"http://{origin}\"] }}\n\
         routes:\n\
         \x20 - {{ path: /proxy/, proxy: origin, headers: {{ response: {{ set: {{ x-config: \"{number}\" }} }} }} }}\n"
    )
}
