//! The night of the outage: traffic twenty-fold, a provider with a tenth of its capacity, clients that ask again.

mod bars;
mod document;
mod picture;

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::caller::{Call, Manners};
use super::chance::Chance;
use super::config::{self, TENANTS};
use super::meter::{Counted, WINDOW};
use super::provider::Provider;
use super::scenario::Scenario;
use super::side::{Ground, Side};
use super::{HIGH_SHARE, STARTING, STREAM_SHARE, said};
use crate::cli::Arguments;
use crate::gateway::tidegate;
use crate::machine::Machine;

/// What was seen of both sides.
pub(super) struct Night {
    pub(super) scenario: Scenario,
    pub(super) machine: Machine,
    pub(super) off: Counted,
    pub(super) on: Counted,
    /// Most seconds by which the drill itself was late: the machine had too much else to do.
    pub(super) late: f64,
}

/// Plays it, judges it, and writes the document if asked to. An error where a bar is missed, except in a smoke run.
pub(super) async fn run(arguments: &Arguments, folder: &Path) -> Result<()> {
    let scenario = if arguments.smoke { Scenario::smoke() } else { Scenario::full() };
    let night = play(scenario, arguments, folder).await?;
    let bars = bars::judge(&night);
    println!("{}", document::told(&night, &bars));
    if arguments.smoke {
        return sane(&night);
    }
    if arguments.write {
        for (name, text) in
            [("drill-rush.md", document::markdown(&night, &bars)), ("drill-rush.svg", picture::svg(&night))]
        {
            let file = Path::new("docs").join(name);
            fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
            eprintln!("wrote docs/{name}");
        }
    }
    let missed = bars.iter().filter(|bar| !bar.on.met).count();
    if missed > 0 {
        bail!("{missed} of {} bars are missed with the defences on", bars.len());
    }
    Ok(())
}

/// Whether a smoke run saw a rush at all. On a machine that has no time for it, nothing can be said.
fn sane(night: &Night) -> Result<()> {
    let whole = [0.0, night.scenario.end];
    for counted in [&night.off, &night.on] {
        let good: usize = counted.between(whole).iter().map(|window| window.good.len()).sum();
        let asked: u32 = counted.between(whole).iter().map(|window| window.asked).sum();
        if (good == 0 || asked < 100) && night.late < document::TOO_LATE {
            bail!("no rush: {good} good answers to {asked} requests; {:?}", counted.why);
        }
    }
    Ok(())
}

async fn play(scenario: Scenario, arguments: &Arguments, folder: &Path) -> Result<Night> {
    let program = tidegate::program(arguments.tidegate.as_deref())?;
    // Gateways start first: some seconds before the scenario does.
    let start = Instant::now() + STARTING;
    let ground = Ground { program: &program, folder, start };
    let providers = [Provider::start(&scenario, start)?, Provider::start(&scenario, start)?];
    let off = Side::start(&ground, "off", &[providers[0].address], &config::off())?;
    let on = Side::start(&ground, "on", &[providers[1].address], &config::on(scenario.queue_wait))?;
    let mut sides = [off, on];
    let machine = Machine::here();
    sleep_until(start).await;
    let arriving = tokio::spawn(arrive(
        scenario.clone(),
        [Arc::clone(&sides[0].callers), Arc::clone(&sides[1].callers)],
        start,
    ));
    let late = watch(&scenario, &mut sides, &providers, start).await?;
    arriving.abort();
    let [off, on] = sides.map(|side| side.callers.meter.counted());
    Ok(Night { scenario, machine, off, on, late })
}

/// The same callers come to both sides at the same times, whether or not those before them have been answered.
async fn arrive(scenario: Scenario, sides: [Arc<super::caller::Callers>; 2], start: Instant) {
    let manners = Manners { patience: scenario.patience, backoff: scenario.backoff, retries: true };
    let requests: Vec<Arc<str>> = (0..TENANTS.len() * 4)
        .map(|kind| said::request(TENANTS[kind / 4], kind & 1 > 0, kind & 2 > 0).into())
        .collect();
    let mut chance = Chance::new(11);
    let mut time = 0.0;
    while time < scenario.end {
        time += chance.gap(scenario.rate(time));
        sleep_until(start + Duration::from_secs_f64(time)).await;
        let (high, streams) = (chance.share() < HIGH_SHARE, chance.share() < STREAM_SHARE);
        let tenant = (chance.any() % TENANTS.len() as u64) as usize;
        let request = &requests[tenant * 4 + usize::from(high) + 2 * usize::from(streams)];
        let own = Chance::new(chance.any());
        let call = Call { request: Arc::clone(request), streams, high, manners, chance: own };
        for callers in &sides {
            tokio::spawn(Arc::clone(callers).call(call.clone()));
        }
    }
}

/// Looks at both sides in every window until the end, and says how it goes. Returns by how many seconds the
/// latest look was too late.
async fn watch(
    scenario: &Scenario,
    sides: &mut [Side; 2],
    providers: &[Provider; 2],
    start: Instant,
) -> Result<f64> {
    let mut ticks = interval(Duration::from_secs_f64(WINDOW));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (terminal, mut told, mut late) = (std::io::stderr().is_terminal(), 0.0, 0.0_f64);
    loop {
        let due = ticks.tick().await;
        late = late.max(due.elapsed().as_secs_f64());
        let time = start.elapsed().as_secs_f64();
        for (side, provider) in sides.iter_mut().zip(providers) {
            let mib = side.mib()?;
            side.callers.meter.holds(mib, provider.batch.present());
        }
        if time - told >= if terminal { 1.0 } else { 10.0 } {
            told = time;
            let line = progress(scenario, sides, time);
            if terminal {
                eprint!("\r{line}\x1b[K")
            } else {
                eprintln!("{line}")
            }
            std::io::stderr().flush().ok();
        }
        if time >= scenario.end {
            if terminal {
                eprintln!();
            }
            return Ok(late);
        }
    }
}

fn progress(scenario: &Scenario, sides: &[Side; 2], time: f64) -> String {
    let each = sides.iter().map(|side| {
        let lately = side.callers.meter.lately(4);
        format!(
            " | {}: {} good/s, {} refused/s, {} left/s, {} waiting, {:.0} MiB",
            side.name,
            lately.good.len(),
            lately.refused.len(),
            lately.left,
            side.callers.waiting(),
            lately.mib
        )
    });
    format!(
        "{time:.0} of {:.0} s, {:.0} callers/s, capacity {:.0}/s{}",
        scenario.end,
        scenario.rate(time),
        scenario.capacity(time),
        each.collect::<String>()
    )
}
