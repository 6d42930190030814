//! What a log in nginx' words needs of a request when it is over.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, StatusCode};
use tidegate_policy::edge::variables::{Escape, Scene, Template, Try};

use super::Passage;
use super::cache::Use;
use super::visit::Visit;
use crate::exchange::Exchange;

/// A request's head as it came, kept to its end. Only where the log has a template.
#[derive(Debug)]
pub struct Seen {
    head: Arc<Parts>,
    path: String,
    host: Option<String>,
    scheme: &'static str,
}

impl Seen {
    /// What is kept of a request that could be read.
    pub fn of(visit: &Visit) -> Box<Self> {
        Box::new(Self {
            head: visit.head.clone(),
            path: visit.path.clone(),
            host: visit.host().map(str::to_owned),
            scheme: visit.scheme(),
        })
    }

    /// What is kept of a request that was refused for its head.
    pub fn of_head(head: Parts) -> Box<Self> {
        let path = head.uri.path().to_owned();
        Box::new(Self { head: Arc::new(head), path, host: None, scheme: "http" })
    }

    /// Writes the line of an exchange that has ended, with its line end.
    pub fn write_line(
        &self,
        template: &Template,
        exchange: &Exchange,
        passage: &Passage,
        elapsed: Duration,
    ) -> Vec<u8> {
        let id = exchange.id.text();
        let tries: Vec<Try<'_>> = passage
            .tries
            .iter()
            .map(|tried| Try {
                // As nginx writes it: without the scheme.
                address: tried.server.split_once("://").map_or(&tried.server, |(_, address)| address),
                connected: tried.connected,
                status: tried.status,
                head: tried.head,
                end: tried.end,
                received: tried.received,
            })
            .collect();
        let none = HeaderMap::new();
        let scene = Scene {
            request: Some((&self.head.method, self.head.version, &self.head.headers)),
            request_uri: self.head.uri.path_and_query().map(http::uri::PathAndQuery::as_str),
            path: Some(&self.path),
            query: self.head.uri.query(),
            host: self.host.as_deref(),
            scheme: Some(self.scheme),
            client: Some(passage.client),
            peer: Some(passage.peer.address),
            tls: super::visit::tls_of(&passage.peer),
            user: passage.user.as_deref(),
            request_id: Some(&id),
            route: Some(passage.route_name()).filter(|name| !name.is_empty()),
            now: crate::clock::micros(),
            elapsed: Some(elapsed),
            answer: StatusCode::from_u16(exchange.status).ok().map(|status| (status, &none)),
            sent: (!passage.is_ai).then_some((passage.sent, passage.sent)),
            tries: &tries,
            cache_status: passage.cache.map(Use::nginx_word),
            ..Scene::default()
        };
        let mut line = Vec::with_capacity(256);
        template.render(&scene, Escape::Log, &mut line);
        line.push(b'\n');
        line
    }
}
