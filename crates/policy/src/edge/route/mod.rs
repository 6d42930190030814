//! Which route a request takes. The most specific one that matches wins; the order is total:
//!
//! 1. host: exact, then `*.wildcard` (longer first), then any;
//! 2. path: exact, then regex (in the order of writing), then prefix (longer first);
//! 3. more conditions first: a method, then headers, then query;
//! 4. what was written first.
//!
//! A route whose host fits but whose path does not gives way to less specific hosts. A [`RouteTable`] is compiled once; a look-up
//! costs a few hashes, however many routes there are, and a regex pass only for hosts that have regexes.

mod condition;
mod host;
mod place;
mod table;
#[cfg(test)]
mod tests;

pub use condition::{Condition, Test};
pub use host::HostPattern;
pub use place::{PathMatch, PathPattern};
pub use table::{Asking, Found, RouteFault, RouteTable};

/// When a route is taken. Empty lists and `None` mean: any.
#[derive(Clone, Debug, Default)]
pub struct RouteRule {
    /// Hosts, any of which must fit.
    pub hosts: Vec<HostPattern>,
    /// Paths, any of which must fit.
    pub paths: Vec<PathPattern>,
    /// Methods, any of which must fit. GET brings no HEAD with it.
    pub methods: Vec<http::Method>,
    /// Headers, all of which must fit. Each value of a header is tried.
    pub headers: Vec<Condition<http::HeaderName>>,
    /// Parts of the query, all of which must fit.
    pub query: Vec<Condition<String>>,
}
