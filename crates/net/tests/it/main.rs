//! Doors and lanes with real peers on loopback.

mod calls;
mod doors;
mod house;
mod tls;
