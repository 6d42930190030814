//! What each strategy compares. Less is better.

use super::super::balancer::Making;
use super::super::candidate::Candidate;
use super::super::order::Ranked;
use super::super::strategy::Strategy;
use super::sticky;

/// What cannot be compared comes last.
const LAST: f32 = f32::MAX;
/// Under this share of a rate limit nothing more is sent while others have more.
const LEAST_HEADROOM: f32 = 0.01;

/// Sets the keys by the strategy. Targets that wait for a trial come last in their level, where ranks are not fixed.
pub(crate) fn set_keys(making: &Making<'_, '_>, ranked: &mut [Ranked], chance: &mut impl FnMut() -> f64) {
    let strategy = making.strategy();
    let count = ranked.len().max(1) as u32;
    // Among equals each is the first as often as the others.
    let start = match strategy {
        Strategy::Priority | Strategy::RoundRobin => 0,
        _ => (chance() * f64::from(count)) as u32,
    };
    for one in ranked.iter_mut() {
        one.tie = (one.index + start) % count;
        if !one.is_usable() {
            continue;
        }
        let candidate = &making.candidates[one.index as usize];
        one.key = if one.is_open() || strategy.has_ranks() {
            key(making, strategy, candidate, one, chance)
        } else {
            LAST
        };
    }
}

fn key(
    making: &Making<'_, '_>,
    strategy: Strategy,
    candidate: &Candidate<'_>,
    one: &mut Ranked,
    chance: &mut impl FnMut() -> f64,
) -> f32 {
    if one.is_open() && one.weight <= 0.0 {
        // In a panic a broken target has its weight again.
        one.weight = candidate.weight.max(1) as f32;
    }
    let gauge = candidate.gauge;
    let open = (gauge.in_flight() + 1) as f32 / one.weight;
    match strategy {
        Strategy::Priority => one.index as f32,
        Strategy::RoundRobin => one.index as f32,
        Strategy::Weighted => drawn(one.weight, chance()),
        Strategy::LeastConnections => open,
        Strategy::Latency => {
            let time = gauge.faded_first_token(making.decay, making.now).unwrap_or(making.usual);
            time.max(1.0) * open
        }
        Strategy::Cost => candidate.price.map_or(LAST, |price| price as f32),
        Strategy::Headroom => {
            let share = gauge.headroom(making.now);
            let last = if share < LEAST_HEADROOM { LAST / 2.0 } else { 0.0 };
            last + drawn(one.weight * share.max(LEAST_HEADROOM), chance())
        }
        Strategy::Sticky => match making.asked.hash {
            Some(hash) => sticky::place(hash, candidate.id, one.weight),
            None => drawn(one.weight, chance()),
        },
        Strategy::Load => (gauge.load(making.now) + 1.0) / one.weight,
    }
}

/// A key whose smallest falls to each in proportion to its weight: an exponential time of that rate.
pub(crate) fn drawn(weight: f32, chance: f64) -> f32 {
    -(1.0 - chance as f32).max(f32::MIN_POSITIVE).ln() / weight.max(f32::MIN_POSITIVE)
}
