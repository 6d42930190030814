//! The gateways side by side: saturation, a fixed rate, half load; in rounds, one after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Setting;
use crate::gateway::{Contender, DIRECT, NGINX};
use crate::load::{Latency, Measured, Span, at_rate, saturate};
use crate::results::{Added, LoadResult, Memory, Row};
use crate::sample::median;
use crate::work::Work;

/// How much is measured.
pub(crate) struct Plan {
    pub(crate) works: Vec<Work>,
    pub(crate) rounds: usize,
    /// Length of one measurement.
    pub(crate) seconds: f64,
}

/// One gateway, one work, one round.
#[derive(Clone, Copy)]
struct Figures {
    saturated: Option<Measured>,
    fixed: Measured,
    /// At half load: the rate, what was seen, and what `direct` showed at that rate.
    half: Option<(f64, Measured, Measured)>,
}

/// Figures by work, gateway and round.
type Seen = BTreeMap<(&'static str, &'static str), Vec<Figures>>;

/// Measures everything.
pub(crate) async fn run(setting: &Setting<'_>, plan: &Plan) -> Result<LoadResult> {
    let direct = Contender::direct(setting.upstream.address);
    let mut gateways = Vec::new();
    for name in &setting.gateways {
        gateways.push(Contender::start(name, &setting.site)?);
    }
    tokio::time::sleep(Duration::from_secs_f64(plan.seconds.min(1.0))).await;
    let idle: Vec<f64> = gateways.iter().map(Contender::resident_mib).collect();
    let mut seen = Seen::new();
    for round in 0..plan.rounds {
        for work in &plan.works {
            let mut order: Vec<&Contender> = std::iter::once(&direct).chain(&gateways).collect();
            // Nobody always comes first, or always behind the same one.
            let turn = round % order.len();
            order.rotate_left(turn);
            for gateway in order.into_iter().filter(|gateway| gateway.can(work)) {
                let figures = measure(gateway, &direct, work, plan)
                    .await
                    .with_context(|| format!("{} through {}", work.name, gateway.name))?;
                say(round, plan, work, gateway, &figures);
                seen.entry((work.name, gateway.name)).or_default().push(figures);
            }
        }
    }
    let memory = gateways.iter().zip(idle).map(|(gateway, idle)| Memory {
        gateway: gateway.name.to_owned(),
        version: gateway.version.clone(),
        idle,
        after: gateway.resident_mib(),
    });
    Ok(LoadResult {
        machine: setting.machine.clone(),
        rounds: plan.rounds,
        seconds: plan.seconds,
        pinned: setting.site.pinned,
        memory: memory.collect(),
        rows: rows(plan, &seen),
    })
}

/// At half load so many requests at least are looked at.
const FEWEST: f64 = 20.0;

async fn measure(gateway: &Contender, direct: &Contender, work: &Work, plan: &Plan) -> Result<Figures> {
    let process = gateway.process.as_ref();
    let aim = gateway.aim(work);
    let measured = Duration::from_secs_f64(plan.seconds);
    let span = match work.pace {
        None => Span { warm_up: measured.min(Duration::from_millis(500)), measured },
        // A paced stream lives 0.7 s: only after that are as many open as will be. They use little CPU, which /proc
        // counts in hundredths of a second: so it takes longer.
        Some(_) => Span { warm_up: Duration::from_secs(1), measured: measured * 2 },
    };
    let fixed = at_rate(&aim, work.rate, span, process).await.context("at the fixed rate")?;
    if work.pace.is_some() {
        return Ok(Figures { saturated: None, fixed, half: None });
    }
    let saturated = saturate(&aim, span, process).await.context("at saturation")?;
    let mut half = None;
    if process.is_some() {
        let rate = saturated.per_second() / 2.0;
        // A short look at a slow build would see a request or none.
        let measured = span.measured.max(Duration::from_secs_f64(FEWEST / rate));
        let span = Span { measured, ..span };
        let through = at_rate(&aim, rate, span, process).await.context("at half load")?;
        // Anthropic's dialect cannot be asked of the fake provider: there, the same work in its own dialect.
        let without = at_rate(&direct_aim(direct, work), rate, span, None).await?;
        half = Some((rate, through, without));
    }
    Ok(Figures { saturated: Some(saturated), fixed, half })
}

fn direct_aim(direct: &Contender, work: &Work) -> crate::load::Aim {
    direct.aim(&Work { dialect: crate::work::Dialect::Chat, ..work.clone() })
}

fn say(round: usize, plan: &Plan, work: &Work, gateway: &Contender, figures: &Figures) {
    let main = figures.saturated.unwrap_or(figures.fixed);
    eprintln!(
        "round {}/{}  {:<12} {:<9} {:>9.0}/s  {:>8.1} µs CPU each  core {:>3.0} % busy  at {:.0}/s p50 {:.3} p99 {:.3} ms",
        round + 1,
        plan.rounds,
        work.name,
        gateway.name,
        main.per_second(),
        main.cpu_per_thousand() * 1000.0,
        main.busy() * 100.0,
        work.rate,
        latency(work, &figures.fixed).p50,
        latency(work, &figures.fixed).p99,
    );
}

/// For a stream the time to its first event counts, otherwise that to the end.
fn latency(work: &Work, measured: &Measured) -> Latency {
    if work.pieces.is_some() { measured.first } else { measured.whole }
}

fn rows(plan: &Plan, seen: &Seen) -> Vec<Row> {
    let mut rows = Vec::new();
    for work in &plan.works {
        for name in [DIRECT].into_iter().chain(super::GATEWAYS.iter().copied()) {
            if let Some(rounds) = seen.get(&(work.name, name)) {
                rows.push(row(work, name, rounds, seen));
            }
        }
    }
    rows
}

fn row(work: &Work, name: &str, rounds: &[Figures], seen: &Seen) -> Row {
    let main = |figures: &Figures| figures.saturated.unwrap_or(figures.fixed);
    let per = |measured: &Measured, cpu: f64| cpu * 1000.0 / (measured.answers.max(1) as f64);
    let beside = seen.get(&(work.beside, NGINX)).filter(|_| name != DIRECT);
    let ratios = beside.map(|nginx| {
        let pairs = rounds.iter().zip(nginx);
        median(pairs.map(|(one, nginx)| main(one).cpu_per_thousand() / main(nginx).cpu_per_thousand()))
    });
    let direct = seen.get(&(work.beside, DIRECT)).filter(|_| name != DIRECT);
    let without = |round: usize| {
        direct
            .and_then(|rounds| rounds.get(round))
            .map_or(Latency::default(), |one| latency(work, &one.fixed))
    };
    let fixed = rounds.iter().enumerate().map(|(round, one)| added(work, &one.fixed, without(round)));
    let half = rounds.iter().filter_map(|one| {
        let (rate, through, direct) = one.half?;
        let added = added(work, &through, latency(work, &direct));
        Some(Added { rate, ..added })
    });
    let half: Vec<Added> = half.collect();
    Row {
        work: work.name.to_owned(),
        gateway: name.to_owned(),
        per_second: work.pace.is_none().then(|| median(rounds.iter().map(|one| main(one).per_second()))),
        cpu: median(rounds.iter().map(|one| main(one).cpu_per_thousand())),
        cpu_kernel: median(rounds.iter().map(|one| per(&main(one), main(one).cpu.kernel))),
        times_nginx: ratios,
        busy: median(rounds.iter().map(|one| main(one).busy())),
        fixed: medians(&fixed.collect::<Vec<_>>()),
        half: (!half.is_empty()).then(|| medians(&half)),
    }
}

fn added(work: &Work, through: &Measured, without: Latency) -> Added {
    let seen = latency(work, through);
    Added { rate: work.rate, p50: seen.p50 - without.p50, p99: seen.p99 - without.p99 }
}

fn medians(added: &[Added]) -> Added {
    let middle = |get: fn(&Added) -> f64| median(added.iter().map(get));
    Added { rate: middle(|one| one.rate), p50: middle(|one| one.p50), p99: middle(|one| one.p99) }
}
