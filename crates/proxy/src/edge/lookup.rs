//! Servers that are named by a host: each of its addresses is a server of its own, and they are looked up again and again.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tidegate_net::{Connector, LaneOptions, Origin};

use super::upstream::{Member, Server};
use crate::traffic::{GateRules, LiveTable};

/// A server as it is written: an address, or a host that may have several.
#[derive(Clone, Debug)]
pub struct Seed {
    /// Where it is.
    pub origin: Origin,
    /// How lanes to it are opened.
    pub lanes: LaneOptions,
    /// Its own `Host`.
    pub host: HeaderValue,
    /// The path that stands before all others; empty or `/base`.
    pub path: String,
    /// The share of each of its addresses.
    pub weight: u32,
    /// See [`Member::tier`].
    pub tier: u32,
    /// How much each of its addresses takes at once.
    pub gate: GateRules,
}

/// An upstream's servers as they are written, and the addresses that they have.
#[derive(Debug)]
pub struct Lookup {
    /// How often names are looked up.
    pub every: Duration,
    seeds: Vec<Seed>,
    /// The addresses of each seed when it was last looked up with success.
    found: Mutex<Vec<Vec<SocketAddr>>>,
    roots: Roots,
}

/// What servers are made from.
#[derive(Clone, Debug)]
pub struct Roots {
    /// Lanes, and the addresses of names.
    pub connector: Arc<Connector>,
    /// What is known of servers.
    pub live: Arc<LiveTable>,
}

impl Seed {
    /// The server as it is written, with whatever addresses its name has.
    pub fn alone(&self, roots: &Roots) -> Member {
        self.member(None, roots, &[])
    }

    /// Whether its host is a name whose addresses are looked up. `localhost` is this machine, whichever of its addresses answers.
    fn is_name(&self) -> bool {
        let host = self.origin.host.as_str();
        host.parse::<IpAddr>().is_err() && host != "localhost" && self.lanes.socket.is_none()
    }

    fn member(&self, address: Option<SocketAddr>, roots: &Roots, before: &[Member]) -> Member {
        let shown = match address {
            Some(address) => Origin { host: address.ip().to_string(), ..self.origin.clone() }.to_string(),
            None => self.origin.to_string(),
        };
        let label = match address {
            Some(address) => format!("upstream/{}@{}", self.origin, address.ip()),
            None => format!("upstream/{shown}"),
        };
        let same = |member: &&Member| {
            *member.server.live.label == *label
                && member.server.path == self.path
                && *member.server.address == *shown
        };
        let server = match before.iter().find(same) {
            Some(member) => member.server.clone(),
            None => self.server(address, (shown, label), roots),
        };
        Member { server, weight: self.weight, tier: self.tier }
    }

    fn server(
        &self,
        address: Option<SocketAddr>,
        (shown, label): (String, String),
        roots: &Roots,
    ) -> Arc<Server> {
        let live = roots.live.get(&label.into());
        live.gate.set_rules(&self.gate);
        let options = LaneOptions { address, ..self.lanes.clone() };
        let lanes = roots.connector.pool_with(&self.origin, &options);
        Arc::new(Server {
            address: shown.into(),
            lanes,
            host: self.host.clone(),
            path: self.path.clone(),
            live,
        })
    }
}

impl Lookup {
    /// Those servers, whose names are looked up that often.
    pub fn new(seeds: Vec<Seed>, every: Duration, roots: Roots) -> Self {
        let known = |seed: &Seed| {
            let (host, port) = (seed.origin.host.as_str(), seed.origin.port);
            let known = seed.is_name().then(|| roots.connector.names().known(host, port)).flatten();
            known.map(|known| in_order(&known)).unwrap_or_default()
        };
        let found = Mutex::new(seeds.iter().map(known).collect());
        Self { every, seeds, found, roots }
    }

    pub(super) fn has_names(&self) -> bool {
        self.seeds.iter().any(Seed::is_name)
    }

    /// Asks for the addresses of every name. What cannot be looked up stays as it was.
    pub(super) async fn ask(&self) {
        for (place, seed) in self.seeds.iter().enumerate().filter(|(_, seed)| seed.is_name()) {
            let (host, port) = (seed.origin.host.as_str(), seed.origin.port);
            match self.roots.connector.names().look_up(host, port).await {
                Ok(addresses) => self.found()[place] = in_order(&addresses),
                Err(error) => {
                    tracing::warn!(host, %error, "cannot look the name up; its addresses stay as they were")
                }
            }
        }
    }

    /// Forgets servers that nobody has any more.
    pub(super) fn tidy(&self) {
        self.roots.live.tidy();
    }

    /// The servers. Those that there were `before` are the same ones.
    pub(super) fn members(&self, before: &[Member]) -> Vec<Member> {
        let found = self.found();
        let mut members = Vec::with_capacity(self.seeds.len());
        for (seed, addresses) in self.seeds.iter().zip(found.iter()) {
            if addresses.is_empty() {
                members.push(seed.member(None, &self.roots, before));
            }
            members.extend(addresses.iter().map(|address| seed.member(Some(*address), &self.roots, before)));
        }
        members
    }

    fn found(&self) -> std::sync::MutexGuard<'_, Vec<Vec<SocketAddr>>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each address once, in an order of its own: resolvers turn them round.
fn in_order(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut all = addresses.to_vec();
    all.sort_unstable();
    all.dedup();
    all
}
