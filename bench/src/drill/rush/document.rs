//! `docs/drill-rush.md`, and what the terminal is told.

use super::Night;
use super::bars::{Bar, Seen};
use crate::drill::meter::Counted;
use crate::report::table::{Style, Table};
use crate::sample::percentile;

/// Above so many seconds the drill was not in time itself.
pub(super) const TOO_LATE: f64 = 0.25;

/// What is played, in words that stay true.
const PLAYED: &str = "\
## What is played

Two gateways of the same build on one machine, each with a provider and with callers of its own; the same callers come to both
at the same times. One has its defences off, the other on.

- **Traffic** does not wait for answers: callers come by chance at a rate that rises from 5 to 100 a second within a minute.
  They belong to five tenants; each tenth comes with a key of high priority, each second wants a stream.
- **Clients** wait 20 to 30 s, then leave and ask again, as SDKs do: twice at most, after 0.5 s and 1 s or the `retry-after` that
  they were told. That is what makes an outage worse: the same traffic comes up to three times.
- **The provider** answers in 0.2 s and can give 200 answers a second. Within 20 s it falls to 20 a second, in the midst of the
  rush. It takes in all that comes, as model servers do, and shares its speed among it: with more than it has slots for, every
  answer gets slower, and up to half of its work is lost. After 30 s it gives up with a 503. It drops what nobody waits for.
- It recovers while the traffic is still twenty-fold: the gateway has to come back by itself.

The provider is part of the program, the gateways are processes as in production, with keys, ledger and access log. Figures are
taken each quarter of a second. **Good** is a whole answer within the client's patience. **Refused** is 429, 503 or 529.
";

/// The whole document.
pub(super) fn markdown(night: &Night, bars: &[Bar]) -> String {
    let mut text = String::from(
        "# The rush\n\nWritten by `cargo xtask drill rush --write`; do not edit.\n\n\
         The night of an outage, as a test that anyone can repeat: traffic rises twenty-fold within a minute while the provider \
         falls to a tenth of its capacity. Without defences requests pile up, everybody waits until they leave, and hardly \
         anybody gets an answer, even after the provider has recovered.\n\n\
         ![Latency, good answers, refusals and memory over time, with the defences off and on](drill-rush.svg)\n\n## The bars\n\n",
    );
    text.push_str(&tables(night, bars, Style::Markdown));
    text.push_str(PLAYED);
    text.push_str(
        "\n## Do it yourself\n\n```sh\ncargo xtask drill rush            # three and a half minutes; two cores are enough\n\
         cargo xtask drill rush --write    # and this page\n\
         cargo xtask drill rush --smoke    # ten times as fast, to see that it works; the figures mean nothing\n```\n",
    );
    text
}

/// For the terminal.
pub(super) fn told(night: &Night, bars: &[Bar]) -> String {
    tables(night, bars, Style::Terminal)
}

fn tables(night: &Night, bars: &[Bar], style: Style) -> String {
    let mut table = Table::new(&["bar", "defences off", "met", "defences on", "met"]);
    let met = |seen: &Seen| if seen.met { "yes" } else { "no" }.to_owned();
    for bar in bars {
        table.row([bar.says.clone(), bar.off.says.clone(), met(&bar.off), bar.on.says.clone(), met(&bar.on)]);
    }
    let mut text = table.draw(style);
    let mut table = Table::new(&["while overloaded", "defences off", "defences on"]);
    let (off, on) = (figures(night, &night.off), figures(night, &night.on));
    for ((name, off), (_, on)) in off.into_iter().zip(on) {
        table.row([name.to_owned(), off, on]);
    }
    text.push_str(&table.draw(style));
    if night.late > TOO_LATE {
        text.push_str(&format!(
            "**The machine had too much else to do**: the drill itself was up to {:.1} s late, so these figures are not those of \
             the gateways.\n\n",
            night.late
        ));
    }
    text + &night.machine.says() + ".\n\n"
}

fn figures(night: &Night, counted: &Counted) -> Vec<(&'static str, String)> {
    let [start, end] = night.scenario.overload();
    let windows = counted.between([start, end]);
    let rate = |count: usize| format!("{:.1}", count as f64 / (end - start));
    let sum = |count: &dyn Fn(&crate::drill::meter::Window) -> usize| rate(windows.iter().map(count).sum());
    let mut good: Vec<f64> = windows.iter().flat_map(|window| window.good.iter().copied()).collect();
    let most = windows.iter().map(|window| window.present).max().unwrap_or_default();
    vec![
        ("requests per second, repeated ones too", sum(&|window| window.asked as usize)),
        ("good answers per second", sum(&|window| window.good.len())),
        (
            "good answers, p50 / p99 in seconds",
            format!("{:.2} / {:.2}", percentile(&mut good, 0.5), percentile(&mut good, 0.99)),
        ),
        ("refused per second", sum(&|window| window.refused.len())),
        ("left without an answer per second", sum(&|window| window.left as usize)),
        ("other errors per second", sum(&|window| window.failed as usize)),
        ("most requests in the provider at once", most.to_string()),
    ]
}
