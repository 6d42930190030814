//! The edge in words: tables, and how it was measured.

use super::document::title;
use super::table::{Style, Table};
use crate::results::EdgeResult;
use crate::runs::edge::EDGE_WORKS;

/// How it was measured, in words that stay true.
pub(super) const METHOD: &str = "\
### How the edge is measured

`cargo xtask bench edge`: nginx and Tidegate with the same routes and files, one worker each on core 0; one load generator with 64
connections, each of which asks again as soon as it is answered, and the server behind both gateways are one thread on core 1 that never
sleeps: a gateway would have to wake it, which costs more than to send, and the slower one would pay for it more often. nginx has
`sendfile`, `tcp_nopush`, `open_file_cache`, keep-alive to the server, answers of 100 KiB in memory, its access log in blocks of 64 KiB,
and writes the same `X-Forwarded-*` and `X-Real-IP` as Tidegate does by itself. Tidegate writes its access log as `combined` too; metrics and
all else are as they are by default. No answer is taken from a cache.

- **TLS**: TLS 1.3 only, AES-128-GCM, X25519, one certificate (ECDSA on P-256) for both. Every handshake is a full one over a new
  connection: the client resumes no session, though both gateways send the tickets that they send by default. It does not check the
  server's signature, to be cheap. `tls-1k` is over connections that stay open.
- **websocket**: one message under way on each connection, masked by the client; a message counts when it is back.
- **Connections held**: all are opened, each has had one request (`proxy-1k`), then 550 requests are under way at any moment, going round over all
  connections. 25,000 requests/s with 22 ms on average are 550 under way. The gateways take turns here, too, each time started anew; figures
  are medians, but every connection lost in any round counts.
- An answer counts only with status 200 and the exact length. Any other ends the run with an error.

";

/// Its tables.
pub(super) fn tables(edge: &EdgeResult, style: Style) -> String {
    let pinned = if edge.pinned { "" } else { " NOT PINNED: gateway and load shared their cores." };
    let mut text = title(style, "The edge") + &rows(edge).draw(style);
    if !edge.held.is_empty() {
        let what = format!("{} keep-alive connections held open:", edge.connections);
        text.push_str(&format!("{what}\n\n{}", held(edge).draw(style)));
    }
    text + &format!(
        "{}; {}. {} rounds of {:.1} s each.{pinned}\n\n",
        edge.machine.says(),
        edge.versions.join(", "),
        edge.rounds,
        edge.seconds
    )
}

fn rows(edge: &EdgeResult) -> Table {
    let mut table = Table::new(&[
        "work",
        "gateway",
        "per second",
        "CPU s per 1,000",
        "of it kernel",
        "× nginx",
        "core busy",
        "p99, ms",
    ]);
    for work in EDGE_WORKS {
        for (place, row) in edge.rows.iter().filter(|row| row.work == work.name).enumerate() {
            let name = if place == 0 { format!("{}: {}", work.name, work.says) } else { String::new() };
            table.row([
                name,
                row.gateway.clone(),
                format!("{:.0}", row.per_second),
                format!("{:.4}", row.cpu),
                format!("{:.4}", row.cpu_kernel),
                row.times_nginx.map_or("–".to_owned(), |times| format!("{times:.2}")),
                format!("{:.0} %", row.busy * 100.0),
                format!("{:.2}", row.p99),
            ]);
        }
    }
    table
}

fn held(edge: &EdgeResult) -> Table {
    let mut table = Table::new(&[
        "gateway",
        "lost",
        "MiB before",
        "all open",
        "each asked once",
        "after load",
        "requests/s",
        "mean / p99, ms",
        "CPU s per 1,000",
    ]);
    for row in &edge.held {
        table.row([
            row.gateway.clone(),
            row.lost.to_string(),
            format!("{:.1}", row.mib_before),
            format!("{:.1}", row.mib_open),
            format!("{:.1}", row.mib_asked),
            format!("{:.1}", row.mib_loaded),
            format!("{:.0}", row.per_second),
            format!("{:.1} / {:.1}", row.mean, row.p99),
            format!("{:.4}", row.cpu),
        ]);
    }
    table
}
