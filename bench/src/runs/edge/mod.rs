//! Tidegate as an edge proxy beside nginx: the same routes, files and certificate, in rounds, one after the other.

mod held;
mod work;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Setting;
use crate::gateway::edge::{Edge, Grounds};
use crate::gateway::{NGINX, TIDEGATE};
use crate::load::{Measured, Span};
use crate::results::{EdgeResult, EdgeRow, HeldRow};
use crate::sample::median;
pub(crate) use work::{EDGE_WORKS, EdgeWork};

/// How much is measured.
pub(crate) struct Plan {
    pub(crate) works: Vec<EdgeWork>,
    pub(crate) rounds: usize,
    /// Length of one measurement.
    pub(crate) seconds: f64,
    /// Connections that are held open; none, and that is not measured.
    pub(crate) connections: usize,
}

/// Figures by work and gateway, one for each round.
type Seen = BTreeMap<(&'static str, &'static str), Vec<Measured>>;

/// Measures everything.
pub(crate) async fn run(setting: &Setting<'_>, plan: &Plan) -> Result<EdgeResult> {
    let grounds = Grounds::prepare(&setting.site).await?;
    let names: Vec<&str> =
        [NGINX, TIDEGATE].into_iter().filter(|name| setting.gateways.iter().any(|one| one == name)).collect();
    let (seen, versions) = rounds(setting, plan, &grounds, &names).await?;
    let held = if plan.connections > 0 { held(setting, plan, &grounds, &names).await? } else { Vec::new() };
    Ok(EdgeResult {
        machine: setting.machine.clone(),
        rounds: plan.rounds,
        seconds: plan.seconds,
        pinned: setting.site.pinned,
        versions,
        rows: rows(plan, &names, &seen),
        connections: plan.connections,
        held,
    })
}

async fn rounds(
    setting: &Setting<'_>,
    plan: &Plan,
    grounds: &Grounds,
    names: &[&str],
) -> Result<(Seen, Vec<String>)> {
    let edges: Vec<Edge> =
        names.iter().map(|name| Edge::start(name, &setting.site, grounds)).collect::<Result<_>>()?;
    let measured = Duration::from_secs_f64(plan.seconds);
    let span = Span { warm_up: measured.min(Duration::from_millis(500)), measured };
    let mut seen = Seen::new();
    for round in 0..plan.rounds {
        for work in &plan.works {
            let mut order: Vec<&Edge> = edges.iter().collect();
            let turn = round % order.len().max(1);
            order.rotate_left(turn);
            for edge in order {
                let figures = work.saturate(edge, grounds, span).await;
                let figures = figures.with_context(|| format!("{} through {}", work.name, edge.name))?;
                say(round, plan, work, edge.name, &figures);
                seen.entry((work.name, edge.name)).or_default().push(figures);
            }
        }
    }
    Ok((seen, edges.into_iter().map(|edge| edge.version).collect()))
}

/// Thousands of connections, at a gateway that was just started, in turns.
async fn held(
    setting: &Setting<'_>,
    plan: &Plan,
    grounds: &Grounds,
    names: &[&'static str],
) -> Result<Vec<HeldRow>> {
    let mut seen: BTreeMap<&str, Vec<HeldRow>> = BTreeMap::new();
    for round in 0..plan.rounds {
        let mut order = names.to_vec();
        let turn = round % order.len().max(1);
        order.rotate_left(turn);
        for name in order {
            let edge = Edge::start(name, &setting.site, grounds)?;
            let row = held::run(&edge, grounds, plan).await;
            let row = row.with_context(|| format!("{} connections at {name}", plan.connections))?;
            seen.entry(name).or_default().push(row);
        }
    }
    Ok(names.iter().filter_map(|name| held::middle(seen.get(name)?)).collect())
}

fn say(round: usize, plan: &Plan, work: &EdgeWork, name: &str, figures: &Measured) {
    eprintln!(
        "round {}/{}  {:<12} {:<9} {:>9.0}/s  {:>8.1} µs CPU each  core {:>3.0} % busy",
        round + 1,
        plan.rounds,
        work.name,
        name,
        figures.per_second(),
        figures.cpu_per_thousand() * 1000.0,
        figures.busy() * 100.0,
    );
}

fn rows(plan: &Plan, names: &[&'static str], seen: &Seen) -> Vec<EdgeRow> {
    let both = plan.works.iter().flat_map(|work| names.iter().map(move |name| (work, *name)));
    let row = |(work, name): (&EdgeWork, &str)| {
        let rounds = seen.get(&(work.name, name))?;
        let middle = |figure: fn(&Measured) -> f64| median(rounds.iter().map(figure));
        let ratios = seen.get(&(work.name, NGINX)).map(|nginx| {
            let pairs = rounds.iter().zip(nginx);
            median(pairs.map(|(one, nginx)| one.cpu_per_thousand() / nginx.cpu_per_thousand()))
        });
        Some(EdgeRow {
            work: work.name.to_owned(),
            gateway: name.to_owned(),
            per_second: middle(Measured::per_second),
            cpu: middle(Measured::cpu_per_thousand),
            cpu_kernel: middle(|one| one.cpu.kernel * 1000.0 / one.answers.max(1) as f64),
            times_nginx: ratios.filter(|ratio| ratio.is_finite()),
            busy: middle(Measured::busy),
            p99: middle(|one| one.whole.p99),
        })
    };
    both.filter_map(row).collect()
}
