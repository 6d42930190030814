//! The command as people run it: one process for each test, on free ports.

// What fails here fails the test; that is its way to say so.
#![allow(clippy::unwrap_used, clippy::panic)]

mod acme;
mod commands;
mod crowded;
mod doors;
mod drain;
mod gateway;
mod reload;
mod rounds;
mod routes;
mod secure;
mod start;
mod upgrade;
