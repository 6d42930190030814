//! Where a gateway's CPU goes: `perf` while it is under load.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Setting;
use super::edge::EdgeWork;
use crate::gateway::Contender;
use crate::gateway::edge::{Edge, Grounds};
use crate::load::{Measured, Span, saturate};
use crate::process::{Gateway, works};
use crate::work::Work;

/// Seconds of load before anything is counted.
const WARM_UP: f64 = 0.5;

/// Symbols shown.
const TOP: usize = 60;

/// Profiles one gateway doing one work: CPU time, system calls, shares by library and crate, top symbols.
pub(crate) async fn run(setting: &Setting<'_>, name: &str, work: &Work, seconds: f64) -> Result<String> {
    let gateway = Contender::start(name, &setting.site)?;
    let process = gateway.process.as_ref().context("only a gateway can be profiled")?;
    let aim = gateway.aim(work);
    let title = format!("{name}, {}: {}", work.name, work.says);
    let load = async |span| saturate(&aim, span, Some(process)).await;
    Ok(format!("{title}\n{}", watched(setting.site.folder, process, seconds, load).await?))
}

/// The same of a work of the edge.
pub(crate) async fn edge(setting: &Setting<'_>, name: &str, work: &EdgeWork, seconds: f64) -> Result<String> {
    let grounds = Grounds::prepare(&setting.site).await?;
    let edge = Edge::start(name, &setting.site, &grounds)?;
    let title = format!("{name}, {}: {}", work.name, work.says);
    let load = async |span| work.saturate(&edge, &grounds, span).await;
    Ok(format!("{title}\n{}", watched(setting.site.folder, &edge.process, seconds, load).await?))
}

async fn watched(
    folder: &Path,
    process: &Gateway,
    seconds: f64,
    load: impl AsyncFn(Span) -> Result<Measured>,
) -> Result<String> {
    if !works("perf") {
        bail!("there is no perf; on Debian: apt-get install linux-perf");
    }
    let calls = folder.join("calls.txt");
    let counting = ["stat", "-x;", "-e", "syscalls:sys_enter_*"];
    let counted = under_load(&load, process, 2.0, &counting, &calls).await;
    // Counting needs the kernel's trace points, which are not everywhere.
    let calls = counted.map_or(String::new(), |counted| system_calls(&calls, &counted));
    let data = folder.join("perf.data");
    // The CPU's clock: hardware counters are rarely there in a virtual machine.
    let recording = ["record", "--event", "cpu-clock", "--freq", "1999"];
    let measured = under_load(&load, process, seconds, &recording, &data).await?;
    let answers = measured.answers as f64;
    let symbols = report(&data)?;
    Ok(format!(
        "{:.0} answers/s, per answer {:.1} µs user and {:.1} µs kernel\n\n{calls}{}\n{}",
        measured.per_second(),
        measured.cpu.user * 1e6 / answers,
        measured.cpu.kernel * 1e6 / answers,
        by_crate(&symbols),
        symbols
            .iter()
            .take(TOP)
            .map(|(share, symbol)| format!("{share:6.2} %  {symbol}\n"))
            .collect::<String>(),
    ))
}

/// Lets perf watch a saturated gateway; it writes to `file`.
async fn under_load(
    load: &impl AsyncFn(Span) -> Result<Measured>,
    process: &Gateway,
    seconds: f64,
    arguments: &[&str],
    file: &Path,
) -> Result<Measured> {
    let span = Span { warm_up: Duration::from_secs_f64(WARM_UP), measured: Duration::from_secs_f64(seconds) };
    let mut perf = Watcher(watch(&process.family(), seconds, arguments, file)?);
    let measured = load(span).await?;
    if !perf.0.wait()?.success() {
        bail!("perf: {}", fs::read_to_string(file.with_extension("log")).unwrap_or_default());
    }
    Ok(measured)
}

fn watch(processes: &[u32], seconds: f64, arguments: &[&str], file: &Path) -> Result<Child> {
    let processes: Vec<String> = processes.iter().map(u32::to_string).collect();
    let log = fs::File::create(file.with_extension("log"))?;
    let mut command = Command::new("perf");
    command.args(arguments).args(["--pid", &processes.join(",")]).arg("--output").arg(file);
    command.args(["--", "sleep", &format!("{:.1}", seconds + WARM_UP)]);
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?)
}

/// perf, ended if the load fails.
struct Watcher(Child);

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Calls per answer, from `COUNT;;syscalls:sys_enter_NAME;…`. They were counted during the warm-up as well.
fn system_calls(file: &Path, measured: &Measured) -> String {
    let answers = measured.per_second() * (measured.time + WARM_UP);
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut calls: Vec<(f64, &str)> = text
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(';');
            let count: f64 = fields.next()?.parse().ok()?;
            Some((count / answers, fields.nth(1)?.strip_prefix("syscalls:sys_enter_")?))
        })
        .filter(|(each, _)| *each >= 0.005)
        .collect();
    calls.sort_by(|one, other| other.0.total_cmp(&one.0));
    let all: f64 = calls.iter().map(|(each, _)| each).sum();
    let each: Vec<String> = calls.iter().map(|(each, name)| format!("{name} {each:.2}")).collect();
    format!("system calls per answer: {all:.1} ({})\n\n", each.join(", "))
}

/// What perf found, largest share first: percent and `[library] symbol`.
fn report(data: &Path) -> Result<Vec<(f64, String)>> {
    let mut command = Command::new("perf");
    command.args([
        "report",
        "--stdio",
        "--no-children",
        "--sort",
        "dso,symbol",
        "--fields",
        "overhead,dso,symbol",
    ]);
    command.args(["--field-separator", ";", "--percent-limit", "0.02"]);
    let output = command.arg("--input").arg(data).stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |line: &str| {
        let mut fields = line.splitn(3, ';');
        let share = fields.next()?.trim().trim_end_matches('%').parse().ok()?;
        let library = fields.next()?.trim().to_owned();
        // Behind the symbol some versions print columns that are empty here.
        let symbol = fields.next()?.split(';').next()?.trim_end_matches([' ', '-']);
        Some((share, format!("{library:<18} {symbol}")))
    };
    let mut symbols: Vec<(f64, String)> = text.lines().filter_map(line).collect();
    symbols.sort_by(|one, other| other.0.total_cmp(&one.0));
    Ok(symbols)
}

/// Shares by crate in the gateway's own program, by library elsewhere.
fn by_crate(symbols: &[(f64, String)]) -> String {
    let mut shares: BTreeMap<&str, f64> = BTreeMap::new();
    for (share, line) in symbols {
        *shares.entry(crate_of(line)).or_default() += share;
    }
    let mut shares: Vec<(&str, f64)> = shares.into_iter().filter(|(_, share)| *share >= 0.3).collect();
    shares.sort_by(|one, other| other.1.total_cmp(&one.1));
    shares.into_iter().map(|(name, share)| format!("{share:6.2} %  {name}\n")).collect()
}

fn crate_of(line: &str) -> &str {
    let library = line.split(' ').next().unwrap_or_default();
    let Some((_, symbol)) = line.split_once("[.] ").filter(|_| library == "tidegate") else {
        return library;
    };
    if symbol.starts_with("mi_") || symbol.starts_with("_mi_") {
        return "mimalloc";
    }
    let path = symbol.trim_start_matches(['<', '&', '*', '(']).trim_start_matches("mut ");
    path.split_once("::").map_or("other", |(name, _)| name.trim_start_matches("dyn "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_belong_to_crates() {
        for (line, name) in [
            ("tidegate           [.] <hyper::a::B<T> as core::future::Future>::poll", "hyper"),
            ("tidegate           [.] <&mut serde_json::ser::Serializer<W,F> as x>::y", "serde_json"),
            ("tidegate           [.] _mi_page_malloc_zero", "mimalloc"),
            ("tidegate           [.] memcpy", "other"),
            ("[kernel.kallsyms]  [k] tcp_ack", "[kernel.kallsyms]"),
        ] {
            assert_eq!(crate_of(line), name);
        }
    }
}
