//! Reloads and upgrades of the binary under load: nothing is lost.

mod callers;
mod document;
mod line;
mod streams;
mod tally;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::STARTING;
use crate::cli::Arguments;
use crate::gateway::tidegate;
use crate::machine::Machine;
use crate::sample::median;
use crate::upstream::origin;
use line::Line;
use tally::Tally;

/// Between two reloads.
const RELOAD: Duration = Duration::from_millis(100);

/// Of the whole time, so much is left to open what stays open before the first upgrade, and behind the last one.
const MARGIN: f64 = 0.05;

/// How long whoever is under way may take to come to an end.
const END: Duration = Duration::from_secs(90);

/// How much is played.
#[derive(Clone, Copy, Debug)]
struct Plan {
    seconds: f64,
    upgrades: u32,
    /// How many callers of each kind there are.
    crowd: u64,
    /// Longest stream in seconds.
    longest: f64,
}

impl Plan {
    const FULL: Self = Self { seconds: 60.0, upgrades: 10, crowd: 10, longest: 20.0 };
    const SMOKE: Self = Self { seconds: 6.0, upgrades: 2, crowd: 3, longest: 3.0 };
}

/// What was seen.
struct Seen {
    plan: Plan,
    machine: Machine,
    tallies: Vec<Arc<Tally>>,
    /// Hand-overs that went well, in seconds from the command to its end.
    upgrades: Vec<f64>,
    /// Reloads that were asked for, and such as were taken over.
    reloads: (usize, usize),
    /// Most processes at once, and their resident memory in MiB.
    most: (usize, f64),
    /// What the gateway warned of.
    warned: Vec<String>,
    /// Seconds from the end of the load until one process was left.
    alone: Option<f64>,
}

/// Plays it, and writes the document if asked to. An error where anything is lost.
pub(super) async fn run(arguments: &Arguments, folder: &Path) -> Result<()> {
    let plan = if arguments.smoke { Plan::SMOKE } else { Plan::FULL };
    let seen = play(plan, arguments, folder).await?;
    println!("{}", document::told(&seen));
    if arguments.write && !arguments.smoke {
        let file = Path::new("docs").join("drill-upgrade.md");
        fs::write(&file, document::markdown(&seen))
            .with_context(|| format!("cannot write {}", file.display()))?;
        eprintln!("wrote {}", file.display());
    }
    judge(&seen, arguments.smoke)
}

fn judge(seen: &Seen, is_smoke: bool) -> Result<()> {
    let counted = seen.tallies.iter().map(|tally| (tally, tally.counted()));
    for (tally, [good, failed, _]) in counted {
        if failed > 0 {
            bail!("{failed} of {}: {}", tally.name, tally.why().unwrap_or_default());
        }
        ensure!(good > 0, "nothing was seen of {}", tally.name);
    }
    ensure!(seen.upgrades.len() == seen.plan.upgrades as usize, "{} upgrades", seen.upgrades.len());
    let (asked, taken) = seen.reloads;
    // Those that come while one is under way are taken over as one: a debug build makes fewer of them. In full, most of ten a second must be.
    let wanted = (seen.plan.seconds / RELOAD.as_secs_f64()) as usize;
    let least = if is_smoke { 1 } else { wanted * 8 / 10 };
    ensure!(taken >= least, "only {taken} configs were taken over; {asked} of {wanted} were asked for");
    Ok(())
}

async fn play(plan: Plan, arguments: &Arguments, folder: &Path) -> Result<Seen> {
    let machine = Machine::here();
    let program = tidegate::program(arguments.tidegate.as_deref())?;
    let mut line = Line::start(&program, folder, origin::start().await?)?;
    let (tallies, mut load) = begin(plan, &line);
    let (upgrades, most) = upgrade_and_reload(plan, &mut line).await?;
    tallies.iter().for_each(|tally| tally.end());
    let ended = timeout(END, async { while load.join_next().await.is_some() {} }).await;
    ended.context("the load does not come to an end")?;
    let since = Instant::now();
    let mut alone = None;
    while since.elapsed() < STARTING && alone.is_none() {
        alone = (line.living().0 == 1).then(|| since.elapsed().as_secs_f64());
        sleep(Duration::from_millis(50)).await;
    }
    let (taken, warned) = line.told()?;
    let reloads = (line.asked(), taken);
    Ok(Seen { plan, machine, tallies, upgrades, reloads, most, warned, alone })
}

fn begin(plan: Plan, line: &Line) -> (Vec<Arc<Tally>>, JoinSet<()>) {
    let names = [
        "requests over kept connections, one after the other",
        "requests over kept connections, with pauses",
        "requests over a connection each",
        "requests over HTTP/2",
        "WebSocket messages",
        "streams of events",
    ];
    let tallies: Vec<_> = names.iter().map(|name| Arc::new(Tally::new(name))).collect();
    let (address, millis) = (line.address, Duration::from_millis);
    let mut load = JoinSet::new();
    let of = |kind: usize| tallies[kind].clone();
    for number in 0..plan.crowd {
        load.spawn(callers::keep_asking(address, millis(20), number, of(0)));
        for place in 0..5 {
            load.spawn(callers::keep_asking(address, millis(5000), number * 5 + place, of(1)));
        }
        load.spawn(callers::ask_anew(address, millis(50), of(2)));
        let life = if number % 2 == 0 { Duration::MAX } else { millis(5000) };
        for _ in 0..2 {
            load.spawn(streams::echo(address, life, millis(20), of(4)));
        }
        for place in 0..3 {
            load.spawn(streams::listen(address, [1.0, plan.longest], number * 3 + place, of(5)));
        }
    }
    for _ in 0..plan.crowd.div_ceil(3) {
        load.spawn(callers::ask_http2(address, millis(20), of(3)));
    }
    // Through all upgrades.
    load.spawn(streams::listen(address, [plan.seconds; 2], 0, of(5)));
    (tallies, load)
}

/// How long hand-overs took, and the most processes at once with their memory.
async fn upgrade_and_reload(plan: Plan, line: &mut Line) -> Result<(Vec<f64>, (usize, f64))> {
    let start = Instant::now();
    let every = plan.seconds * (1.0 - 2.0 * MARGIN) / f64::from(plan.upgrades);
    let (mut took, mut most) = (Vec::new(), (0, 0.0_f64));
    let mut ticks = interval(RELOAD);
    // On a busy machine some are left out; those that follow are not late for it.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut under_way = None;
    while start.elapsed().as_secs_f64() < plan.seconds || under_way.is_some() {
        ticks.tick().await;
        line.reload()?;
        let (processes, mib) = line.living();
        most = (most.0.max(processes), most.1.max(mib));
        let due = plan.seconds * MARGIN + took.len() as f64 * every;
        if under_way.is_none() && took.len() < plan.upgrades as usize && start.elapsed().as_secs_f64() >= due
        {
            let mut upgrade = line.upgrade();
            let upgrade = move || upgrade.output();
            under_way = Some((Instant::now(), tokio::task::spawn_blocking(upgrade)));
        }
        if let Some((began, command)) = under_way.take_if(|(_, command)| command.is_finished()) {
            took.push(line.handed_over(&command.await??, began)?.as_secs_f64());
            eprintln!(
                "{:.0} s: upgrade {} took {:.2} s; {processes} processes",
                start.elapsed().as_secs_f64(),
                took.len(),
                took.last().copied().unwrap_or_default()
            );
        }
    }
    Ok((took, most))
}

/// Of the hand-overs: the median and the longest.
fn durations(seen: &Seen) -> (f64, f64) {
    (median(seen.upgrades.iter().copied()), seen.upgrades.iter().copied().fold(0.0, f64::max))
}
