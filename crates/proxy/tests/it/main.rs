//! The data plane against fake providers, in one process, over real sockets.

mod basics;
mod house;
mod stream_engine;
