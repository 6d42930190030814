//! Which target of a pool is asked, and in which order the others are, should it fail.
//!
//! A [`Gauge`] is what is known of one target by now and outlives reloads; a [`Candidate`] is a target as one request sees it; the [`Balancer`] of a
//! pool puts candidates into an [`Order`] that says why. Moments (`now`) are microseconds of one clock.

mod balancer;
mod candidate;
mod ewma;
mod gauge;
mod level;
mod order;
mod pick;
mod reading;
mod report;
mod strategy;
#[cfg(test)]
mod tests;

pub use balancer::{Balancer, Rules, Watch};
pub use candidate::{Asked, Candidate};
pub use gauge::{Begun, Gauge, Outcome, Ticket};
pub use order::{Order, Place, Ranked, Why};
pub use report::Report;
pub use strategy::{Strategy, UnknownStrategy};
