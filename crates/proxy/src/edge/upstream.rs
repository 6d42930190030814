//! Servers behind a name, and which of them is asked next.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;
use tidegate_net::LanePool;
use tidegate_policy::balance::{Asked, Candidate, Strategy};

use super::lookup::Lookup;
use crate::chance::chance;
use crate::clock::micros;
use crate::plan::Terms;
use crate::traffic::{Conduct, Live, ProbeRules, address_hash};

/// Servers behind one name. A single URL is an upstream with one server.
#[derive(Debug)]
pub struct Upstream {
    /// Its name; of a single URL, that.
    pub name: Arc<str>,
    /// How one is chosen, and when one is out.
    pub conduct: Arc<Conduct>,
    /// How its servers are asked whether they are well; `None`: they are not.
    pub probe: Option<ProbeRules>,
    members: ArcSwap<Vec<Member>>,
    /// Where some of them are named by a host whose addresses are looked up.
    lookup: Option<Lookup>,
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
    /// Its URL's origin, `http://10.0.0.1:3000`; where the URL has a host name that was looked up, with the address in its place.
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
    /// Servers that stay as they are.
    pub fn fixed(name: Arc<str>, members: Vec<Member>, conduct: Arc<Conduct>) -> Self {
        Self { name, conduct, probe: None, members: ArcSwap::from_pointee(members), lookup: None }
    }

    /// Servers some of which are named by hosts: each address of a host is a server. Until the first [`Upstream::look_up`], what the
    /// connector already knows is taken; a name of which nothing is known is one server.
    pub fn looked_up(name: Arc<str>, conduct: Arc<Conduct>, lookup: Lookup) -> Self {
        let members = lookup.members(&[]);
        let lookup = Some(lookup).filter(Lookup::has_names);
        Self { name, conduct, probe: None, members: ArcSwap::from_pointee(members), lookup }
    }

    /// Its servers by now.
    pub fn members(&self) -> Arc<Vec<Member>> {
        self.members.load_full()
    }

    /// How often its servers' names are looked up; `None`: it has none.
    pub fn looks_up_every(&self) -> Option<Duration> {
        self.lookup.as_ref().map(|lookup| lookup.every)
    }

    /// Looks its servers' names up. A name that cannot be looked up keeps the addresses that it had. Requests under way go on where they are.
    pub async fn look_up(&self) {
        let Some(lookup) = &self.lookup else { return };
        lookup.ask().await;
        let before = self.members();
        let members = lookup.members(&before);
        let is_same = before.len() == members.len()
            && before.iter().zip(&members).all(|(old, new)| Arc::ptr_eq(&old.server, &new.server));
        if !is_same {
            let servers: Vec<&str> = members.iter().map(|member| &*member.server.address).collect();
            tracing::info!(upstream = &*self.name, servers = servers.join(", "), "other servers");
            drop(self.members.swap(Arc::new(members)));
            drop(before);
            lookup.tidy();
        }
    }

    /// The servers in the order in which they are asked, with how they are treated.
    pub fn order(&self, client: IpAddr) -> (Vec<Arc<Server>>, Terms) {
        let now = micros();
        let members = self.members.load();
        if let [only] = members.as_slice() {
            let terms = Terms::of_lone(self.conduct.clone(), &only.server.live.gauge, now);
            return (vec![only.server.clone()], terms);
        }
        let balancer = &self.conduct.balancer;
        let candidates: Vec<_> = members.iter().map(Member::candidate).collect();
        let is_sticky = balancer.rules().strategy == Strategy::Sticky;
        let hash = is_sticky.then(|| address_hash(client));
        let order = balancer.order(&candidates, &Asked { hash, ..Asked::default() }, now, chance);
        let servers = order.all().iter().map(|ranked| members[ranked.index as usize].server.clone());
        (servers.collect(), Terms { conduct: self.conduct.clone(), is_forced: order.is_panic() })
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
