//! Thousands of keep-alive connections held open: what they take in memory, and how well requests go over them.

use std::time::Duration;

use anyhow::{Context, Result};

use super::{EDGE_WORKS, Plan};
use crate::gateway::edge::{Edge, Grounds};
use crate::load::{Aim, Crowd, Span};
use crate::results::HeldRow;
use crate::sample::median;

/// Requests under way at any moment: 25,000 a second with 22 ms on average, which is what the goal speaks of, are so many.
const AT_ONCE: usize = 550;

/// Bytes that are read at once: thousands of buffers should not be what is measured.
const ROOM: usize = 2 * 1024;

/// How long memory may settle before it is looked at.
const SETTLED: Duration = Duration::from_millis(500);

/// Opens them, sends a request over each, then goes round over all of them as fast as answers come.
pub(super) async fn run(edge: &Edge, grounds: &Grounds, plan: &Plan) -> Result<HeldRow> {
    let first = EDGE_WORKS.first().context("there is no work")?;
    let aim = Aim { room: ROOM, ..first.aim(edge, grounds) };
    tokio::time::sleep(SETTLED).await;
    let mib_before = edge.resident_mib();
    let mut crowd = Crowd::open(&aim, plan.connections).await?;
    tokio::time::sleep(SETTLED).await;
    let mib_open = edge.resident_mib();
    crowd.ask_each().await?;
    tokio::time::sleep(SETTLED).await;
    let mib_asked = edge.resident_mib();
    let measured = Duration::from_secs_f64(plan.seconds);
    let span = Span { warm_up: measured.min(Duration::from_secs(1)), measured };
    let at_once = AT_ONCE.min(plan.connections);
    let seen = crowd.saturate(at_once, span, Some(&edge.process)).await?;
    let row = HeldRow {
        gateway: edge.name.to_owned(),
        lost: crowd.lost(),
        mib_before,
        mib_open,
        mib_asked,
        mib_loaded: edge.resident_mib(),
        at_once,
        per_second: seen.per_second(),
        mean: seen.whole.mean,
        p99: seen.whole.p99,
        cpu: seen.cpu_per_thousand(),
    };
    eprintln!(
        "{:<9} {} connections, {} lost: {:.1} → {:.1} → {:.1} → {:.1} MiB; {:.0}/s, {:.1} ms on average",
        row.gateway,
        plan.connections,
        row.lost,
        row.mib_before,
        row.mib_open,
        row.mib_asked,
        row.mib_loaded,
        row.per_second,
        row.mean
    );
    Ok(row)
}

/// The medians of all rounds. What was lost in any of them counts.
pub(super) fn middle(rounds: &[HeldRow]) -> Option<HeldRow> {
    let middle = |figure: fn(&HeldRow) -> f64| median(rounds.iter().map(figure));
    let first = rounds.first()?.clone();
    Some(HeldRow {
        lost: rounds.iter().map(|row| row.lost).sum(),
        mib_before: middle(|row| row.mib_before),
        mib_open: middle(|row| row.mib_open),
        mib_asked: middle(|row| row.mib_asked),
        mib_loaded: middle(|row| row.mib_loaded),
        per_second: middle(|row| row.per_second),
        mean: middle(|row| row.mean),
        p99: middle(|row| row.p99),
        cpu: middle(|row| row.cpu),
        ..first
    })
}
