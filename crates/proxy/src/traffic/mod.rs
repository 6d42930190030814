//! Stop 5, the traffic: which target is asked, whether it has room, and what is learnt from how it went.
//!
//! The decisions are `policy::{balance, health, overload, budget, hedge}`; here they get a clock, tasks that wait, and something
//! that gives back what was taken when it is dropped.

mod conduct;
mod credentials;
mod decisions;
mod engaged;
mod fetch;
mod gate;
mod headroom;
mod live;
mod load;
mod probe;
mod render;
mod steer;
mod verdict;
mod wish;

pub use conduct::Conduct;
pub use credentials::{KeyRing, KeyTable, ask_in_turn};
pub use decisions::{Decision, Decisions};
pub use engaged::Engaged;
pub use gate::{GateRules, Place, enter, try_enter};
pub use live::{Live, LiveTable};
pub use load::{LoadJob, MetricsSource, read_metrics};
pub(crate) use probe::ProbeTarget;
pub use probe::{Expected, ProbeJob, ProbeRules};
pub use steer::Steer;
pub use verdict::verdict;
pub use wish::{Sticky, Wish, address_hash, caller_hash, class_of};
