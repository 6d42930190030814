//! What a reverse proxy decides about a request and its answer: paths, routes, headers, caching. Pure: times are arguments.

pub mod client;
pub mod headers;
pub mod http_date;
pub mod path;
pub mod query;
pub mod rewrite;
pub mod route;
pub mod target;
pub mod variables;
