//! The goals, and whether they are met.

use crate::gateway::{NGINX, OPEN, TIDEGATE};
use crate::results::{EdgeResult, HeldRow, Results, Row};
use crate::runs::edge::EDGE_WORKS;

/// One goal beside what was measured.
pub(crate) struct Goal {
    pub(crate) says: String,
    pub(crate) seen: String,
    pub(crate) met: bool,
}

/// CPU compared with nginx's in the same run, at most.
const CPU: &[(&str, f64)] = &[
    ("chat", 1.5),
    ("stream", 1.5),
    ("paced", 1.5),
    ("prompt", 1.5),
    ("cross-chat", 2.0),
    ("cross-stream", 2.0),
];

/// Milliseconds added at half load at the 99th percentile, at most.
const ADDED_P99: f64 = 1.0;

/// CPU of keys, five limits and ledger, compared with the gateway without them, at most.
const BOOKS: f64 = 1.15;

/// MiB resident after load, at most.
const RESIDENT: f64 = 40.0;

/// KiB per held stream, at most.
const PER_STREAM: f64 = 40.0;

/// With thousands of connections held open: MB resident, at most; requests a second, at least; milliseconds on average, at most.
/// Where nginx does not come so far on the same machine, as far as nginx.
const HELD_MB: f64 = 150.0;
const HELD_RATE: f64 = 25_000.0;
const HELD_MEAN: f64 = 22.0;

/// All goals about which something is known.
pub(crate) fn judge(results: &Results) -> Vec<Goal> {
    let mut goals = Vec::new();
    if let Some(load) = &results.load {
        let rows = || load.rows.iter().filter(|row| row.gateway == TIDEGATE);
        goals.extend(rows().filter_map(cpu));
        goals.extend(rows().filter(|row| row.work == "chat").filter_map(added));
        let chat = |name: &str| load.rows.iter().find(|row| row.work == "chat" && row.gateway == name);
        if let (Some(all), Some(open)) = (chat(TIDEGATE), chat(OPEN)) {
            goals.push(most(
                "CPU of keys, five limits and ledger, chat",
                all.cpu / open.cpu,
                BOOKS,
                "× without",
            ));
        }
        let memory = load.memory.iter().find(|memory| memory.gateway == TIDEGATE);
        goals.extend(memory.map(|memory| most("resident memory after load", memory.after, RESIDENT, "MiB")));
    }
    if let Some(streams) = &results.streams
        && let Some(row) = streams.rows.iter().find(|row| row.gateway == TIDEGATE)
    {
        let what = format!("memory per stream, {} held for {} s", streams.count, streams.seconds);
        goals.push(most(&what, row.kib_per_stream, PER_STREAM, "KiB"));
        goals.push(most("streams lost", row.lost as f64, 0.0, ""));
        let held = format!("{} held at once", row.peak);
        goals.push(Goal { says: "all streams at once".into(), seen: held, met: row.peak >= streams.count });
    }
    if let Some(soak) = &results.soak {
        let says = format!("resident memory flat over {} requests", soak.requests);
        goals.push(Goal { says, seen: format!("{:+.2} MiB", soak.grown_mib), met: soak.flat });
    }
    goals.extend(results.edge.iter().flat_map(edge));
    goals
}

fn edge(edge: &EdgeResult) -> Vec<Goal> {
    let ratio = |name: &str| {
        let mut rows = edge.rows.iter().filter(|row| row.gateway == TIDEGATE);
        rows.find(|row| row.work == name)?.times_nginx
    };
    let cpu = EDGE_WORKS.iter().filter_map(|work| {
        let what = format!("CPU at the edge, {}", work.name);
        Some(most(&what, ratio(work.name)?, work.goal?, "× nginx"))
    });
    let mut goals: Vec<Goal> = cpu.collect();
    let row = |name: &str| edge.held.iter().find(|row| row.gateway == name);
    if let Some(ours) = row(TIDEGATE) {
        goals.extend(held(edge.connections, ours, row(NGINX)));
    }
    goals
}

fn held(connections: usize, ours: &HeldRow, nginx: Option<&HeldRow>) -> [Goal; 3] {
    let mib = ours.mib_before.max(ours.mib_open).max(ours.mib_asked).max(ours.mib_loaded);
    let megabytes = mib * 1024.0 * 1024.0 / 1e6;
    let rate = nginx.map_or(HELD_RATE, |nginx| nginx.per_second.min(HELD_RATE));
    let mean = nginx.map_or(HELD_MEAN, |nginx| nginx.mean.max(HELD_MEAN));
    let over = format!("over {connections} connections");
    [
        most(&format!("memory with {connections} connections held"), megabytes, HELD_MB, "MB"),
        Goal {
            says: format!("requests/s {over}, at least {HELD_RATE} or nginx's here ({rate:.0})"),
            seen: format!("{:.0}", ours.per_second),
            met: ours.per_second >= rate,
        },
        Goal {
            says: format!("mean latency {over}, at most {HELD_MEAN} ms or nginx's here ({mean:.1} ms)"),
            seen: format!("{:.1} ms", ours.mean),
            met: ours.mean <= mean,
        },
    ]
}

fn cpu(row: &Row) -> Option<Goal> {
    let (_, limit) = CPU.iter().find(|(work, _)| *work == row.work)?;
    Some(most(&format!("CPU per request, {}", row.work), row.times_nginx?, *limit, "× nginx"))
}

fn added(row: &Row) -> Option<Goal> {
    Some(most("added latency at half load, p99, chat", row.half?.p99, ADDED_P99, "ms"))
}

fn most(what: &str, seen: f64, limit: f64, unit: &str) -> Goal {
    let says = format!("{what}, at most {limit} {unit}").trim_end().to_owned();
    Goal { says, seen: format!("{seen:.2} {unit}").trim_end().to_owned(), met: seen <= limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(gateway: &str, mib: f64, per_second: f64, mean: f64) -> HeldRow {
        HeldRow {
            gateway: gateway.to_owned(),
            lost: 0,
            mib_before: 20.0,
            mib_open: mib,
            mib_asked: 30.0,
            mib_loaded: 30.0,
            at_once: 550,
            per_second,
            mean,
            p99: 0.0,
            cpu: 0.0,
        }
    }

    #[test]
    fn held_connections_are_measured_by_the_goal_or_by_nginx_where_that_is_slower() {
        let verdicts =
            |ours: HeldRow, nginx: Option<HeldRow>| held(5000, &ours, nginx.as_ref()).map(|goal| goal.met);
        let slow = || Some(row(NGINX, 10.0, 18_000.0, 30.0));
        assert_eq!(verdicts(row(TIDEGATE, 143.0, 18_000.0, 30.0), slow()), [true; 3]);
        assert_eq!(verdicts(row(TIDEGATE, 144.0, 17_999.0, 30.1), slow()), [false; 3]);
        assert_eq!(verdicts(row(TIDEGATE, 50.0, 25_000.0, 22.0), None), [true; 3]);
        let fast = || Some(row(NGINX, 10.0, 40_000.0, 10.0));
        assert_eq!(verdicts(row(TIDEGATE, 50.0, 25_000.0, 22.0), fast()), [true; 3]);
        assert_eq!(verdicts(row(TIDEGATE, 50.0, 24_999.0, 22.1), fast()), [true, false, false]);
    }
}
