//! HTTP/1.1 as it is spoken with callers (RFC 9112): strict about what a request is, one at a time on a connection, without a
//! task or a timer for a request.
//!
//! [`Reader`] turns bytes into requests and does no I/O, [`answer::Answer`] turns an answer into bytes, and
//! [`connection::Connection`] is both on a stream. A request that could be read in two ways is answered with a [`Refusal`] and
//! never handed on. A connection that waits holds no buffers.

mod answer;
pub(crate) mod body;
pub(crate) mod connection;
mod date;
mod head;
mod listen;
mod parting;
mod read;
mod refusal;
mod target;
mod write;

pub use head::Head;
pub use read::Reader;
pub use refusal::Refusal;

#[cfg(test)]
mod tests;
