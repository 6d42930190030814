//! What an exchange of the edge remembers until it is settled.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tidegate_net::Peer;
use tidegate_policy::limit::{Amounts, Claim, Decision};
use tidegate_store::counters::Reservation;

use super::Route;
use super::cache::Use;
use super::seen::Seen;

/// The edge's part of an exchange.
#[derive(Debug)]
pub struct Passage {
    /// The route; `None`: none took it.
    pub route: Option<Arc<Route>>,
    /// Whether the AI gateway answers, which has a ledger.
    pub is_ai: bool,
    /// The client, behind trusted proxies.
    pub client: std::net::IpAddr,
    /// The connection's other end.
    pub peer: Peer,
    /// Who signed in.
    pub user: Option<String>,
    /// How the route's limits stand.
    pub limits: Option<(Vec<Claim>, Decision)>,
    /// What is held of them.
    pub held: Option<Reservation>,
    /// Servers that were asked, in their order.
    pub tries: Vec<Tried>,
    /// What the cache did.
    pub cache: Option<Use>,
    /// Whether nobody waits for it: what is kept is renewed.
    pub is_behind: bool,
    /// Its head, for a log with a template.
    pub seen: Option<Box<Seen>>,
    /// Bytes of the request's body.
    pub received: u64,
    /// Bytes of the answer's body.
    pub sent: u64,
}

/// One server that was asked.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Its address.
    pub server: Arc<str>,
    /// To an open connection; zero where one was there. `None`: none was opened.
    pub connected: Option<Duration>,
    /// Its answer's status.
    pub status: Option<StatusCode>,
    /// Bytes of its answer's body.
    pub received: u64,
    /// From the attempt's begin to the answer's head.
    pub head: Option<Duration>,
    /// To its end.
    pub end: Option<Duration>,
}

impl Passage {
    /// The passage of a request that took that route, or none.
    pub fn new(route: Option<Arc<Route>>, client: std::net::IpAddr, peer: Peer) -> Box<Self> {
        Box::new(Self {
            is_ai: route.as_ref().is_none_or(|route| matches!(route.action, super::Action::Ai(_))),
            route,
            client,
            peer,
            user: None,
            limits: None,
            held: None,
            tries: Vec::new(),
            cache: None,
            is_behind: false,
            seen: None,
            received: 0,
            sent: 0,
        })
    }

    /// The passage of a request that is refused before anything is done: there is nothing to put into the ledger.
    pub fn refused(route: Option<Arc<Route>>, client: std::net::IpAddr, peer: Peer) -> Box<Self> {
        let mut passage = Self::new(route, client, peer);
        passage.is_ai = false;
        passage
    }

    /// The route's name.
    pub fn route_name(&self) -> &str {
        self.route.as_ref().map_or("", |route| &route.name)
    }

    /// Whether the exchange is written to the access log.
    pub fn is_logged(&self) -> bool {
        !self.is_behind && self.route.as_ref().is_none_or(|route| route.is_logged)
    }

    /// Gives back what is held of the route's limits.
    pub fn settle(&mut self) {
        if let Some(held) = self.held.take() {
            held.settle(&Amounts::default());
        }
    }
}
