//! `docs/drill-upgrade.md`, and what the terminal is told.

use super::{Seen, durations};
use crate::report::table::{Style, Table};

/// What is played, in words that stay true.
const PLAYED: &str = "\
## What is played

Everything goes through one door of the gateway to one server: short requests over HTTP/1 connections that are kept (10 one after the other, 50 that
pause up to five seconds between two requests), over 10 that are opened for each request, and over 4 HTTP/2 connections with four requests at once;
20 WebSockets on which a message comes back before the next is sent, half of them open all the time; 31 streams of an event each 100 ms, of one
second to twenty, one of which lasts through all upgrades.

Meanwhile the config file is exchanged ten times a second and the gateway is told to read it (SIGHUP); each tenth time the terms of the door
change, so that its socket is served anew. `tidegate upgrade` hands the socket to a new process ten times.

**Lost** is: a request without a whole, good answer; a connection that cannot be opened; a kept connection that is closed without a word, even if nothing was under way; a
message that does not come back; a stream that is not told to its last event. That a server says in an answer that it is the last on this connection (`connection: close`,
GOAWAY) costs nobody anything; the table has how often it was said.

## What the gateway does

nginx closes idle connections when a worker is replaced, and whoever asks at that moment gets a reset; HAProxy has a setting against that
(`idle-close-on-response`). Here it is how things are: the old process keeps what is idle for as long as it would have been kept anyway (`header_timeout`), answers one
more request with `connection: close`, and closes behind the answer. What is still idle at the end of that time is closed such that nothing is reset.
Streams and WebSockets go on in the process in which they began, until they end or `drain` is over. With SIGTERM, when nobody takes over, idle
connections get one second.
";

/// The whole document.
pub(super) fn markdown(seen: &Seen) -> String {
    let mut text = String::from(
        "# Ten upgrades and six hundred reloads\n\nWritten by `cargo xtask drill upgrade --write`; do not edit.\n\n\
         For 60 seconds the gateway is under load while its config is reloaded ten times a second and its binary is upgraded ten times. \
         Nothing may be lost.\n\n",
    );
    text.push_str(&tables(seen, Style::Markdown));
    text.push_str(PLAYED);
    text.push_str(
        "\n## Do it yourself\n\n```sh\ncargo xtask drill upgrade            # a minute and a half\n\
         cargo xtask drill upgrade --write    # and this page\n\
         cargo xtask drill upgrade --smoke    # two upgrades in six seconds\n```\n",
    );
    text
}

/// For the terminal.
pub(super) fn told(seen: &Seen) -> String {
    tables(seen, Style::Terminal)
}

fn tables(seen: &Seen, style: Style) -> String {
    let mut table = Table::new(&["", "good", "lost", "ended with notice", "first failure"]);
    for tally in &seen.tallies {
        let [good, failed, noticed] = tally.counted().map(|count| count.to_string());
        table.row([tally.name.to_owned(), good, failed, noticed, tally.why().unwrap_or_default()]);
    }
    let mut text = table.draw(style);
    let mut table = Table::new(&["", ""]);
    for (name, value) in figures(seen) {
        table.row([name.to_owned(), value]);
    }
    text.push_str(&table.draw(style));
    text + &seen.machine.says() + ".\n\n"
}

fn figures(seen: &Seen) -> Vec<(&'static str, String)> {
    let (median, longest) = durations(seen);
    let (asked, taken) = seen.reloads;
    let alone = seen.alone.map_or("not within 3 s".to_owned(), |seconds| format!("{seconds:.1} s"));
    vec![
        ("seconds under load", format!("{:.0}", seen.plan.seconds)),
        ("upgrades", seen.upgrades.len().to_string()),
        ("an upgrade took, median and longest", format!("{median:.2} s, {longest:.2} s")),
        ("reloads asked for", asked.to_string()),
        ("of these taken over", taken.to_string()),
        ("most processes at once, and their memory", format!("{}, {:.0} MiB", seen.most.0, seen.most.1)),
        ("one process left, after the end of the load", alone),
        ("warnings and errors of the gateway", warnings(&seen.warned)),
    ]
}

fn warnings(warned: &[String]) -> String {
    match warned.first() {
        None => "0".to_owned(),
        Some(first) => {
            // Without the time before it.
            let words = first.split_once(' ').map_or(first.as_str(), |(_, words)| words.trim());
            let words: String = words.chars().take(100).collect();
            format!("{}, first: {words}", warned.len())
        }
    }
}
