//! Doors and lanes with real peers on loopback.

mod acme;
mod calls;
mod doors;
mod house;
mod lanes;
mod tls;
mod tunnels;
