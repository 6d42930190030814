//! One caller's burst and the others.

use super::*;
use crate::overload::Class;

/// Jain's index: 1 when all have the same, 1/n when one has all.
fn jain(shares: &[f64]) -> f64 {
    let sum: f64 = shares.iter().sum();
    sum * sum / (shares.len() as f64 * shares.iter().map(|share| share * share).sum::<f64>())
}

#[test]
fn one_callers_burst_does_not_starve_the_others() {
    for seed in 0..8 {
        // 30 a second can be done; nine ask for 3 each, one for 300.
        let mut callers: Vec<Caller> =
            (0..10).map(|name| Caller { class: Class::Normal, name, rate: 3.0, patience: 10.0 }).collect();
        callers[0].rate = 300.0;
        let mut world = World::new(Provider { slots: 6, service: 0.2, refuses: false }, callers, seed);
        world.run_to(120.0);
        let shares: Vec<f64> =
            (0..10).map(|name| world.share(20.0, 100.0, |one| one.caller == name).0 as f64).collect();
        assert!(jain(&shares) > 0.97, "{shares:?}");
        // The others get what they asked for, within the scatter of chance.
        assert!(shares[1..].iter().all(|share| *share > 0.7 * 3.0 * 80.0), "{shares:?}");
        let (served, asked) = world.share(20.0, 100.0, |one| one.caller != 0);
        assert!(served as f64 > 0.93 * asked as f64, "{served} of {asked}");
    }
}
