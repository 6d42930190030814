//! What is measured: nothing at all, nginx, and Tidegate, each in front of the same fake provider.

pub(crate) mod edge;
mod nginx;
pub(crate) mod tidegate;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::load::Aim;
use crate::process::Gateway;
use crate::work::{Dialect, Work};

/// Names as they stand in tables.
pub(crate) const DIRECT: &str = "direct";
pub(crate) const NGINX: &str = "nginx";
pub(crate) const TIDEGATE: &str = "tidegate";
/// Tidegate without keys, limits and ledger.
pub(crate) const OPEN: &str = "tidegate-open";

/// A gateway that runs, or none: the fake provider itself.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// With its version, for the report.
    pub(crate) version: String,
    /// None for the fake provider itself.
    pub(crate) process: Option<Gateway>,
    /// Stands before model names.
    provider: &'static str,
    plain: SocketAddr,
    streams: SocketAddr,
    translates: bool,
}

/// What it takes to start the gateways.
pub(crate) struct Site<'a> {
    /// A folder for their files, gone with the program.
    pub(crate) folder: &'a Path,
    /// A folder for what was downloaded, kept.
    pub(crate) downloads: &'a Path,
    /// The fake provider.
    pub(crate) upstream: SocketAddr,
    /// Whether gateways get a core of their own.
    pub(crate) pinned: bool,
    /// Another build of Tidegate than the one beside this program.
    pub(crate) tidegate: Option<PathBuf>,
}

impl Contender {
    /// The fake provider without anything in front of it.
    pub(crate) fn direct(upstream: SocketAddr) -> Self {
        Self {
            name: DIRECT,
            version: String::new(),
            process: None,
            provider: "",
            plain: upstream,
            streams: upstream,
            translates: false,
        }
    }

    /// Starts the gateway of that name.
    pub(crate) fn start(name: &str, site: &Site<'_>) -> Result<Self> {
        match name {
            DIRECT => Ok(Self::direct(site.upstream)),
            NGINX => nginx::start(site),
            TIDEGATE => tidegate::start(site, TIDEGATE),
            OPEN => tidegate::start(site, OPEN),
            other => bail!("no gateway is called {other}: there are {DIRECT}, {NGINX}, {TIDEGATE}, {OPEN}"),
        }
    }

    /// Whether it can do this work at all.
    pub(crate) fn can(&self, work: &Work) -> bool {
        let is_compared = self.name != OPEN || work.name == "chat";
        is_compared && (self.translates || work.dialect == Dialect::Chat)
    }

    /// Where and how to ask it for this work.
    pub(crate) fn aim(&self, work: &Work) -> Aim {
        let address = if work.pieces.is_some() { self.streams } else { self.plain };
        Aim::new(work, address, self.provider)
    }

    /// Resident memory in MiB; 0 where there is no process.
    pub(crate) fn resident_mib(&self) -> f64 {
        self.process.as_ref().map_or(0.0, |process| process.resident_kib() as f64 / 1024.0)
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?)
}

/// Waits until a gateway accepts connections; says what it wrote where it does not.
pub(crate) fn wait_until_ready(process: &mut Gateway, address: SocketAddr, log: &Path) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let ended = process.still_runs();
        if ended.is_ok() && TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
            return Ok(());
        }
        if ended.is_err() || Instant::now() > end {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            ended.with_context(|| said.clone())?;
            bail!("it does not listen on {address}: {said}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
