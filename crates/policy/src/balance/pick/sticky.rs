//! Consistent hashing with bounded load (Mirrokni, Thorup, Zadimoghaddam, 2016), over weighted rendezvous hashing: pools are small, and so a key
//! moves only when its own target leaves, or comes.

use super::super::balancer::Making;
use super::super::order::{Ranked, Why};
use super::keys::drawn;

/// Where a target stands for a hash: the smallest is its home. By weight.
pub(crate) fn place(hash: u64, id: u64, weight: f32) -> f32 {
    let mixed = mix(hash ^ mix(id));
    // 24 bits are what an f32 holds.
    drawn(weight, (mixed >> 40) as f64 / (1u64 << 24) as f64)
}

/// The finalizer of SplitMix64: every bit of the input moves every bit of the output.
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The first in the hash's order that is not full.
pub(crate) fn bounded(making: &Making<'_, '_>, level: &mut [Ranked]) -> Why {
    let in_flight = |one: &Ranked| making.candidates[one.index as usize].gauge.in_flight();
    let all: u32 = level.iter().map(in_flight).sum();
    let weights: f64 = level.iter().map(|one| f64::from(one.weight)).sum();
    let rules = &making.balancer.rules;
    let has_room = |one: &Ranked| {
        in_flight(one) < bound(rules.bound, rules.bound_least, all, f64::from(one.weight) / weights)
    };
    let place = level.iter().position(has_room).unwrap_or(0);
    let home = level[0].index;
    level[..=place].rotate_right(1);
    if place == 0 { Why::Kept } else { Why::Spilled { from: home } }
}

/// How many open requests a target with this share of the weights may have when there are `all`, with the new one among them.
pub(crate) fn bound(bound: f64, least: u32, all: u32, share: f64) -> u32 {
    let fair = (f64::from(all) + 1.0) * share;
    ((bound.max(1.0) * fair).ceil() as u32).max(least)
}
