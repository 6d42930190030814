//! HTTP/1.1 (RFC 9112) as a client speaks it to an upstream, and in [`server`] as it is spoken with callers: one request at a time
//! on one connection, no task, no timer for a request.
//!
//! [`Reader`] turns bytes into an answer and does no I/O, [`write::Message`] turns a request into bytes, and
//! [`connection::Connection`] is both on a stream, polled by whoever waits. Framing that could be read in two ways is an
//! error. What waits holds no buffers.

mod alarm;
pub(crate) mod body;
mod chunked;
pub(crate) mod connection;
mod error;
mod head;
mod outgoing;
mod read;
mod room;
pub mod server;
pub(crate) mod stream;
mod unsent;
pub(crate) mod write;

pub use body::Piece;
pub use error::Error;
pub use head::Asked;
pub use outgoing::{BodyError, Heading, Outgoing};
pub use read::Reader;

#[cfg(test)]
mod tests;
