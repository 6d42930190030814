//! Child processes: pinned to a core, measured through /proc, ended with the program.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Length of one tick of /proc's CPU times; Linux has told programs 100 a second on every architecture we run on.
const TICK: f64 = 0.01;

/// The core of the gateway under test.
pub(crate) const GATEWAY_CORE: usize = 0;

/// The core of the load generator and the fake provider.
pub(crate) const LOAD_CORE: usize = 1;

/// Whether there is a core for each side.
pub(crate) fn can_pin() -> bool {
    std::thread::available_parallelism().is_ok_and(|cores| cores.get() >= 2) && works("taskset")
}

/// Whether this program has been pinned, and so the gateway is on another core.
static PINNED: AtomicBool = AtomicBool::new(false);

/// Whether the load generator and the gateway have a core each.
pub(crate) fn is_pinned() -> bool {
    PINNED.load(Ordering::Relaxed)
}

/// Pins this program. To be called before it has a second thread.
pub(crate) fn pin_self() -> Result<()> {
    let process = std::process::id().to_string();
    let status = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", &LOAD_CORE.to_string(), &process])
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        bail!("taskset cannot pin the load generator to core {LOAD_CORE}");
    }
    PINNED.store(true, Ordering::Relaxed);
    Ok(())
}

/// Raises the limit of open files as far as it goes, for this program and what it starts: 1,000 streams through a
/// gateway are 4,000 sockets. Where that does not work, opening will say so.
pub(crate) fn allow_many_files() {
    let process = std::process::id().to_string();
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    if let Some(hard) = line.and_then(|line| line.split_ascii_whitespace().nth(1)) {
        let limit = format!("--nofile={hard}:{hard}");
        Command::new("prlimit").args(["--pid", &process, &limit]).stdout(Stdio::null()).status().ok();
    }
}

/// Whether a program can be started at all.
pub(crate) fn works(program: &str) -> bool {
    let null = Stdio::null;
    Command::new(program).arg("--version").stdin(null()).stdout(null()).stderr(null()).status().is_ok()
}

/// CPU time in seconds, since the process started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    pub(crate) user: f64,
    pub(crate) kernel: f64,
}

impl Cpu {
    /// Both together.
    pub(crate) fn total(self) -> f64 {
        self.user + self.kernel
    }

    /// What was spent since an earlier look.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { user: self.user - earlier.user, kernel: self.kernel - earlier.kernel }
    }
}

/// A gateway's process and those that it has started. All end when this is dropped.
pub(crate) struct Gateway {
    child: Child,
    /// Ends the process properly, where a kill would leave children behind.
    stop: Option<Command>,
}

impl Gateway {
    /// Starts a program on the gateway's core (where there is more than one); both its outputs go to a file.
    /// It also ends when this program is killed, if `setpriv` is there to arrange that.
    pub(crate) fn start(program: &Path, arguments: &[&str], log: &Path, pinned: bool) -> Result<Self> {
        let mut words: Vec<String> = Vec::new();
        if pinned {
            words.extend(["taskset", "--cpu-list", &GATEWAY_CORE.to_string()].map(str::to_owned));
        }
        if works("setpriv") {
            words.extend(["setpriv", "--pdeathsig", "TERM"].map(str::to_owned));
        }
        words.push(program.to_string_lossy().into_owned());
        words.extend(arguments.iter().map(|&word| word.to_owned()));
        let out = fs::File::create(log)?;
        let child = Command::new(&words[0])
            .args(&words[1..])
            // Away from a `.env` that may lie in the current folder.
            .current_dir(log.parent().unwrap_or(Path::new("/")))
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("cannot start {}", words.join(" ")))?;
        Ok(Self { child, stop: None })
    }

    /// The command that ends it, instead of a kill.
    pub(crate) fn stopped_by(mut self, stop: Command) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// An error if it has ended.
    pub(crate) fn still_runs(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("it ended with {status}"),
            None => Ok(()),
        }
    }

    /// CPU time of the process and its children.
    pub(crate) fn cpu(&self) -> Result<Cpu> {
        let mut cpu = Cpu::default();
        for id in self.family() {
            // A child may end between two looks; what it used is lost, and it does not happen under load.
            let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
            let one = parse_stat(&stat).with_context(|| format!("/proc/{id}/stat is not understood"))?.1;
            cpu = Cpu { user: cpu.user + one.user, kernel: cpu.kernel + one.kernel };
        }
        Ok(cpu)
    }

    /// Resident memory of the process and its children, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.family().into_iter().filter_map(resident_kib).sum()
    }

    /// The process and its direct children.
    pub(crate) fn family(&self) -> Vec<u32> {
        let id = self.id();
        let is_child = |other: u32| {
            let stat = fs::read_to_string(format!("/proc/{other}/stat")).ok()?;
            (parse_stat(&stat)?.0 == id).then_some(other)
        };
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        std::iter::once(id).chain(ids.filter_map(is_child)).collect()
    }

    fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() > end {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(stop) = &mut self.stop {
            stop.stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
            if let Ok(Some(_)) = self.wait(Duration::from_secs(3)) {
                return;
            }
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Resident memory of one process without its children, in KiB: cheap enough to be asked often.
pub(crate) fn resident_kib(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// The parent and the CPU times in a line of /proc/PID/stat. The name may have blanks and brackets in it.
fn parse_stat(stat: &str) -> Option<(u32, Cpu)> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let ticks = |place: usize| Some(fields.get(place)?.parse::<f64>().ok()? * TICK);
    Some((fields.get(1)?.parse().ok()?, Cpu { user: ticks(11)?, kernel: ticks(12)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_behind_the_name() {
        let stat = "42 (a b) c) S 7 42 42 0 -1 4194304 100 0 0 0 150 250 1 2 20 0 1 0 5 6 7";
        let (parent, cpu) = parse_stat(stat).unwrap();
        assert_eq!(parent, 7);
        assert!((cpu.user - 1.5).abs() < 1e-9 && (cpu.kernel - 2.5).abs() < 1e-9);
    }
}
