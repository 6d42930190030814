//! How lanes to an origin are opened.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::tls::UpstreamTls;

/// Which version of HTTP is spoken on lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LaneProtocol {
    /// HTTP/1.1, one request at a time on each connection.
    #[default]
    Http1,
    /// HTTP/2: under TLS by ALPN, in the clear without being asked ("prior knowledge", RFC 9113 section 3.3).
    Http2,
    /// What the upstream picks by ALPN; HTTP/1.1 in the clear.
    Offered,
}

/// How lanes to an origin are opened. Pools with the same origin and other options share no lanes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LaneOptions {
    /// The version of HTTP.
    pub protocol: LaneProtocol,
    /// The address that is connected to, instead of those of the origin's host.
    pub address: Option<SocketAddr>,
    /// A Unix socket that is connected to, instead of the origin's host and port.
    pub socket: Option<PathBuf>,
    /// Trust and certificates other than the system's.
    pub tls: Option<UpstreamTls>,
    /// The host whose certificate the upstream must show, if not the origin's.
    pub server_name: Option<String>,
    /// Most requests that are open at once on one HTTP/2 connection; beyond that another connection is opened. The upstream's
    /// own limit holds beside it.
    pub streams: usize,
    /// Most HTTP/2 connections. When all of them are full, requests wait for the upstream's leave on the one with the fewest.
    pub connections: usize,
}

impl Default for LaneOptions {
    fn default() -> Self {
        Self {
            protocol: LaneProtocol::default(),
            address: None,
            socket: None,
            tls: None,
            server_name: None,
            streams: 100,
            connections: 16,
        }
    }
}
