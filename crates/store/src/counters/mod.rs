//! Counters of limits, of one instance or shared by several through Redis: a [`Limiter`] grants claims and gives [`Reservation`]s.
//!
//! # One call
//! All claims of a request are decided on by one script in Redis (`lua/reserve.lua`), so a request costs one round trip, and nobody comes
//! between two of its limits. In a cluster a script may only touch keys of one slot; therefore all keys begin with the same hash tag,
//! `tg:{PREFIX}:`, and live on one node. That node's one core bounds what a prefix can do; other prefixes may be on other nodes. The
//! script makes the decisions of [`tidegate_policy::limit::Counters`], by the time of Redis: clocks of instances do not matter. Numbers
//! in it are exact up to 2^53. Every key ends by itself when its window and leases are over; `maxmemory-policy` should be `noeviction`.
//!
//! # Everything else is told in the background
//! Settlements, releases and renewed leases go to Redis in numbered batches, which it does once however often they are sent. What
//! does not fit or cannot be sent is summed up by counter and part of its window. A process that dies leaves what it held to its lease,
//! and loses the settlements of its last moments (those are in the ledger).
//!
//! # Redis slow or away
//! No request waits longer than the time limit. After three failures in a row (slow, broken, `LOADING`, `READONLY`, `MOVED` without end: all
//! the same) requests go past Redis at once, and one probe at a time looks for it. Meanwhile each of `N` instances decides by itself
//! on its share of every limit, `S = max(1, L / N)`, with its own use, which it counts all the time: it does not begin anew.
//!
//! **The bound.** In a window of limit `L`, `U <= L` was used when Redis went away, `u(i)` of it by instance `i`. Afterwards instance `i` admits
//! until it has `max(u(i), S)`. In that window
//!
//! > admitted <= sum of max(u(i), S) <= U + sum of max(0, S - u(i)) <= L + (N - 1) * S < 2 * L (for `L >= N`)
//!
//! The worst case is one instance that had used everything; with even load it is `L`. In windows that begin while Redis is away it
//! is `N * S <= max(L, N)`. It takes that `N` is right: instances that Redis has never seen do not know of each other, and one that started
//! while Redis was away thinks that it is alone unless [`RedisRules::instances`] says otherwise. As everywhere, what is used beyond what
//! was claimed comes on top. Calls that ran into the time limit may have been counted by Redis and here too, which errs to the other side: at
//! most what was under way when it went away.
//!
//! **Back again** Redis is told everything first and decides then. One that comes back empty has another epoch (`tg:{PREFIX}:epoch`): each
//! instance puts back what it used in windows that still run and what it holds, and goes on by itself for a second and a half, in which
//! the others do the same. What instances used that are gone meanwhile is lost with Redis; so is, with a Redis that restores an old
//! snapshot, what came after it.

mod breaker;
mod clock;
mod counter;
mod hints;
mod keeper;
mod limiter;
mod link;
mod living;
mod outbox;
mod own;
mod remote;
mod rules;
mod script;
mod shares;
#[cfg(test)]
mod tests;

pub use clock::Clock;
pub use hints::{Hints, Open};
pub use limiter::{Limiter, Reservation};
pub use rules::{CounterHealth, OnFailure, PlaceError, RedisPlace, RedisRules, RedisState};
