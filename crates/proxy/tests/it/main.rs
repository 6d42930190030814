//! The data plane against fake providers, in one process, over real sockets.

// The modules share their helpers, and nobody else sees them.
#![allow(unreachable_pub)]

mod answers_malformed;
mod basics;
mod bodies;
mod house;
mod raw_upstream;
mod reading;
mod stream_engine;
