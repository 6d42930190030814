//! Under which key an answer is kept.

use std::sync::Arc;

use super::RouteCache;
use crate::edge::visit::Visit;

/// A key. Its parts are told apart by line ends, which stand in none of them.
pub type Key = Arc<str>;

/// What of a request tells answers apart, beside route and path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyParts {
    /// `http` or `https`.
    pub scheme: bool,
    /// Host and port.
    pub host: bool,
    /// The query.
    pub query: bool,
}

impl Default for KeyParts {
    fn default() -> Self {
        Self { scheme: true, host: true, query: true }
    }
}

impl RouteCache {
    /// The key of a request.
    pub(super) fn key(&self, visit: &Visit) -> Key {
        self.key_of(visit, &visit.path, visit.head.uri.query())
    }

    /// The key that a request of the same host for that path has.
    pub(super) fn key_of(&self, visit: &Visit, path: &str, query: Option<&str>) -> Key {
        let mut key = String::with_capacity(self.scope.len() + path.len() + 64);
        key.push_str(&self.scope);
        key.push('\n');
        if self.key.scheme {
            key.push_str(visit.scheme());
        }
        key.push('\n');
        if let Some(authority) = visit.authority.as_ref().filter(|_| self.key.host) {
            key.push_str(&authority.host);
            let usual = if visit.scheme() == "https" { 443 } else { 80 };
            if let Some(port) = authority.port.filter(|port| *port != usual) {
                key.push(':');
                key.push_str(&port.to_string());
            }
        }
        key.push('\n');
        key.push_str(path);
        if let Some(query) = query.filter(|_| self.key.query) {
            key.push('?');
            key.push_str(query);
        }
        key.into()
    }
}
