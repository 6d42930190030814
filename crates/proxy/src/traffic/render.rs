//! How targets fare, as OpenMetrics text.

use std::fmt::Write;
use std::sync::Arc;

use tidegate_policy::health::{Out, Standing};

use super::{Live, LiveTable};
use crate::clock::micros;

impl LiveTable {
    /// Appends the state of all targets.
    pub fn render(&self, out: &mut String) {
        let (all, now) = (self.all(), micros());
        family(out, "tidegate_target_in_flight", "gauge", "Attempts under way at a target", &all, |live| {
            f64::from(live.gauge.in_flight())
        });
        family(out, "tidegate_target_waiting", "gauge", "Requests that wait for a target", &all, |live| {
            live.gate.waiting() as f64
        });
        family(
            out,
            "tidegate_target_concurrency_limit",
            "gauge",
            "Attempts that a target may have at once",
            &all,
            |live| f64::from(live.gate.concurrency().limit()),
        );
        family(
            out,
            "tidegate_target_first_token_seconds",
            "gauge",
            "Peak EWMA of a target's time to first token; 0 while unknown",
            &all,
            |live| f64::from(live.gauge.first_token()) / 1e6,
        );
        let about = "Whether a target may be asked: 1 yes, 0.5 for a trial, 0 no";
        family(out, "tidegate_target_up", "gauge", about, &all, |live| up(live, now));
        family(
            out,
            "tidegate_breaker_opened",
            "counter",
            "How often a target's breaker opened",
            &all,
            |live| live.opened() as f64,
        );
    }
}

fn up(live: &Live, now: i64) -> f64 {
    match live.gauge.health().standing(now) {
        Standing::Ready(_) => 1.0,
        Standing::Trial | Standing::Out(Out::Limited(_)) => 0.5,
        Standing::Out(_) => 0.0,
    }
}

fn family(
    out: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    all: &[Arc<Live>],
    value: impl Fn(&Live) -> f64,
) {
    // Writing to a String cannot fail.
    let _ = write!(out, "# HELP {name} {help}.\n# TYPE {name} {kind}\n");
    let total = if kind == "counter" { "_total" } else { "" };
    for live in all {
        let label = live.label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = writeln!(out, "{name}{total}{{target=\"{label}\"}} {}", value(live));
    }
}
