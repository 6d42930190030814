//! Who is at the other end of a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::tls::Secured;

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The peer's address: as a PROXY header from a trusted sender tells it, otherwise as the socket does. On a Unix socket
    /// without such a header it is 127.0.0.1 with port 0.
    pub address: SocketAddr,
    /// Who sent the PROXY header, where one was sent.
    pub via: Option<SocketAddr>,
    /// What the handshake has shown; `None` in the clear.
    pub secured: Option<Arc<Secured>>,
}

impl Peer {
    /// A peer in the clear.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, via: None, secured: None }
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.secured.is_some() { "https" } else { "http" }
    }
}
