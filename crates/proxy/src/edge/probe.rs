//! Servers are asked by the gateway itself whether they are well, so that a dead one is found before clients find it.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Action, Server, Site, Upstream};
use crate::traffic::{ProbeRules, ProbeTarget};

/// An upstream whose servers are to be asked from time to time.
#[derive(Clone, Debug)]
pub struct ServersProbe {
    /// The upstream.
    pub upstream: Arc<Upstream>,
    /// How they are asked.
    pub rules: ProbeRules,
}

impl ServersProbe {
    /// The upstreams of a site's routes that are to be probed, each once.
    pub fn all(site: &Site) -> Vec<Self> {
        let upstreams = site.upstreams().into_iter();
        upstreams
            .filter_map(|upstream| upstream.probe.clone().map(|rules| Self { upstream, rules }))
            .collect()
    }

    /// Asks all of its servers at once, and tells their health.
    pub async fn run(&self) {
        let mut asked = JoinSet::new();
        for member in self.upstream.members().iter() {
            let (this, server) = (self.clone(), member.server.clone());
            asked.spawn(async move { this.ask(&server).await });
        }
        while asked.join_next().await.is_some() {}
    }

    async fn ask(&self, server: &Server) {
        let target = ProbeTarget { lanes: &server.lanes, host: &server.host, auth: None, headers: &[] };
        let said = self.rules.get(target).await;
        self.rules.tell(said, &server.live, &self.upstream.conduct);
    }
}

impl Site {
    /// The upstreams of its routes, each once.
    pub fn upstreams(&self) -> Vec<Arc<Upstream>> {
        let mut all: Vec<Arc<Upstream>> = Vec::new();
        for route in &self.routes {
            if let Action::Proxy(proxy) = &route.action
                && !all.iter().any(|known| Arc::ptr_eq(known, &proxy.upstream))
            {
                all.push(proxy.upstream.clone());
            }
        }
        all
    }
}
