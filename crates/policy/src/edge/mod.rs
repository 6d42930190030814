//! What a reverse proxy decides about a request and its answer: paths, routes, headers, caching. Pure: times are arguments.

pub mod addresses;
pub mod basic_auth;
pub mod caching;
pub mod client;
pub mod compression;
pub mod conditional;
pub mod cors;
pub mod headers;
pub mod http_date;
pub mod media_type;
pub mod negotiate;
pub mod next_upstream;
pub mod path;
pub mod query;
pub mod range;
pub mod rewrite;
pub mod route;
pub mod security_headers;
pub mod target;
pub mod variables;
