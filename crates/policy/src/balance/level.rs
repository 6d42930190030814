//! Levels: tiers, and regions within them. A later level is used when all of the earlier ones are out.

use std::cmp::Ordering;

use super::candidate::Candidate;
use super::order::{Place, Ranked};

/// The distance of a region that nobody has measured.
const UNKNOWN: f32 = f32::MAX;

/// Numbers the regions by how near they are: the own one first, then by measured round trips, then those without measurements.
pub(crate) fn set_nearness(ranked: &mut [Ranked], candidates: &[Candidate<'_>], own: u32) {
    let Some(first) = candidates.first() else { return };
    if candidates.iter().all(|candidate| candidate.region == first.region) {
        return;
    }
    if ranked.iter().any(|one| one.place == Place::Panic) {
        return;
    }
    let distance = |region: u32| {
        if region == own {
            return (0.0, 0);
        }
        let times = candidates.iter().filter(|one| one.region == region).map(|one| one.gauge.round_trip());
        (times.filter(|time| *time > 0.0).fold(UNKNOWN, f32::min), region)
    };
    let mut regions: Vec<(f32, u32)> = Vec::with_capacity(4);
    for candidate in candidates {
        let one = distance(candidate.region);
        if !regions.contains(&one) {
            regions.push(one);
        }
    }
    regions.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    for one in ranked.iter_mut() {
        let region = candidates[one.index as usize].region;
        let region = if region == own { 0 } else { region };
        one.near = regions.iter().position(|known| known.1 == region).unwrap_or(0) as u32;
    }
}

/// Sorts by usability, tier, reserve, nearness, key; those in reserve stay in the order in which they were written. Gives the number of the usable.
pub(crate) fn sort(ranked: &mut [Ranked]) -> usize {
    ranked.sort_unstable_by(compare);
    ranked.iter().take_while(|one| one.is_usable()).count()
}

fn compare(a: &Ranked, b: &Ranked) -> Ordering {
    let flags = |one: &Ranked| (!one.is_usable(), one.tier, one.reserve, one.near);
    let written = || if a.reserve { a.index.cmp(&b.index) } else { Ordering::Equal };
    flags(a)
        .cmp(&flags(b))
        .then_with(written)
        .then_with(|| a.key.total_cmp(&b.key))
        .then_with(|| a.tie.cmp(&b.tie))
}

/// How many at the front are of the first one's level.
pub(crate) fn first_level(ranked: &[Ranked]) -> usize {
    let Some(first) = ranked.first() else { return 0 };
    ranked.iter().take_while(|one| is_same_level(one, first)).count()
}

fn is_same_level(a: &Ranked, b: &Ranked) -> bool {
    (a.tier, a.reserve, a.near) == (b.tier, b.reserve, b.near)
}

/// Brings the level whose turn it is to the front: the first, unless all its targets are only just coming back and the draw says that the next
/// one still helps out. True if it is not the first.
pub(crate) fn give_back_gently(ranked: &mut [Ranked], mut chance: impl FnMut() -> f64) -> bool {
    if ranked.first().is_some_and(|first| first.is_open() && first.share >= 1.0) {
        return false;
    }
    let mut start = 0;
    while start < ranked.len() {
        let end = start + first_level(&ranked[start..]);
        let share =
            ranked[start..end].iter().filter(|one| one.is_open()).map(|one| one.share).fold(0.0, f32::max);
        // Where only trials are possible, others must carry the load.
        if share >= 1.0 || (share > 0.0 && chance() < f64::from(share)) {
            ranked[..end].rotate_right(end - start);
            return start > 0;
        }
        start = end;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::{Asked, Balancer, Candidate, Gauge};

    #[test]
    fn targets_in_reserve_are_asked_in_the_order_in_which_they_are_written() {
        let gauges: Vec<Gauge> = (0..5).map(|_| Gauge::default()).collect();
        let weights = [0, 7, 0, 1, 0];
        let candidates: Vec<_> = gauges
            .iter()
            .zip(weights)
            .map(|(gauge, weight)| Candidate {
                gauge,
                id: 0,
                weight,
                tier: 0,
                region: 0,
                price: None,
                fits: true,
            })
            .collect();
        let mut step = 0.0;
        for _ in 0..100 {
            let chance = || {
                step = (step + 0.618) % 1.0;
                step
            };
            let order = Balancer::default().order(&candidates, &Asked::default(), 0, chance);
            let order: Vec<usize> = order.usable().collect();
            assert_eq!(order[2..], [0, 2, 4]);
        }
    }
}
