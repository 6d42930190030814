//! Servers behind a name, and which of them is asked next.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderValue;
use tidegate_net::LanePool;
use tidegate_policy::balance::{Asked, Candidate, Strategy};
use tidegate_policy::health::Standing;

use crate::chance::chance;
use crate::clock::micros;
use crate::plan::Terms;
use crate::traffic::{Conduct, Live};

/// Servers behind one name. A single URL is an upstream with one server.
#[derive(Debug)]
pub struct Upstream {
    /// Its name; of a single URL, that.
    pub name: Arc<str>,
    /// Its servers.
    pub members: Vec<Member>,
    /// How one is chosen, and when one is out.
    pub conduct: Arc<Conduct>,
}

/// A server and its share.
#[derive(Clone, Debug)]
pub struct Member {
    /// The server.
    pub server: Arc<Server>,
    /// Its share of the requests.
    pub weight: u32,
    /// Those of a higher tier are asked when all of the lower ones are out (nginx's `backup`).
    pub tier: u32,
}

/// A server.
#[derive(Debug)]
pub struct Server {
    /// Its URL's origin, `http://10.0.0.1:3000`.
    pub address: Arc<str>,
    /// Its lanes.
    pub lanes: Arc<LanePool>,
    /// Its own `Host`.
    pub host: HeaderValue,
    /// The path that stands before all others; empty or `/base`.
    pub path: String,
    /// What is known of it by now.
    pub live: Arc<Live>,
}

impl Upstream {
    /// The servers in the order in which they are asked, each with how it is treated.
    pub fn order(&self, client: IpAddr) -> (Vec<&Arc<Server>>, Terms) {
        let now = micros();
        let balancer = &self.conduct.balancer;
        let candidates: Vec<_> = self.members.iter().map(Member::candidate).collect();
        if let [only] = candidates.as_slice() {
            let is_ill = !matches!(only.gauge.health().standing(now), Standing::Ready(_));
            let is_forced = is_ill && balancer.order(&candidates, &Asked::default(), now, chance).is_panic();
            return (vec![&self.members[0].server], self.terms(is_forced));
        }
        let is_sticky = balancer.rules().strategy == Strategy::Sticky;
        let hash = is_sticky.then(|| hash_of(client));
        let order = balancer.order(&candidates, &Asked { hash, ..Asked::default() }, now, chance);
        let servers = order.all().iter().map(|ranked| &self.members[ranked.index as usize].server);
        (servers.collect(), self.terms(order.is_panic()))
    }

    fn terms(&self, is_forced: bool) -> Terms {
        Terms { conduct: self.conduct.clone(), is_forced }
    }
}

impl Member {
    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            gauge: &self.server.live.gauge,
            id: self.server.live.id,
            weight: self.weight,
            tier: self.tier,
            region: 0,
            price: None,
            fits: true,
        }
    }
}

fn hash_of(client: IpAddr) -> u64 {
    let mut hasher = DefaultHasher::new();
    client.hash(&mut hasher);
    hasher.finish()
}
