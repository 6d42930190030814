//! `docs/performance.md`, and its tables for the terminal.

use super::edge;
use super::goals::judge;
use super::table::{Style, Table};
use crate::results::{Added, LoadResult, Results, SoakResult, StreamsResult};
use crate::work::{CROSS, WORKS};

/// How it was measured, in words that stay true.
const METHOD: &str = "\
## How it is measured

One fake provider, one load generator with 64 keep-alive HTTP/1.1 connections, both in one thread on core 1, which at saturation never
sleeps (a gateway would have to wake it, which costs more than to send, and the slower one would pay for it more often); one gateway at
a time under load, alone on core 0, with one worker. All over loopback without TLS. nginx is configured as cheaply as we know how: keep-alive
on both sides, bodies in memory, access log in blocks of 64 KiB, no buffering for streams. Tidegate runs as anyone would run it:
usage, cost, metrics and a log line per request, its log going to a file. The gateways take turns in every round; figures are
medians of the rounds, ratios medians of each round's ratio.

- **CPU s per 1,000** is what the kernel charged the gateway's processes (user and kernel, `/proc/PID/stat`) while they were
  saturated, or at the fixed rate for the paced work. It is the figure to trust: requests per second also depend on how
  fast the load generator's core is, and **core busy** says whether the gateway's core was the limit.
- **added** latency is the gateway's percentile less that of asking the fake provider directly at the same rate. Requests
  leave on a clock that does not wait for answers. For streams it is the time to the first event, otherwise to the end.
  Tidegate holds a stream's first events back until one has content, so that it can still go to another target: where the
  chunks are paced this is one pace (10 ms) by design.
- An answer counts only if it is whole: status 200, all events, the proper end. Any other ends the run with an error.
- Compare figures within one run only; from one run to the next they move by up to a fifth.
";

/// The whole document.
pub(crate) fn markdown(results: &Results) -> String {
    let mut text = String::from(
        "# Performance\n\nWritten by `cargo xtask bench all --write`; do not edit.\n\n\
         ![CPU per request compared with nginx](performance.svg)\n![The edge: CPU compared with nginx](performance-edge.svg)\n\n",
    );
    let goals = judge(results);
    if !goals.is_empty() {
        let mut table = Table::new(&["goal", "measured", "met"]);
        for goal in goals {
            table.row([goal.says, goal.seen, if goal.met { "yes" } else { "no" }.to_owned()]);
        }
        text.push_str("## Goals\n\n");
        text.push_str(&table.draw(Style::Markdown));
    }
    text.push_str(&tables(results, Style::Markdown));
    text.push_str(METHOD);
    text.push('\n');
    text.push_str(edge::METHOD);
    text.push_str(
        "## Do it yourself\n\n```sh\ncargo xtask bench              # the gateways side by side\n\
         cargo xtask bench streams      # 1,000 streams held for a minute\n\
         cargo xtask bench soak         # a million requests in a row\n\
         cargo xtask bench edge         # as an edge proxy beside nginx\n\
         cargo xtask bench all --write  # all of them, and this page\n\
         cargo xtask bench profile      # where the CPU goes, with perf\n```\n",
    );
    text
}

/// All tables.
pub(crate) fn tables(results: &Results, style: Style) -> String {
    let mut text = String::new();
    if let Some(load) = &results.load {
        text.push_str(&load_tables(load, style));
    }
    if let Some(streams) = &results.streams {
        text.push_str(&streams_table(streams, style));
    }
    if let Some(soak) = &results.soak {
        text.push_str(&soak_text(soak, style));
    }
    if let Some(edge) = &results.edge {
        text.push_str(&edge::tables(edge, style));
    }
    text
}

/// A heading.
pub(super) fn title(style: Style, text: &str) -> String {
    if style == Style::Markdown { format!("## {text}\n\n") } else { format!("\n{text}\n") }
}

fn load_tables(load: &LoadResult, style: Style) -> String {
    let pinned = if load.pinned { "" } else { " NOT PINNED: gateway and load shared their cores." };
    let mut text =
        format!("{}. {} rounds of {:.1} s each.{pinned}\n\n", load.machine.says(), load.rounds, load.seconds);
    for work in WORKS.iter().chain(CROSS) {
        let rows: Vec<_> = load.rows.iter().filter(|row| row.work == work.name).collect();
        let Some(rate) = rows.first().map(|row| row.fixed.rate) else { continue };
        let at = format!("added p50 / p99 at {rate:.0}/s, ms");
        let mut table = Table::new(&[
            "gateway",
            "requests/s",
            "CPU s per 1,000",
            "of it kernel",
            "× nginx",
            "core busy",
            &at,
            "added p50 / p99 at half load, ms",
        ]);
        for row in rows {
            let direct = row.cpu == 0.0;
            let cpu = |value: f64| if direct { String::from("–") } else { format!("{value:.4}") };
            table.row([
                row.gateway.clone(),
                row.per_second.map_or("–".to_owned(), |rate| format!("{rate:.0}")),
                cpu(row.cpu),
                cpu(row.cpu_kernel),
                row.times_nginx.map_or("–".to_owned(), |times| format!("{times:.2}")),
                if direct { "–".to_owned() } else { format!("{:.0} %", row.busy * 100.0) },
                if direct { format!("({})", latency(&row.fixed)) } else { latency(&row.fixed) },
                row.half.map_or("–".to_owned(), |half| format!("{} ({:.0}/s)", latency(&half), half.rate)),
            ]);
        }
        text.push_str(&title(style, &format!("{}: {}", work.name, work.says)));
        text.push_str(&table.draw(style));
    }
    let mut table = Table::new(&["gateway", "idle, MiB", "after load, MiB"]);
    for memory in &load.memory {
        let name = format!("{} ({})", memory.gateway, memory.version);
        table.row([name, format!("{:.1}", memory.idle), format!("{:.1}", memory.after)]);
    }
    text + &title(style, "Resident memory") + &table.draw(style)
}

fn latency(added: &Added) -> String {
    format!("{:.2} / {:.2}", added.p50, added.p99)
}

fn streams_table(streams: &StreamsResult, style: Style) -> String {
    let mut table = Table::new(&[
        "gateway",
        "held at once",
        "lost",
        "KiB per stream",
        "MiB before / most",
        "CPU µs per chunk",
    ]);
    for row in &streams.rows {
        table.row([
            row.gateway.clone(),
            row.peak.to_string(),
            row.why.as_ref().map_or(row.lost.to_string(), |why| format!("{} ({why})", row.lost)),
            format!("{:.1}", row.kib_per_stream),
            format!("{:.1} / {:.1}", row.mib_before, row.mib_most),
            format!("{:.1}", row.cpu_per_chunk),
        ]);
    }
    let what = format!(
        "{} streams held for {} s, a chunk each {} ms",
        streams.count, streams.seconds, streams.pace_ms
    );
    title(style, &what) + &table.draw(style) + &streams.machine.says() + ".\n\n"
}

fn soak_text(soak: &SoakResult, style: Style) -> String {
    let each = soak.mib.len().div_ceil(11).max(1);
    let curve: Vec<String> = soak.mib.iter().step_by(each).map(|mib| format!("{mib:.1}")).collect();
    format!(
        "{}{:.0} requests/s, one in 20 a stream of 64 chunks. Resident memory in MiB through the run: {}. \
         From the second fifth of the run to the last: {:+.2} MiB.\n{}.\n\n",
        title(style, &format!("{} requests in a row", soak.requests)),
        soak.requests as f64 / soak.seconds,
        curve.join(", "),
        soak.grown_mib,
        soak.machine.says(),
    )
}
