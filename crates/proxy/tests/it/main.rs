//! The data plane against fake providers, in one process, over real sockets.

// The modules share their helpers, nobody else sees them, and a failing helper is a failing test.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod answers_malformed;
mod basics;
mod bodies;
mod clients;
mod credentials;
mod edge_buffering;
mod edge_cache;
mod edge_files;
mod edge_house;
mod edge_http2;
mod edge_proxy;
mod edge_smuggling;
mod edge_switch;
mod edge_terms;
mod edge_upstreams;
mod forwarding;
mod house;
mod ledger;
mod limits;
mod overload;
mod provider_limits;
mod raw_upstream;
mod reading;
mod retries;
mod secrets;
mod steering;
mod stream_engine;
mod traffic;
mod upstream_faults;
