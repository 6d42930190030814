//! The bench program behind `cargo xtask bench`: see `docs/performance.md` for what it measures and how.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to its user")]

mod cli;
mod drill;
mod gateway;
mod load;
mod machine;
mod process;
mod report;
mod results;
mod runs;
mod sample;
mod upstream;
mod wire;
mod work;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use cli::{Arguments, EdgeArguments, LoadArguments, What};
use gateway::Site;
use machine::Machine;
use results::{EdgeResult, Results};
use runs::Setting;
use runs::edge::{EDGE_WORKS, EdgeWork};
use upstream::Upstream;
use work::{CROSS, WORKS, Work};

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(What::Drill { drill }) = &arguments.what {
        process::allow_many_files();
        let folder = tempfile::Builder::new().prefix("tidegate-drill-").tempdir()?;
        return until_interrupted(drill::run(drill, &arguments, folder.path()));
    }
    let machine = Machine::here();
    let pinned = process::can_pin();
    if pinned {
        process::pin_self()?;
    } else {
        eprintln!("one core, or no taskset: gateway and load share it, and the figures say little");
    }
    process::allow_many_files();
    let folder = tempfile::Builder::new().prefix("tidegate-bench-").tempdir()?;
    let downloads = kept()?;
    until_interrupted(async {
        let upstream = Upstream::start().await?;
        let setting = Setting {
            machine,
            site: Site {
                folder: folder.path(),
                downloads: &downloads,
                upstream: upstream.address,
                pinned,
                tidegate: arguments.tidegate.clone(),
            },
            gateways: gateways(&arguments),
            upstream,
            smoke: arguments.smoke,
        };
        run(&setting, &arguments).await
    })
}

/// Interrupted or not: what was started is ended when `work` is dropped.
fn until_interrupted(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut stop, mut quit) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            done = work => done,
            _ = stop.recv() => bail!("terminated"),
            _ = quit.recv() => bail!("interrupted"),
        }
    })
}

fn gateways(arguments: &Arguments) -> Vec<String> {
    if arguments.gateways.is_empty() {
        return runs::GATEWAYS.iter().map(|&name| name.to_owned()).collect();
    }
    arguments.gateways.clone()
}

/// Where results and downloads are kept from run to run: `bench/` in cargo's target folder.
fn kept() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    Ok(here.ancestors().nth(2).context("this program has no folder")?.join("bench"))
}

async fn run(setting: &Setting<'_>, arguments: &Arguments) -> Result<()> {
    let folder = kept()?;
    let mut results = if setting.smoke { Results::default() } else { Results::load(&folder) };
    let shown = match arguments.what.as_ref().unwrap_or(&What::Load(LoadArguments::default())) {
        What::Profile { work, gateway, seconds } => {
            let said = match edge_work(work) {
                Ok(work) => runs::profile::edge(setting, gateway, &work, *seconds).await?,
                Err(_) => runs::profile::run(setting, gateway, &named(work)?, *seconds).await?,
            };
            println!("{said}");
            return Ok(());
        }
        What::Train(load) => return train(setting, load).await,
        What::Report | What::Drill { .. } => Results::load(&folder),
        What::All => all(setting).await?,
        What::Edge(edge) => Results { edge: Some(edge_result(setting, edge).await?), ..Results::default() },
        // In CI, one short run of everything.
        _ if setting.smoke => all(setting).await?,
        What::Load(load) => {
            Results { load: Some(runs::load::run(setting, &plan(load, false)?).await?), ..Results::default() }
        }
        What::Streams { count, seconds } => {
            let streams = runs::streams::run(setting, *count, *seconds).await?;
            Results { streams: Some(streams), ..Results::default() }
        }
        What::Soak { requests } => {
            Results { soak: Some(runs::soak::run(setting, *requests).await?), ..Results::default() }
        }
    };
    println!("{}", report::text(&shown));
    if setting.smoke {
        return sane(&shown);
    }
    println!("{}", report::verdicts(&shown));
    results.load = shown.load.or(results.load);
    results.streams = shown.streams.or(results.streams);
    results.soak = shown.soak.or(results.soak);
    results.edge = shown.edge.or(results.edge);
    results.save(&folder)?;
    if arguments.write {
        report::write(&results, Path::new("."))?;
    }
    Ok(())
}

async fn all(setting: &Setting<'_>) -> Result<Results> {
    let load = LoadArguments { cross: true, ..LoadArguments::default() };
    let (count, seconds, requests) = if setting.smoke { (100, 2, 5_000) } else { (1000, 60, 1_000_000) };
    Ok(Results {
        load: Some(runs::load::run(setting, &plan(&load, setting.smoke)?).await?),
        streams: Some(runs::streams::run(setting, count, seconds).await?),
        soak: match setting.gateways.iter().any(|name| name == gateway::TIDEGATE) {
            true => Some(runs::soak::run(setting, requests).await?),
            false => None,
        },
        edge: Some(edge_result(setting, &EdgeArguments::default()).await?),
    })
}

/// Works of either kind; nothing is kept.
async fn train(setting: &Setting<'_>, load: &LoadArguments) -> Result<()> {
    let (edge, others): (Vec<String>, Vec<String>) =
        load.works.iter().cloned().partition(|name| edge_work(name).is_ok());
    if !others.is_empty() {
        let load = LoadArguments { works: others, ..load.clone() };
        runs::load::run(setting, &plan(&load, false)?).await?;
    }
    if !edge.is_empty() {
        let edge = EdgeArguments { works: edge, rounds: load.rounds, seconds: load.seconds, connections: 0 };
        edge_result(setting, &edge).await?;
    }
    Ok(())
}

async fn edge_result(setting: &Setting<'_>, edge: &EdgeArguments) -> Result<EdgeResult> {
    let works = match edge.works.is_empty() {
        true => EDGE_WORKS.to_vec(),
        false => edge.works.iter().map(|name| edge_work(name)).collect::<Result<_>>()?,
    };
    let (rounds, seconds, connections) =
        if setting.smoke { (1, 0.2, 200) } else { (edge.rounds, edge.seconds, edge.connections) };
    runs::edge::run(setting, &runs::edge::Plan { works, rounds, seconds, connections }).await
}

fn edge_work(name: &str) -> Result<EdgeWork> {
    EDGE_WORKS.iter().find(|work| work.name == name).copied().with_context(|| {
        let names: Vec<&str> = EDGE_WORKS.iter().map(|work| work.name).collect();
        format!("no work of the edge is called {name}: there are {}", names.join(", "))
    })
}

fn plan(load: &LoadArguments, smoke: bool) -> Result<runs::load::Plan> {
    let cross = CROSS.iter().filter(|_| load.cross);
    let works = match load.works.is_empty() {
        true => WORKS.iter().chain(cross).cloned().collect(),
        false => load.works.iter().map(|name| named(name)).collect::<Result<_>>()?,
    };
    let (rounds, seconds) = if smoke { (1, 0.2) } else { (load.rounds, load.seconds) };
    Ok(runs::load::Plan { works, rounds, seconds })
}

fn named(name: &str) -> Result<Work> {
    let mut all = WORKS.iter().chain(CROSS);
    all.find(|work| work.name == name).cloned().with_context(|| {
        let names: Vec<&str> = WORKS.iter().chain(CROSS).map(|work| work.name).collect();
        format!("no work is called {name}: there are {}", names.join(", "))
    })
}

/// Whether a smoke run saw what it must: improper answers have ended it before.
fn sane(results: &Results) -> Result<()> {
    let lost = results.streams.iter().flat_map(|streams| &streams.rows).find(|row| row.lost > 0);
    if let Some(row) = lost {
        bail!("{} lost {} streams: {}", row.gateway, row.lost, row.why.as_deref().unwrap_or_default());
    }
    let lost = results.edge.iter().flat_map(|edge| &edge.held).find(|row| row.lost > 0);
    if let Some(row) = lost {
        bail!("{} closed {} connections that were held open", row.gateway, row.lost);
    }
    Ok(())
}
