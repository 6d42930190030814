//! The edge: routes that proxy, serve files, redirect or answer by themselves, and those that lead to the AI gateway under another path.
//!
//! A request's way is that of every request: [`visit`] (who asks whom for what, in one spelling) → [`answer`] (the route) →
//! [`checks`] (addresses, sign-in, limits) → [`cache`], [`pass`] or [`files`] → [`body`] (relayed as it comes) → `settle`. The decisions are
//! `policy::edge`'s; here they get sockets, files and a clock.

pub mod answer;
pub mod body;
pub mod cache;
pub mod checks;
pub mod collected;
pub mod error;
pub mod files;
pub mod finish;
pub mod lookup;
pub mod own;
pub mod pack;
pub mod pass;
pub mod passage;
pub mod probe;
pub mod read_ahead;
pub mod seen;
pub mod site;
pub mod switch;
pub mod upload;
pub mod upstream;
pub mod visit;

pub use collected::BufferRules;
pub use error::EdgeError;
pub use lookup::{Lookup, Roots, Seed};
pub use passage::Passage;
pub use probe::ServersProbe;
pub use site::{Action, BasicDoor, HostSent, Proxy, Route, Site};
pub use upstream::{Member, Server, Upstream};
