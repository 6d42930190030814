//! One bad target among three: slow, failing, silent, breaking off, or talking nonsense. Callers must not notice, and the bad one
//! must soon be left alone.

mod provider;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep_until};

use super::caller::{Call, Manners};
use super::chance::Chance;
use super::config::{self, TENANTS};
use super::side::{Ground, Side};
use super::{STARTING, STREAM_SHARE, said};
use crate::cli::Arguments;
use crate::gateway::tidegate;
use crate::report::table::{Style, Table};
use provider::{Fault, Target};

/// Callers with an answer, at least.
const SUCCESS: f64 = 0.999;

/// The bad target's share of the traffic after [`SETTLED`] seconds, at most.
const SHARE: f64 = 0.02;

/// The gateway has so many seconds to find out.
const SETTLED: f64 = 5.0;

/// How one fault went.
struct Row {
    fault: Fault,
    good: u32,
    all: u32,
    /// The bad target's share of the traffic, once settled.
    share: f64,
    /// Some words of the first failure.
    why: Option<String>,
}

impl Row {
    fn success(&self) -> f64 {
        f64::from(self.good) / f64::from(self.all.max(1))
    }

    fn met(&self) -> bool {
        self.success() >= SUCCESS && self.share < SHARE
    }
}

/// Plays each fault against a fresh gateway. An error where a bar is missed, except in a smoke run.
pub(super) async fn run(arguments: &Arguments, folder: &Path) -> Result<()> {
    let (rate, seconds) = if arguments.smoke { (50.0, 2.0) } else { (300.0, 20.0) };
    let mut rows = Vec::new();
    for fault in Fault::ALL {
        eprintln!("one of three targets {}: {seconds} s at {rate} callers/s", fault.says());
        rows.push(play(fault, rate, seconds, arguments, folder).await?);
    }
    let mut table = Table::new(&[
        "one of three targets",
        "callers with an answer",
        "its traffic after 5 s",
        "met",
        "first failure",
    ]);
    for row in &rows {
        table.row([
            row.fault.says().to_owned(),
            format!("{:.2} % of {}", row.success() * 100.0, row.all),
            format!("{:.1} %", row.share * 100.0),
            if row.met() { "yes" } else { "no" }.to_owned(),
            row.why.clone().unwrap_or_default(),
        ]);
    }
    println!("{}", table.draw(Style::Terminal));
    let missed = rows.iter().filter(|row| !row.met()).count();
    if missed > 0 && !arguments.smoke {
        bail!("{missed} of {} bad targets are noticed by callers, or still asked", rows.len());
    }
    if let Some(row) = rows.iter().find(|row| row.all == 0) {
        bail!("nobody was counted while one target was {}", row.fault.says());
    }
    Ok(())
}

async fn play(fault: Fault, rate: f64, seconds: f64, arguments: &Arguments, folder: &Path) -> Result<Row> {
    let program = tidegate::program(arguments.tidegate.as_deref())?;
    let start = Instant::now() + STARTING;
    let targets = [Target::start(fault)?, Target::start(Fault::None)?, Target::start(Fault::None)?];
    let addresses: Vec<_> = targets.iter().map(|target| target.address).collect();
    let ground = Ground { program: &program, folder, start };
    let mut side = Side::start(&ground, "pool", &addresses, &config::pool())?;
    let manners = Manners { patience: [20.0, 20.0], backoff: [0.5, 8.0], retries: false };
    let mut chance = Chance::new(13);
    let (mut time, mut before) = (0.0, None);
    let settled = SETTLED.min(seconds / 2.0);
    let mut calls = tokio::task::JoinSet::new();
    while time < seconds {
        time += chance.gap(rate);
        sleep_until(start + Duration::from_secs_f64(time)).await;
        if time >= settled && before.is_none() {
            before = Some(targets.each_ref().map(Target::asked));
        }
        let streams = chance.share() < STREAM_SHARE;
        let request: Arc<str> = said::request(TENANTS[0], false, streams).into();
        let own = Chance::new(chance.any());
        let call = Call { request, streams, high: false, manners, chance: own };
        calls.spawn(Arc::clone(&side.callers).call(call));
    }
    let after = targets.each_ref().map(Target::asked);
    while calls.join_next().await.is_some() {}
    side.mib()?;
    let before = before.unwrap_or_default();
    let since: Vec<u64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
    let share = since[0] as f64 / since.iter().sum::<u64>().max(1) as f64;
    let counted = side.callers.meter.counted();
    let (good, all) = (counted.usual.good, counted.usual.good + counted.usual.bad);
    Ok(Row { fault, good, all, share, why: counted.why })
}
