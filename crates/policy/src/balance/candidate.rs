//! A target as one request sees it, and the request as the balancer sees it.

use super::gauge::Gauge;
use super::strategy::Strategy;

/// A target of the pool.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// What is known of it by now.
    pub gauge: &'a Gauge,
    /// A hash of its name, the same in every process: where it stands on the ring of the sticky strategy.
    pub id: u64,
    /// Its weight; 0: only for fail-over, after all others of its tier.
    pub weight: u32,
    /// Lower tiers come first; a higher one is used when all of the lower are out.
    pub tier: u32,
    /// Its region, as a number that the caller gave the name; 0: none.
    pub region: u32,
    /// What this request would cost there, in billionths of a US dollar; `None`: unknown, which comes after all that is known.
    pub price: Option<u64>,
    /// Whether the request fits (context window, modalities). What does not fit is not in the order.
    pub fits: bool,
}

/// What the balancer has to know of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// The hash of what it should stick by: session, user or prompt prefix.
    pub hash: Option<u64>,
    /// The region of this instance, 0: none.
    pub region: u32,
    /// Chooses by another strategy than the pool's.
    pub strategy: Option<Strategy>,
}
