//! Many streams held open at once: what one costs in memory, and whether any is lost.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::task::{JoinSet, LocalSet};

use super::Setting;
use crate::gateway::{Contender, OPEN};
use crate::load::{Aim, Lane};
use crate::results::{StreamsResult, StreamsRow};
use crate::work::{Dialect, Work};

/// Milliseconds between two chunks of a stream.
const PACE_MS: u64 = 100;

/// All streams begin within this time, or within a quarter of the time that one takes.
const RAMP: Duration = Duration::from_secs(2);

/// How many are open, and how many were at most.
#[derive(Default)]
struct Open {
    now: Cell<usize>,
    most: Cell<usize>,
}

/// Holds `count` streams for `seconds`, through each gateway in turn.
pub(crate) async fn run(setting: &Setting<'_>, count: usize, seconds: u64) -> Result<StreamsResult> {
    let chunks = seconds.saturating_sub(1).max(1) * 1000 / PACE_MS;
    let work = Work {
        name: "held",
        says: "one chunk each 100 ms",
        dialect: Dialect::Chat,
        prompt: 800,
        pieces: Some(chunks as usize),
        pace: Some(PACE_MS),
        rate: 0.0,
        beside: "held",
    };
    let mut rows = Vec::new();
    for name in setting.gateways.iter().filter(|name| *name != OPEN) {
        let gateway = Contender::start(name, &setting.site)?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let row = hold(&gateway, &work, count).await.with_context(|| format!("streams through {name}"))?;
        eprintln!(
            "{:<9} {} streams at once, {} lost, {:.1} KiB each, {:.1} µs CPU per chunk",
            row.gateway, row.peak, row.lost, row.kib_per_stream, row.cpu_per_chunk
        );
        rows.push(row);
    }
    Ok(StreamsResult { machine: setting.machine.clone(), count, seconds, pace_ms: PACE_MS, rows })
}

async fn hold(gateway: &Contender, work: &Work, count: usize) -> Result<StreamsRow> {
    let process = gateway.process.as_ref().context("only a gateway can hold streams")?;
    let (before, cpu) = (process.resident_kib(), process.cpu()?);
    let (aim, open) = (gateway.aim(work), Rc::new(Open::default()));
    let length = Duration::from_millis(PACE_MS) * work.pieces.unwrap_or(1) as u32;
    let ramp = RAMP.min(length / 4);
    let local = LocalSet::new();
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let wait = ramp.mul_f64(number as f64 / count as f64);
        tasks.spawn_local_on(stream(aim.clone(), wait, Rc::clone(&open)), &local);
    }
    let (mut most, mut lost, mut why) = (before, 0, None);
    local
        .run_until(async {
            let mut looks = tokio::time::interval(Duration::from_millis(500));
            loop {
                tokio::select! {
                    _ = looks.tick() => most = most.max(process.resident_kib()),
                    ended = tasks.join_next() => match ended {
                        None => break,
                        Some(ended) => if let Err(error) = ended.unwrap_or_else(|error| bail!("{error}")) {
                            lost += 1;
                            why.get_or_insert_with(|| format!("{error:#}"));
                        },
                    },
                }
            }
        })
        .await;
    let chunks = count * work.expected().events.map_or(1, |(events, _)| events);
    Ok(StreamsRow {
        gateway: gateway.name.to_owned(),
        peak: open.most.get(),
        lost,
        why,
        kib_per_stream: most.saturating_sub(before) as f64 / count as f64,
        mib_before: before as f64 / 1024.0,
        mib_most: most as f64 / 1024.0,
        cpu_per_chunk: process.cpu()?.since(cpu).total() * 1e6 / chunks as f64,
    })
}

async fn stream(aim: Aim, wait: Duration, open: Rc<Open>) -> Result<()> {
    tokio::time::sleep(wait).await;
    let mut lane = Lane::connect(&aim).await?;
    open.now.set(open.now.get() + 1);
    open.most.set(open.most.get().max(open.now.get()));
    let done = lane.exchange().await;
    open.now.set(open.now.get() - 1);
    done.map(|_| ())
}
