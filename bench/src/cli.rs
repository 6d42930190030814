//! The command line.

use clap::{Parser, Subcommand};

/// Load tests: Tidegate beside nginx, in the same run on the same machine.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) what: Option<What>,
    /// Tiny counts, to see that everything works; the figures mean nothing
    #[arg(long, global = true)]
    pub(crate) smoke: bool,
    /// Write docs/performance.md and docs/performance.svg from the results of this and earlier runs
    #[arg(long, global = true)]
    pub(crate) write: bool,
    /// Measure only these gateways: nginx, tidegate
    #[arg(long, global = true, value_delimiter = ',')]
    pub(crate) gateways: Vec<String>,
    /// Another build of Tidegate than the one in cargo's target folder
    #[arg(long, global = true)]
    pub(crate) tidegate: Option<std::path::PathBuf>,
}

/// The kinds of runs.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Saturation, a fixed rate and half load, for each work (the default)
    Load(LoadArguments),
    /// The load without a report, for `cargo xtask release`
    #[command(hide = true)]
    Train(LoadArguments),
    /// Many streams held at once: memory per stream, nothing lost
    Streams {
        #[arg(long, default_value_t = 1000)]
        count: usize,
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Many requests in a row: resident memory must stay flat
    Soak {
        #[arg(long, default_value_t = 1_000_000)]
        requests: u64,
    },
    /// Tidegate as an edge proxy: routes, files, TLS, WebSockets, thousands of connections
    Edge(EdgeArguments),
    /// Where the CPU goes under load, as perf sees it
    Profile {
        /// Any work of `load` or `edge`
        #[arg(long, default_value = "chat")]
        work: String,
        #[arg(long, default_value = "tidegate")]
        gateway: String,
        #[arg(long, default_value_t = 8.0)]
        seconds: f64,
    },
    /// Play a bad night (`cargo xtask drill`)
    Drill {
        #[command(subcommand)]
        drill: Drill,
    },
    /// Load with translation, streams, soak and edge
    All,
    /// Measure nothing: show the last results again, or write them with --write
    Report,
}

/// The drills.
#[derive(Debug, Subcommand)]
pub(crate) enum Drill {
    /// Traffic twenty-fold while the provider falls to a tenth, with the gateway's defences off and on
    Rush,
    /// One of three targets in turn slow, failing, silent, breaking off, talking nonsense
    BadTarget,
    /// Ten upgrades of the binary and ten reloads a second under load, with WebSockets and streams open
    Upgrade,
    /// Ten thousand slow-loris connections and a thousand slow readers beside usual callers
    Slow,
}

/// What `load` measures.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LoadArguments {
    /// Only these works: chat, stream, paced, prompt, cross-chat, cross-stream
    #[arg(long, value_delimiter = ',')]
    pub(crate) works: Vec<String>,
    /// Also the works that need translation
    #[arg(long)]
    pub(crate) cross: bool,
    /// Every gateway gets a turn in each round
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Length of one measurement
    #[arg(long, default_value_t = 3.0)]
    pub(crate) seconds: f64,
}

/// What `edge` measures.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct EdgeArguments {
    /// Only these works: proxy-1k, proxy-100k, static-1k, static-1m, handshake, tls-1k, websocket
    #[arg(long, value_delimiter = ',')]
    pub(crate) works: Vec<String>,
    /// Both gateways get a turn in each round
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// Length of one measurement
    #[arg(long, default_value_t = 3.0)]
    pub(crate) seconds: f64,
    /// Keep-alive connections that are held open; 0: none
    #[arg(long, default_value_t = 5000)]
    pub(crate) connections: usize,
}

impl Default for EdgeArguments {
    fn default() -> Self {
        Self { works: Vec::new(), rounds: 3, seconds: 3.0, connections: 5000 }
    }
}

impl Default for LoadArguments {
    fn default() -> Self {
        Self { works: Vec::new(), cross: false, rounds: 3, seconds: 3.0 }
    }
}
