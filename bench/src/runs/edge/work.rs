//! The works of the edge: what is asked, what must come back, and how much CPU it may take beside nginx.

use anyhow::Result;
use bytes::Bytes;

use crate::gateway::edge::{Edge, FILES, Grounds, LARGE_FILE, PROXIED, SMALL_FILE};
use crate::load::{Aim, Measured, ROOM, Span, handshakes, messages, saturate};
use crate::work::Expected;

/// Bytes that are read at once of large bodies: fewer calls for the load generator.
const LARGE_ROOM: usize = 256 * 1024;

/// The path of the WebSocket.
const SOCKET: &str = "/proxy/ws";

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    /// GET of a path whose answer has so many bytes.
    Get { route: &'static str, name: &'static str, length: usize, tls: bool },
    /// A full handshake over a new connection.
    Handshake,
    /// A message there and back.
    Message,
}

/// One work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EdgeWork {
    /// As it stands in tables.
    pub(crate) name: &'static str,
    /// What it is, in half a sentence.
    pub(crate) says: &'static str,
    /// CPU compared with nginx's in the same run, at most; none where no goal is set.
    pub(crate) goal: Option<f64>,
    asks: Asks,
}

/// All of them.
pub(crate) const EDGE_WORKS: &[EdgeWork] = &[
    EdgeWork {
        name: "proxy-1k",
        says: "GET of 1 KiB from the server behind",
        goal: Some(1.15),
        asks: Asks::Get { route: PROXIED, name: "1k", length: 1024, tls: false },
    },
    EdgeWork {
        name: "proxy-100k",
        says: "GET of 100 KiB from the server behind",
        goal: Some(1.15),
        asks: Asks::Get { route: PROXIED, name: "100k", length: 100 * 1024, tls: false },
    },
    EdgeWork {
        name: "static-1k",
        says: "GET of a file of 1 KiB",
        goal: None,
        asks: Asks::Get { route: FILES, name: SMALL_FILE.0, length: SMALL_FILE.1, tls: false },
    },
    EdgeWork {
        name: "static-1m",
        says: "GET of a file of 1 MiB",
        goal: None,
        asks: Asks::Get { route: FILES, name: LARGE_FILE.0, length: LARGE_FILE.1, tls: false },
    },
    EdgeWork {
        name: "handshake",
        says: "a new connection, a full TLS 1.3 handshake, closed again",
        goal: Some(1.0),
        asks: Asks::Handshake,
    },
    EdgeWork {
        name: "tls-1k",
        says: "as proxy-1k, under TLS 1.3, keep-alive",
        goal: Some(1.0),
        asks: Asks::Get { route: PROXIED, name: "1k", length: 1024, tls: true },
    },
    EdgeWork {
        name: "websocket",
        says: "a message of 64 bytes there and back",
        goal: Some(1.15),
        asks: Asks::Message,
    },
];

impl EdgeWork {
    /// Where and how to ask.
    pub(super) fn aim(&self, edge: &Edge, grounds: &Grounds) -> Aim {
        let (path, length, tls) = match self.asks {
            Asks::Get { route, name, length, tls } => (format!("{route}{name}"), length, tls),
            Asks::Handshake => (String::new(), 0, true),
            Asks::Message => (SOCKET.to_owned(), 0, false),
        };
        let address = if tls { edge.secured } else { edge.plain };
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: localhost:{}\r\nuser-agent: bench/1.0\r\naccept: */*\r\n\r\n",
            address.port()
        );
        Aim {
            address,
            request: Bytes::from(request),
            expected: Expected { events: None, end: b"", length: Some(length) },
            tls: tls.then(|| grounds.client.clone()),
            room: if length > ROOM { LARGE_ROOM } else { ROOM },
        }
    }

    /// As fast as answers come.
    pub(crate) async fn saturate(&self, edge: &Edge, grounds: &Grounds, span: Span) -> Result<Measured> {
        let (aim, gateway) = (self.aim(edge, grounds), Some(&edge.process));
        match self.asks {
            Asks::Get { .. } => saturate(&aim, span, gateway).await,
            Asks::Handshake => handshakes(&aim, span, gateway).await,
            Asks::Message => messages(aim.address, SOCKET, span, gateway).await,
        }
    }
}
