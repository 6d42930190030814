//! Sockets: listeners, the HTTP server and its drain, upstream lanes. Floor 2: knows bytes and time, nothing of models.

pub mod acme;
mod ahead;
pub mod drain;
pub mod h1;
pub mod handover;
mod incoming;
pub mod lane;
pub mod listen;
pub mod names;
pub mod origin;
pub mod pace;
pub mod serve;
pub mod tls;
pub mod tunnel;
pub mod upgrade;

pub use ahead::{Ahead, Duplex, Upgraded};
pub use drain::Drain;
pub use h1::{Heading, Outgoing};
pub use incoming::{Fault, Incoming, IncomingError};
pub use lane::{
    Connected, Connector, LaneAnswer, LaneBody, LaneError, LaneLimits, LaneOptions, LanePool, LaneProtocol,
};
pub use origin::{Origin, OriginError};
pub use serve::{Answering, Door, Handler, Pace, Peer, Seats, ServeLimits, Trust, boxed, serve};
pub use tls::{Certificates, Challenges, TlsServer, TlsSettings};
