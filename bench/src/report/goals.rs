//! The goals, and whether they are met.

use crate::gateway::{OPEN, TIDEGATE};
use crate::results::{Results, Row};

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
    goals
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
