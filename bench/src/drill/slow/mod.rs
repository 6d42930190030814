//! Ten thousand slow-loris connections and a thousand slow readers of a large file: usual callers must not notice.

mod attack;
mod document;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use tokio::task::LocalSet;
use tokio::time::sleep;

use crate::cli::Arguments;
use crate::gateway::{free_port, tidegate, wait_until_ready};
use crate::load::{self, Aim, Latency, Span};
use crate::machine::Machine;
use crate::process::{Gateway, resident_kib};
use crate::upstream::origin;
use crate::work::Expected;
use attack::{Attack, Counts, Size};

/// p99 of usual callers at most, compared with idle times.
const TIMES: f64 = 2.0;

/// Resident memory of the gateway at most, in MiB.
const MEMORY: f64 = 256.0;

/// The file of the slow readers, in bytes.
const FILE: u64 = 100 << 20;
const FILE_PATH: &str = "/files/large";

/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(200);

/// Longest time in which all connections must be open.
const OPENING: Duration = Duration::from_secs(60);

/// How much is played.
#[derive(Clone, Copy, Debug)]
struct Plan {
    size: Size,
    /// Requests of usual callers per second.
    rate: f64,
    /// How long usual callers are watched: before, meanwhile, afterwards.
    spans: [Duration; 3],
}

impl Plan {
    const FULL: Self = Self {
        size: Size { dripping: 10_000, reading: 1_000, within: Duration::from_secs(10) },
        rate: 200.0,
        spans: [Duration::from_secs(30), Duration::from_secs(90), Duration::from_secs(30)],
    };
    const SMOKE: Self = Self {
        size: Size { dripping: 300, reading: 30, within: Duration::from_millis(500) },
        rate: 50.0,
        spans: [Duration::from_secs(1); 3],
    };
}

/// What was seen.
struct Seen {
    plan: Plan,
    machine: Machine,
    /// Of usual callers: before, meanwhile, afterwards.
    latencies: [Latency; 3],
    /// Requests of usual callers meanwhile.
    answers: u64,
    /// MiB of the gateway before, at most, and afterwards.
    mib: [f64; 3],
    /// MiB of TCP in the kernel, of the whole machine: before and at most.
    kernel: [f64; 2],
    /// CPU of the gateway under attack, in cores.
    cpu: f64,
    /// Connections that were open when all had come.
    open: [usize; 2],
    let_go: u64,
    cut: u64,
    refused: u64,
    taken: u64,
    /// How long the file took afterwards.
    fetched: Duration,
}

/// A bar, and whether it was met.
struct Bar {
    says: String,
    seen: String,
    met: bool,
}

/// Plays it, and writes the document if asked to. An error where a bar is missed, except in a smoke run.
pub(super) async fn run(arguments: &Arguments, folder: &Path) -> Result<()> {
    let plan = if arguments.smoke { Plan::SMOKE } else { Plan::FULL };
    let seen = LocalSet::new().run_until(play(plan, arguments, folder)).await?;
    let bars = judge(&seen);
    println!("{}", document::told(&seen, &bars));
    if arguments.smoke {
        return Ok(());
    }
    if arguments.write {
        let file = Path::new("docs").join("drill-slow.md");
        fs::write(&file, document::markdown(&seen, &bars))
            .with_context(|| format!("cannot write {}", file.display()))?;
        eprintln!("wrote {}", file.display());
    }
    match bars.iter().filter(|bar| !bar.met).count() {
        0 => Ok(()),
        missed => bail!("{missed} of {} bars are missed", bars.len()),
    }
}

fn judge(seen: &Seen) -> Vec<Bar> {
    let [before, meanwhile, after] = seen.latencies.map(|latency| latency.p99);
    let times = |p99: f64| format!("{p99:.2} ms, {:.2} ×", p99 / before);
    vec![
        Bar {
            says: format!("p99 of usual callers meanwhile: below {TIMES:.0} × that of idle times"),
            seen: format!("{} of {before:.2} ms", times(meanwhile)),
            met: meanwhile < TIMES * before,
        },
        Bar {
            says: format!("memory of the gateway: at most {MEMORY:.0} MiB"),
            seen: format!("{:.0} MiB", seen.mib[1]),
            met: seen.mib[1] <= MEMORY,
        },
        Bar {
            says: "p99 afterwards: the same bar".to_owned(),
            seen: times(after),
            met: after < TIMES * before,
        },
        Bar {
            says: "readers that read, slowly, are not cut".to_owned(),
            seen: seen.cut.to_string(),
            met: seen.cut == 0,
        },
    ]
}

async fn play(plan: Plan, arguments: &Arguments, folder: &Path) -> Result<Seen> {
    let machine = Machine::here();
    let program = tidegate::program(arguments.tidegate.as_deref())?;
    let (gateway, address) = start(&program, folder, origin::start().await?)?;
    let aim = aim(address);
    let watched = |span: Duration| Span { warm_up: Duration::from_secs(1), measured: span };
    let usual = |span: Duration| load::at_rate(&aim, plan.rate, watched(span), Some(&gateway));
    eprintln!("{:?} without an attack", plan.spans[0]);
    let before = usual(plan.spans[0]).await?;
    let (mib, kernel) = (mib(&gateway), kernel_mib());
    let attack = Attack::start(address, FILE_PATH, plan.size)?;
    let memory = Memory::watch(gateway.id());
    let open = all_open(&attack.counts, plan.size).await?;
    eprintln!("{:?} with {} slow-loris connections and {} slow readers", plan.spans[1], open[0], open[1]);
    let meanwhile = usual(plan.spans[1]).await?;
    let [most, kernel_most] = memory.most();
    let count = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
    let counts = attack.counts.clone();
    let (let_go, cut, taken) = (count(&counts.let_go), count(&counts.cut), count(&counts.taken));
    drop(attack);
    eprintln!("{:?} afterwards", plan.spans[2]);
    let after = usual(plan.spans[2]).await?;
    let fetched = attack::fetch(address, FILE_PATH, FILE).await?;
    Ok(Seen {
        plan,
        machine,
        latencies: [before.whole, meanwhile.whole, after.whole],
        answers: meanwhile.answers,
        mib: [mib, most, self::mib(&gateway)],
        kernel: [kernel, kernel_most],
        cpu: meanwhile.busy(),
        open,
        let_go,
        cut,
        refused: count(&counts.refused),
        taken,
        fetched,
    })
}

fn start(program: &Path, folder: &Path, origin: SocketAddr) -> Result<(Gateway, SocketAddr)> {
    let (address, admin) = (free_port()?, free_port()?);
    let files = folder.join("files");
    fs::create_dir(&files)?;
    fs::File::create(files.join("large"))?.set_len(FILE)?;
    let config = folder.join("slow.yaml");
    fs::write(&config, settings(address, admin, origin, &files))?;
    let log: PathBuf = folder.join("slow.log");
    let arguments = ["run", "--config", &*config.to_string_lossy()];
    let mut gateway = Gateway::start(program, &arguments, &log, false)?;
    wait_until_ready(&mut gateway, address, &log)?;
    Ok((gateway, address))
}

/// All else is as it is by default.
fn settings(address: SocketAddr, admin: SocketAddr, origin: SocketAddr, files: &Path) -> String {
    format!(
        "listen: [{{ address: {address} }}]\n\
         admin: {{ address: {admin} }}\n\
         auto_providers: false\n\
         data: slow-data\n\
         access_log: slow-access.log\n\
         upstreams:\n\
         \x20 origin: {{ servers: [\"http://{origin}\"] }}\n\
         routes:\n\
         \x20 - {{ path: /proxy/, proxy: origin }}\n\
         \x20 - {{ path: /files/, static: {} }}\n",
        files.display()
    )
}

fn aim(address: SocketAddr) -> Aim {
    let request = format!("GET /proxy/1k HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let expected = Expected { events: None, end: b"", length: Some(1024) };
    Aim { address, request: Bytes::from(request), expected, tls: None, room: load::ROOM }
}

/// Waits until all connections of an attack are open.
async fn all_open(counts: &Counts, size: Size) -> Result<[usize; 2]> {
    let end = Instant::now() + OPENING;
    loop {
        let open = [&counts.dripping, &counts.reading].map(|count| count.load(Ordering::Relaxed));
        if open == [size.dripping, size.reading] {
            return Ok(open);
        }
        ensure!(Instant::now() < end, "only {open:?} connections of the attack are open");
        sleep(LOOK).await;
    }
}

/// The most memory that was seen.
struct Memory(tokio::task::JoinHandle<()>, std::rc::Rc<std::cell::Cell<[f64; 2]>>);

impl Memory {
    fn watch(id: u32) -> Self {
        let most = std::rc::Rc::new(std::cell::Cell::new([0.0_f64; 2]));
        let seen = most.clone();
        let watching = tokio::task::spawn_local(async move {
            loop {
                let [own, kernel]: [f64; 2] = seen.get();
                let now = resident_kib(id).unwrap_or_default() as f64 / 1024.0;
                seen.set([own.max(now), kernel.max(kernel_mib())]);
                sleep(LOOK).await;
            }
        });
        Self(watching, most)
    }

    fn most(self) -> [f64; 2] {
        self.0.abort();
        self.1.get()
    }
}

fn mib(gateway: &Gateway) -> f64 {
    gateway.resident_kib() as f64 / 1024.0
}

/// What TCP holds in the kernel, in MiB; pages have 4 KiB.
fn kernel_mib() -> f64 {
    let text = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("TCP:")).unwrap_or_default();
    let pages = line.split_once(" mem ").and_then(|(_, pages)| pages.trim().parse::<f64>().ok());
    pages.unwrap_or_default() / 256.0
}

/// Of usual callers, for a table.
fn millis(latency: Latency) -> String {
    format!("{:.2} / {:.2} ms", latency.p50, latency.p99)
}
