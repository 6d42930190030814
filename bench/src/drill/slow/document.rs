//! `docs/drill-slow.md`, and what the terminal is told.

use super::{Bar, Seen, millis};
use crate::report::table::{Style, Table};

/// What is played, in words that stay true.
const PLAYED: &str = "\
## What is played

- **Usual callers** want 1 KiB through the gateway from a server, 200 times a second, whether answers come or not; each request is timed from
  the moment when it is due. Any bad answer ends the drill.
- **Slow-loris connections** begin a request and send one byte more of its head every five seconds. The gateway waits for a head no longer
  than `header_timeout` (75 s), answers 408 and closes; then the attacker begins anew.
- **Slow readers** ask for a file of 100 MiB and read 4 KiB of it a second, through a receive window of 16 KiB. Who reads less than 4 KiB a minute would
  be let go.

The gateway has its usual settings. Attackers have a thread of their own, callers and the server share another, all on the same machine.
";

/// The whole document.
pub(super) fn markdown(seen: &Seen, bars: &[Bar]) -> String {
    let mut text = String::from(
        "# Slow clients\n\nWritten by `cargo xtask drill slow --write`; do not edit.\n\n\
         Ten thousand connections that send a byte now and then, and a thousand that hardly read what they asked for, hold on to the gateway \
         while usual callers go on.\n\n## The bars\n\n",
    );
    text.push_str(&tables(seen, bars, Style::Markdown));
    text.push_str(PLAYED);
    text.push_str(
        "\n## Do it yourself\n\n```sh\ncargo xtask drill slow            # three minutes; the limit of open files must allow 13,000\n\
         cargo xtask drill slow --write    # and this page\n\
         cargo xtask drill slow --smoke    # a few hundred connections for seconds; the figures mean nothing\n```\n",
    );
    text
}

/// For the terminal.
pub(super) fn told(seen: &Seen, bars: &[Bar]) -> String {
    tables(seen, bars, Style::Terminal)
}

fn tables(seen: &Seen, bars: &[Bar], style: Style) -> String {
    let mut table = Table::new(&["bar", "seen", "met"]);
    for bar in bars {
        let met = if bar.met { "yes" } else { "no" };
        table.row([bar.says.clone(), bar.seen.clone(), met.to_owned()]);
    }
    let mut text = table.draw(style);
    let mut table = Table::new(&["", "before", "meanwhile", "afterwards"]);
    let [before, meanwhile, after] = seen.latencies.map(millis);
    table.row(["usual callers, p50 / p99".to_owned(), before, meanwhile, after]);
    let [before, most, after] = seen.mib.map(|mib| format!("{mib:.0} MiB"));
    table.row(["memory of the gateway, at most".to_owned(), before, most, after]);
    let [before, most] = seen.kernel.map(|mib| format!("{mib:.0} MiB"));
    table.row([
        "buffers of all TCP connections in the kernel, at most".to_owned(),
        before,
        most,
        String::new(),
    ]);
    text.push_str(&table.draw(style));
    let mut table = Table::new(&["meanwhile", ""]);
    for (name, value) in figures(seen) {
        table.row([name.to_owned(), value]);
    }
    text.push_str(&table.draw(style));
    text + &seen.machine.says() + ".\n\n"
}

fn figures(seen: &Seen) -> Vec<(&'static str, String)> {
    let seconds = seen.plan.spans[1].as_secs_f64();
    vec![
        ("seconds", format!("{seconds:.0}")),
        ("slow-loris connections and slow readers", format!("{} and {}", seen.open[0], seen.open[1])),
        ("answers to usual callers, all good", seen.answers.to_string()),
        ("slow-loris connections that were let go", seen.let_go.to_string()),
        ("connections of the attack that were refused", seen.refused.to_string()),
        ("read by slow readers", format!("{:.0} MiB", seen.taken as f64 / 1_048_576.0)),
        ("CPU of the gateway, in cores", format!("{:.2}", seen.cpu)),
        ("the file afterwards, by one who reads", format!("{:.2} s", seen.fetched.as_secs_f64())),
    ]
}
