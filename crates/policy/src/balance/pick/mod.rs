//! The strategies: what is compared, and which of the nearest level comes first.

mod keys;
mod sticky;

use std::sync::atomic::Ordering::Relaxed;

use super::balancer::Making;
use super::level;
use super::order::{Place, Ranked, Why};
use super::strategy::Strategy;

pub(crate) use keys::set_keys;

/// The turn's step on the circle from 0 to 1: the golden ratio, whose multiples fall evenly however the circle is cut.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// Puts the choice first among the usable, which are sorted, and says why it is.
pub(crate) fn choose(
    making: &Making<'_, '_>,
    ranked: &mut [Ranked],
    chance: &mut impl FnMut() -> f64,
) -> Why {
    let strategy = making.strategy();
    if ranked.is_empty() {
        return Why::Nobody;
    }
    let has_trial = ranked.iter().any(|one| one.place == Place::Trial);
    let why = if strategy.has_ranks() {
        by_rank(ranked, chance, strategy)
    } else {
        let gives_back = level::give_back_gently(ranked, &mut *chance);
        let count = level::first_level(ranked);
        let open = ranked[..count].iter().filter(|one| one.is_open()).count();
        let why = within(making, &mut ranked[..open], chance);
        if gives_back { Why::GivingBack } else { why }
    };
    if has_trial && !strategy.has_ranks() {
        bring_trial(ranked);
    }
    if ranked[0].place == Place::Trial { Why::Trial } else { why }
}

/// A trial of a target no worse placed than the choice goes first, or it would never be tried.
fn bring_trial(ranked: &mut [Ranked]) {
    let choice = ranked[0];
    let is_due = |one: &Ranked| {
        one.place == Place::Trial
            && (one.tier, one.reserve, one.near) <= (choice.tier, choice.reserve, choice.near)
    };
    if let Some(place) = ranked.iter().position(is_due) {
        ranked[..=place].rotate_right(1);
    }
}

/// The first by rank, unless it is only just coming back and the draw says that the next still helps out.
fn by_rank(ranked: &mut [Ranked], chance: &mut impl FnMut() -> f64, strategy: Strategy) -> Why {
    let mut draw = |one: &Ranked| !one.is_open() || one.share >= 1.0 || chance() < f64::from(one.share);
    let place = ranked.iter().position(&mut draw).unwrap_or(0);
    ranked[..=place].rotate_right(1);
    match place {
        0 if ranked.len() == 1 => Why::Only,
        0 => Why::of(strategy),
        _ => Why::GivingBack,
    }
}

/// The choice within one level, whose members are open to everybody and sorted by key.
fn within(making: &Making<'_, '_>, level: &mut [Ranked], chance: &mut impl FnMut() -> f64) -> Why {
    let strategy = making.strategy();
    if level.len() < 2 {
        return Why::Only;
    }
    if level[0].reserve {
        return Why::Rank;
    }
    match strategy {
        Strategy::RoundRobin => {
            let turn = making.balancer.turn.fetch_add(1, Relaxed);
            take_turn(level, turn);
        }
        Strategy::Latency => return quicker_of_two(level, chance),
        Strategy::Sticky if making.asked.hash.is_some() => return sticky::bounded(making, level),
        Strategy::Sticky => return Why::Drawn,
        _ => {}
    }
    Why::of(strategy)
}

/// Equal weights: each in its turn. Else: turns in proportion to the weights, well mixed.
fn take_turn(level: &mut [Ranked], turn: u64) {
    let weight = level[0].weight;
    let place = if level.iter().all(|one| one.weight == weight) {
        (turn % level.len() as u64) as usize
    } else {
        let sum: f64 = level.iter().map(|one| f64::from(one.weight)).sum();
        let mut mark = (turn as f64 * GOLDEN).fract() * sum;
        let reached = level.iter().position(|one| {
            mark -= f64::from(one.weight);
            mark < 0.0
        });
        reached.unwrap_or(level.len() - 1)
    };
    level.rotate_left(place);
}

/// Power of two choices: the quicker of two different ones drawn by chance. The rest stays sorted.
fn quicker_of_two(level: &mut [Ranked], chance: &mut impl FnMut() -> f64) -> Why {
    let count = level.len();
    let draw = |chance: f64, of: usize| ((chance * of as f64) as usize).min(of - 1);
    let one = draw(chance(), count);
    let mut other = draw(chance(), count - 1);
    other += usize::from(other >= one);
    // Sorted by key: the smaller place is the quicker one.
    let (winner, loser) = (one.min(other), one.max(other));
    let than = level[loser].index;
    level[..=winner].rotate_right(1);
    Why::Quicker { than }
}
