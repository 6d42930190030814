//! Sockets: listeners, the HTTP server and its drain, upstream lanes. Floor 2: knows bytes and time, nothing of models.

pub mod drain;
pub mod h1;
pub mod lane;
pub mod listen;
pub mod origin;
pub mod serve;
pub mod tls;

pub use drain::Drain;
pub use h1::{Outgoing, Upgraded};
pub use lane::{Connector, LaneAnswer, LaneBody, LaneError, LaneLimits, LanePool};
pub use origin::{Origin, OriginError};
pub use serve::{Handler, Peer, ServeLimits, serve};
