//! What the figures were measured on: without it they mean nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// A machine and the state of the code, as far as they can be known.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// `2026-01-31`, UTC.
    pub(crate) date: String,
    /// The commit, with `+` where files have changed since.
    pub(crate) commit: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: f64,
    pub(crate) system: String,
    /// Others' load on the machine when the run began: one-minute average.
    pub(crate) load: f64,
}

impl Machine {
    /// Looks at this machine.
    pub(crate) fn here() -> Self {
        let cpus = read("/proc/cpuinfo");
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let kib: f64 = memory.trim_end_matches("kB").trim().parse().unwrap_or_default();
        let changed = !said("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty();
        let distribution = field_with(&read("/etc/os-release"), "PRETTY_NAME", '=');
        Self {
            date: said("date", &["-u", "+%Y-%m-%d"]),
            commit: said("git", &["rev-parse", "--short", "HEAD"]) + if changed { "+" } else { "" },
            processor: field(&cpus, "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: kib / 1024.0 / 1024.0,
            system: format!("{}, Linux {}", distribution.trim_matches('"'), said("uname", &["-r"])),
            load: read("/proc/loadavg").split(' ').next().and_then(|one| one.parse().ok()).unwrap_or(0.0),
        }
    }

    /// One line.
    pub(crate) fn says(&self) -> String {
        format!(
            "{}, {} cores, {:.0} GiB, {}; commit {}, {}; load of the machine before the run {:.2}",
            self.processor, self.cores, self.memory_gib, self.system, self.commit, self.date, self.load
        )
    }
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn field(text: &str, name: &str) -> String {
    field_with(text, name, ':')
}

fn field_with(text: &str, name: &str, mark: char) -> String {
    let mut fields = text.lines().filter_map(|line| line.split_once(mark));
    fields.find(|(key, _)| key.trim() == name).map_or(String::new(), |(_, value)| value.trim().to_owned())
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
