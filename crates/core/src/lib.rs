//! The words that everyone shares: secrets, ids, money, faults. Floor 0: imports nothing of the house.

pub mod digits;
pub mod fault;
pub mod id;
pub mod json;
pub mod money;
pub mod pieces;
pub mod secret;

pub use fault::FaultKind;
pub use id::RequestId;
pub use money::NanoUsd;
pub use secret::Secret;
