//! Where a gateway's CPU goes: `perf` while it is under load.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Setting;
use crate::gateway::Contender;
use crate::load::{Span, saturate};
use crate::process::works;
use crate::work::Work;

/// Profiles one gateway doing one work, and returns what perf found: by library, then the top symbols.
pub(crate) async fn run(setting: &Setting<'_>, name: &str, work: &Work, seconds: f64) -> Result<String> {
    if !works("perf") {
        bail!("there is no perf; on Debian: apt-get install linux-perf");
    }
    let gateway = Contender::start(name, &setting.site)?;
    let process = gateway.process.as_ref().context("only a gateway can be profiled")?;
    let data = setting.site.folder.join("perf.data");
    let mut perf = record(&process.family(), &data, seconds)?;
    let span = Span { warm_up: Duration::from_millis(500), measured: Duration::from_secs_f64(seconds) };
    let measured = saturate(&gateway.aim(work), span, Some(process)).await;
    let ended = perf.wait();
    let measured = measured?;
    if !ended?.success() {
        bail!("perf: {}", fs::read_to_string(data.with_extension("log")).unwrap_or_default());
    }
    let answers = measured.answers as f64;
    Ok(format!(
        "{name}, {}: {}\n{:.0} answers/s, per answer {:.1} µs user and {:.1} µs kernel\n\n{}\n{}",
        work.name,
        work.says,
        measured.per_second(),
        measured.cpu.user * 1e6 / answers,
        measured.cpu.kernel * 1e6 / answers,
        report(&data, "dso", 10)?,
        report(&data, "dso,symbol", 60)?
    ))
}

/// By the CPU's clock: hardware counters are rarely there in a virtual machine.
fn record(processes: &[u32], data: &Path, seconds: f64) -> Result<std::process::Child> {
    let processes: Vec<String> = processes.iter().map(u32::to_string).collect();
    let log = fs::File::create(data.with_extension("log"))?;
    let mut command = Command::new("perf");
    command.args(["record", "--event", "cpu-clock", "--freq", "1999", "--pid", &processes.join(",")]);
    command.arg("--output").arg(data).args(["--", "sleep", &format!("{:.1}", seconds + 0.5)]);
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?)
}

fn report(data: &Path, by: &str, lines: usize) -> Result<String> {
    let mut command = Command::new("perf");
    command.args(["report", "--stdio", "--no-children", "--sort", by, "--percent-limit", "0.3"]);
    let output = command.arg("--input").arg(data).stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let top = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).take(lines);
    Ok(top.map(|line| format!("{}\n", line.trim_end())).collect())
}
