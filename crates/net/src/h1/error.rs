//! Why an exchange on a connection failed.

use super::outgoing::BodyError;

/// Why an exchange on a connection failed. Nothing more can be asked on it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection was closed before a byte of the answer had come.
    #[error("the upstream closed the connection before it answered")]
    Closed,
    /// The connection was closed before the answer's end.
    #[error("the upstream closed the connection in the middle of its answer")]
    Cut,
    /// The network, or TLS.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// Not an answer as RFC 9112 has it, or one whose end is not certain.
    #[error("the upstream's answer is malformed: {0}")]
    Malformed(&'static str),
    /// More of something than anybody needs.
    #[error("the upstream's answer is out of bounds: {0}")]
    TooLarge(&'static str),
    /// The body of the request could not be read to its end.
    #[error("the request's body failed: {0}")]
    Request(#[source] BodyError),
}

impl Error {
    /// Whether the connection broke, rather than that somebody said something wrong on it.
    pub(crate) fn is_breakage(&self) -> bool {
        matches!(self, Self::Closed | Self::Cut | Self::Io(_))
    }
}
