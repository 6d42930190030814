//! Consistent hashing with bounded load.

use super::choosing::{balancer, candidates, gauges};
use super::world::Dice;
use super::*;

fn asked(hash: u64) -> Asked {
    Asked { hash: Some(hash), ..Asked::default() }
}

/// The homes of many keys, with nothing under way.
fn homes(candidates: &[Candidate<'_>]) -> Vec<u64> {
    let balancer = balancer(Strategy::Sticky);
    let home = |key| candidates[balancer.order(candidates, &asked(key), 0, || 0.5).first().unwrap()].id;
    (0..4000).map(home).collect()
}

#[test]
fn a_key_moves_only_when_its_own_target_leaves() {
    let gauges = gauges(5);
    let all = candidates(&gauges);
    let before = homes(&all);
    let after = homes(&[all[0], all[1], all[3], all[4]]);
    let moved: Vec<_> = before.iter().zip(&after).filter(|(was, is)| was != is).collect();
    assert!(moved.iter().all(|(was, _)| **was == 2));
    assert!((700..900).contains(&moved.len()), "{}", moved.len());
    for heir in [0, 1, 3, 4] {
        let inherited = moved.iter().filter(|(_, is)| **is == heir).count();
        assert!((150..250).contains(&inherited), "the keys that move are spread: {inherited}");
    }
}

#[test]
fn the_order_of_the_candidates_does_not_matter() {
    let gauges = gauges(4);
    let mut all = candidates(&gauges);
    let before = homes(&all);
    all.reverse();
    assert_eq!(homes(&all), before);
}

#[test]
fn no_target_is_ever_over_its_bound() {
    let mut spilled = 0;
    for seed in 0..1000 {
        let mut dice = Dice(seed);
        let count = 2 + (seed % 5) as usize;
        let gauges = gauges(count);
        let mut all = candidates(&gauges);
        for candidate in &mut all {
            candidate.weight = 1 + (dice.bits() % 4) as u32;
        }
        let balancer = balancer(Strategy::Sticky);
        let weights: u32 = all.iter().map(|one| one.weight).sum();
        let mut open: Vec<(usize, Ticket)> = Vec::new();
        for _ in 0..200 {
            if dice.chance() < 0.3 && !open.is_empty() {
                let (target, ticket) = open.swap_remove(dice.bits() as usize % open.len());
                let _ = gauges[target].end(ticket, balancer.watch(), Outcome::Success, 0);
                continue;
            }
            // Half of all requests have the same few keys.
            let key = if dice.chance() < 0.5 { dice.bits() % 2 } else { dice.bits() };
            let order = balancer.order(&all, &asked(key), 0, || 0.5);
            let target = order.first().unwrap();
            let ticket = gauges[target].begin(balancer.watch(), false, 0).ticket.unwrap();
            open.push((target, ticket));
            let fair = open.len() as f64 * f64::from(all[target].weight) / f64::from(weights);
            let bound = (fair * 1.25 + 1e-9).ceil().max(8.0);
            let has = f64::from(gauges[target].in_flight());
            assert!(has <= bound, "seed {seed}: {has} over {bound}");
            spilled += u32::from(matches!(order.why(), Why::Spilled { .. }));
        }
    }
    assert!(spilled > 10_000, "the bound must be reached: {spilled}");
}
