//! Who asks whom for what: a request's head, read once, in one spelling for routes, checks and upstreams (fault 12).

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Method, Uri};
use tidegate_net::Peer;
use tidegate_policy::edge::client::Client;
use tidegate_policy::edge::path::{PathRules, normalise};
use tidegate_policy::edge::route::{Asking, Found, PathMatch};
use tidegate_policy::edge::target::{Asked, Authority, asked, authority};
use tidegate_policy::edge::variables::Scene;

use super::switch::Switch;
use super::{Action, EdgeError, Site};

/// A request's head, read.
#[derive(Debug)]
pub struct Visit {
    /// As it came; shared with who writes it down at the end.
    pub head: Arc<Parts>,
    /// Whom it is addressed to; none only in HTTP/1.0.
    pub authority: Option<Authority>,
    /// The path in its one spelling.
    pub path: String,
    /// Who asks, behind trusted proxies.
    pub client: Client,
    /// The connection's other end.
    pub peer: Peer,
    /// What it wants to speak instead of HTTP.
    pub switch: Option<Switch>,
}

impl Visit {
    /// Reads a head. What could be read in two ways is refused, and given back.
    pub fn of(
        head: Parts,
        switch: Option<Switch>,
        peer: Peer,
        site: &Site,
    ) -> Result<Self, (EdgeError, Box<Parts>)> {
        let is_tunnel = switch.as_ref().is_some_and(|switch| switch.wish.extended);
        match read(&head, is_tunnel, site) {
            Ok((authority, path)) => {
                let client = site.trusted.client(peer.address.ip(), &head.headers);
                Ok(Self { head: Arc::new(head), authority, path, client, peer, switch })
            }
            Err(error) => Err((error, Box::new(head))),
        }
    }

    /// The same once more, asked for by the gateway itself: with GET, and without another protocol.
    pub fn again(&self) -> Self {
        let mut head = Parts::clone(&self.head);
        head.method = Method::GET;
        Self {
            head: Arc::new(head),
            authority: self.authority.clone(),
            path: self.path.clone(),
            client: self.client,
            peer: self.peer.clone(),
            switch: None,
        }
    }

    /// The route that it takes. A preflight takes that of the request that it asks for.
    pub fn route(&self, site: &Site) -> Found {
        let found = site.table.find(self.asking(&self.head.method));
        let asked_for = self.head.headers.get(http::header::ACCESS_CONTROL_REQUEST_METHOD);
        match (&found, asked_for) {
            (Found::OtherMethods(_), Some(method)) if self.head.method == Method::OPTIONS => {
                match Method::from_bytes(method.as_bytes()) {
                    Ok(method) => site.table.find(self.asking(&method)),
                    Err(_) => found,
                }
            }
            _ => found,
        }
    }

    /// Where it is sent instead, when a slash is missing: `/x` where there is a route for all below `/x/`, and none for `/x` itself (as nginx
    /// does for proxied locations and folders).
    pub fn with_slash(&self, site: &Site, found: &Found) -> Option<(usize, String)> {
        let is_own = matches!(found, Found::Route(_, PathMatch::Exact | PathMatch::Regex));
        if is_own || !site.is_folder(&self.path) {
            return None;
        }
        let path = format!("{}/", self.path);
        let asking = Asking { path: &path, ..self.asking(&self.head.method) };
        let Found::Route(place, PathMatch::Prefix(length)) = site.table.find(asking) else { return None };
        let is_passed = matches!(site.routes[place].action, Action::Proxy(_) | Action::Files(_));
        if !is_passed || length != self.path.len() {
            return None;
        }
        Some((place, with_query(&path, self.head.uri.query())))
    }

    fn asking<'a>(&'a self, method: &'a Method) -> Asking<'a> {
        Asking {
            host: self.host().unwrap_or_default(),
            path: &self.path,
            method,
            headers: &self.head.headers,
            query: self.head.uri.query().unwrap_or_default(),
        }
    }

    /// The host without its port.
    pub fn host(&self) -> Option<&str> {
        self.authority.as_ref().map(|authority| authority.host.as_str())
    }

    /// Host and port as the client wrote them.
    pub fn written_host(&self) -> Option<&str> {
        let written = self.head.uri.authority().map(http::uri::Authority::as_str);
        written.or_else(|| self.head.headers.get(HOST)?.to_str().ok())
    }

    /// The same as a header of a request that is passed on.
    pub fn host_header(&self) -> Option<Cow<'_, HeaderValue>> {
        match self.head.uri.authority() {
            Some(written) => HeaderValue::from_str(written.as_str()).ok().map(Cow::Owned),
            None => self.head.headers.get(HOST).map(Cow::Borrowed),
        }
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        self.peer.scheme()
    }

    /// The client's address.
    pub fn address(&self) -> IpAddr {
        self.client.address
    }

    /// What templates see of it.
    pub fn scene<'a>(&'a self, id: &'a str, route: &'a str) -> Scene<'a> {
        Scene {
            request: Some((&self.head.method, self.head.version, &self.head.headers)),
            request_uri: self.head.uri.path_and_query().map(http::uri::PathAndQuery::as_str),
            path: Some(&self.path),
            query: self.head.uri.query(),
            host: self.host(),
            scheme: Some(self.scheme()),
            client: Some(self.client.address),
            peer: Some(self.peer.address),
            tls: tls_of(&self.peer),
            request_id: Some(id),
            route: Some(route),
            now: crate::clock::micros(),
            ..Scene::default()
        }
    }
}

fn read(head: &Parts, is_tunnel: bool, site: &Site) -> Result<(Option<Authority>, String), EdgeError> {
    if let Some(length) = head.headers.get(CONTENT_LENGTH) {
        // HTTP/2 lets an empty one pass; HTTP/1 has refused it before.
        let is_number = !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit);
        if !is_number || head.headers.contains_key(TRANSFER_ENCODING) {
            return Err(EdgeError::Framing);
        }
    }
    let whom = authority(head.version, &head.uri, &head.headers)?;
    let path = match asked(&head.method, &head.uri, is_tunnel)? {
        Asked::Server => "/".to_owned(),
        // Escaped slashes are let through to the AI gateway, where they stand in names of models; other routes refuse them.
        Asked::Path => {
            normalise(head.uri.path(), PathRules { encoded_slash: true, ..site.paths })?.into_owned()
        }
    };
    Ok((whom, path))
}

/// Whether the path may go to a route that is not the AI gateway's.
pub fn expect_plain(path: &str, rules: PathRules) -> Result<(), EdgeError> {
    normalise(path, rules)?;
    Ok(())
}

/// The same URI with another path and query.
pub fn with_path(uri: &Uri, path_and_query: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// What the handshake has shown: version, suite, server name.
pub fn tls_of(peer: &Peer) -> Option<(&str, &str, Option<&str>)> {
    let secured = peer.secured.as_ref()?;
    Some((secured.version, secured.suite.unwrap_or_default(), secured.server_name.as_deref()))
}

/// A path with its query behind it.
pub fn with_query(path: &str, query: Option<&str>) -> String {
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}
