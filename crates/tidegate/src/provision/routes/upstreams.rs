//! Servers and the names that they stand behind.

use std::sync::Arc;

use http::HeaderValue;
use tidegate_net::{LaneOptions, LaneProtocol, Origin};
use tidegate_policy::balance::{Rules, Strategy};
use tidegate_policy::health::HealthRules;
use tidegate_policy::overload::{ConcurrencyRules, QueueRules};
use tidegate_proxy::edge::{Member, Server, Upstream};
use tidegate_proxy::traffic::{Conduct, GateRules, Sticky};

use super::{Building, RoutePlace};
use crate::config::written::{ProtocolWord, ServerEntry, ServerStrategy, UpstreamEntry};

impl Building<'_> {
    /// All of `upstreams`.
    pub(super) fn build_upstreams(&mut self) {
        let loaded = self.loaded;
        for (name, entry) in loaded.config.upstreams.iter() {
            if entry.servers.is_empty() {
                self.error(format!("`{name}` has no servers"), &["upstreams", name]);
            }
            let mut members = Vec::with_capacity(entry.servers.len());
            let lanes = lanes(entry);
            for (number, server) in entry.servers.iter().enumerate() {
                let path = ["upstreams", name, "servers", &number.to_string()];
                members.extend(self.member(server, &lanes, &path));
            }
            self.expect_speech(name, entry);
            let conduct = conduct(entry);
            let upstream = Upstream { name: name.into(), members, conduct: Arc::new(conduct) };
            self.upstreams.insert(name.to_owned(), Arc::new(upstream));
        }
    }

    /// A single server.
    pub(super) fn single(&mut self, url: &str, place: &RoutePlace) -> Option<Arc<Upstream>> {
        let path = ["routes", place.number.as_str(), "proxy"];
        let server = self.server(url, None, &LaneOptions::default(), &path)?;
        let members = vec![Member { server, weight: 1, tier: 0 }];
        let conduct = Arc::new(conduct(&UpstreamEntry::default()));
        Some(Arc::new(Upstream { name: url.into(), members, conduct }))
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

    fn member(&mut self, entry: &ServerEntry, lanes: &LaneOptions, path: &[&str]) -> Option<Member> {
        match entry {
            ServerEntry::Url(url) => {
                let server = self.server(&url.0, None, lanes, path)?;
                Some(Member { server, weight: 1, tier: 0 })
            }
            ServerEntry::Terms(terms) => {
                let server = self.server(&terms.url.0, terms.max_concurrent, lanes, path)?;
                Some(Member { server, weight: terms.weight, tier: terms.backup.into() })
            }
        }
    }

    fn server(
        &mut self,
        url: &str,
        most: Option<u32>,
        lanes: &LaneOptions,
        path: &[&str],
    ) -> Option<Arc<Server>> {
        let (origin, base) = Origin::parse(url).map_err(|wrong| self.error(wrong.to_string(), path)).ok()?;
        let address: Arc<str> = origin.to_string().into();
        let live = self.lasting.live.get(&format!("upstream/{address}").into());
        live.gate.set_rules(&GateRules {
            concurrency: most.map(ConcurrencyRules::Fixed),
            queue: QueueRules::default(),
        });
        let host = HeaderValue::from_str(&origin.host_header()).ok()?;
        let lanes = self.lasting.connector.pool_with(&origin, lanes);
        Some(Arc::new(Server { address, lanes, host, path: base, live }))
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

/// nginx's rules: failures take a server out for a while. What is said of models' speed means nothing here.
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
        slow_first_token: None,
        slow_factor: None,
        silence: None,
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
