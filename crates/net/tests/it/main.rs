//! Doors and lanes with real peers on loopback.

#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod acme;
mod calls;
mod doors;
mod house;
mod http1;
mod http2;
mod lanes;
mod tls;
mod tunnels;
