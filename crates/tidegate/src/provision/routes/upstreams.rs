//! Servers and the names that they stand behind.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tidegate_net::{LaneOptions, LaneProtocol, Origin};
use tidegate_policy::balance::{Rules, Strategy};
use tidegate_policy::health::HealthRules;
use tidegate_policy::overload::{ConcurrencyRules, QueueRules};
use tidegate_proxy::edge::{Lookup, Roots, Seed, Upstream};
use tidegate_proxy::traffic::{Conduct, GateRules, ProbeRules, Sticky};

use super::{Building, RoutePlace};
use crate::config::written::{ProtocolWord, ServerEntry, ServerStrategy, UpstreamEntry};
use crate::provision::providers::probe_rules;

/// How often the names of servers are looked up.
const RESOLVE: Duration = Duration::from_secs(30);
const RESOLVES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);

impl Building<'_> {
    /// All of `upstreams`.
    pub(super) fn build_upstreams(&mut self) {
        let loaded = self.loaded;
        for (name, entry) in loaded.config.upstreams.iter() {
            // One that is wrong has been told of already.
            if entry.servers.is_empty() && !loaded.is_written(&["upstreams", name, "servers", "0"]) {
                self.error(format!("`{name}` has no servers"), &["upstreams", name]);
            }
            let lanes = lanes(entry);
            let mut seeds = Vec::with_capacity(entry.servers.len());
            for (number, server) in entry.servers.iter().enumerate() {
                let path = ["upstreams", name, "servers", &number.to_string()];
                seeds.extend(self.seed(server, &lanes, &path));
            }
            self.expect_speech(name, entry);
            let every = self.resolves_every(name, entry);
            let lookup = Lookup::new(seeds, every, self.roots());
            let mut upstream = Upstream::looked_up(name.into(), Arc::new(conduct(entry)), lookup);
            upstream.probe = self.probe(name, entry);
            self.upstreams.insert(name.to_owned(), Arc::new(upstream));
        }
    }

    /// A single server. Its name is looked up as lanes are opened; it stays one server.
    pub(super) fn single(&mut self, url: &str, place: &RoutePlace) -> Option<Arc<Upstream>> {
        let path = ["routes", place.number.as_str(), "proxy"];
        let seed = self.server(url, &LaneOptions::default(), &path)?;
        let conduct = Arc::new(conduct(&UpstreamEntry::default()));
        Some(Arc::new(Upstream::fixed(url.into(), vec![seed.alone(&self.roots())], conduct)))
    }

    /// How often its servers' names are looked up.
    fn resolves_every(&mut self, name: &str, entry: &UpstreamEntry) -> Duration {
        let every = entry.resolve.map_or(RESOLVE, |every| every.0);
        if !RESOLVES.contains(&every) {
            self.error(
                "names are looked up every second at most, and every hour at least",
                &["upstreams", name, "resolve"],
            );
        }
        every
    }

    fn roots(&self) -> Roots {
        Roots { connector: self.lasting.connector.clone(), live: self.lasting.live.clone() }
    }

    /// How servers are asked whether they are well.
    fn probe(&mut self, name: &str, entry: &UpstreamEntry) -> Option<ProbeRules> {
        let written = entry.health.as_ref()?.probe.as_ref()?;
        let place = ["upstreams", name, "health", "probe"];
        if !written.path.as_deref().is_some_and(|path| path.starts_with('/')) {
            let problem = self.problem("a server is asked for a path", &place);
            self.problems.push(problem.help("write `path: /health`"));
        }
        probe_rules(written).map_err(|wrong| self.error(wrong, &[&place[..], &["status"]].concat())).ok()
    }

    /// HTTP/2 under TLS and in the clear are two things, and a server speaks one of them.
    fn expect_speech(&mut self, name: &str, entry: &UpstreamEntry) {
        let (needs_tls, word, other) = match entry.protocol {
            ProtocolWord::Http1 | ProtocolWord::Auto => return,
            ProtocolWord::H2 => (true, "`h2` is HTTP/2 over TLS", "`protocol: h2c`, or `https://`"),
            ProtocolWord::H2c => (false, "`h2c` is HTTP/2 without TLS", "`protocol: h2`, or `http://`"),
        };
        for (number, server) in entry.servers.iter().enumerate() {
            if server.url().starts_with("https:") != needs_tls {
                let path = ["upstreams", name, "servers", &number.to_string()];
                let problem = self.problem(format!("{word}; this server is `{}`", server.url()), &path);
                self.problems.push(problem.help(format!("write {other}")));
            }
        }
    }

    fn seed(&mut self, entry: &ServerEntry, lanes: &LaneOptions, path: &[&str]) -> Option<Seed> {
        let seed = self.server(entry.url(), lanes, path)?;
        let ServerEntry::Terms(terms) = entry else { return Some(seed) };
        let gate = GateRules { concurrency: terms.max_concurrent.map(ConcurrencyRules::Fixed), ..seed.gate };
        Some(Seed { weight: terms.weight, tier: terms.backup.into(), gate, ..seed })
    }

    fn server(&mut self, url: &str, lanes: &LaneOptions, path: &[&str]) -> Option<Seed> {
        let (origin, base) = Origin::parse(url).map_err(|wrong| self.error(wrong.to_string(), path)).ok()?;
        let host = HeaderValue::from_str(&origin.host_header()).ok()?;
        let gate = GateRules { concurrency: None, queue: QueueRules::default() };
        Some(Seed { origin, lanes: lanes.clone(), host, path: base, weight: 1, tier: 0, gate })
    }
}

fn lanes(entry: &UpstreamEntry) -> LaneOptions {
    let usual = LaneOptions::default();
    let protocol = match entry.protocol {
        ProtocolWord::Http1 => LaneProtocol::Http1,
        ProtocolWord::H2 | ProtocolWord::H2c => LaneProtocol::Http2,
        ProtocolWord::Auto => LaneProtocol::Offered,
    };
    let connections = entry.connections.map_or(usual.connections, |most| most as usize);
    LaneOptions { protocol, connections, ..usual }
}

/// nginx's rules: failures take a server out for a while. How servers compare in speed says nothing here, as their requests differ.
fn conduct(entry: &UpstreamEntry) -> Conduct {
    let usual = HealthRules::default();
    let own = entry.health.as_ref();
    let health = HealthRules {
        failures: own.and_then(|own| own.failures).unwrap_or(0),
        rate: own.and_then(|own| own.failure_rate).map(|percent| f64::from(percent) / 100.0),
        open: own.and_then(|own| own.open).map_or(usual.open, |open| open.0),
        slow_start: own.and_then(|own| own.slow_start).map_or(usual.slow_start, |time| time.0),
        max_fails: entry.max_fails.unwrap_or(1),
        fail_timeout: entry.fail_timeout.map_or(usual.fail_timeout, |time| time.0),
        slow_first_token: own.and_then(|own| own.slow).map(|slow| slow.0),
        slow_factor: None,
        silence: own.and_then(|own| own.silence).map(|silence| silence.0),
        ..usual
    };
    let strategy = match entry.strategy {
        ServerStrategy::RoundRobin => Strategy::RoundRobin,
        ServerStrategy::LeastConnections => Strategy::LeastConnections,
        ServerStrategy::Weighted => Strategy::Weighted,
        ServerStrategy::Priority => Strategy::Priority,
        ServerStrategy::Latency => Strategy::Latency,
        ServerStrategy::IpHash => Strategy::Sticky,
    };
    Conduct::new(Rules { strategy, health, ..Rules::default() }, Sticky::default(), None, None)
}
