//! What strategies and breakers do together, over many requests and seeds.

use super::world::{Conduct, SECOND, Target, World};
use super::*;
use crate::health::Event;

const BALANCING: [Strategy; 7] = [
    Strategy::Weighted,
    Strategy::RoundRobin,
    Strategy::LeastConnections,
    Strategy::Latency,
    Strategy::Headroom,
    Strategy::Sticky,
    Strategy::Load,
];

fn targets(count: usize) -> Vec<Target> {
    (0..count).map(|_| Target::new()).collect()
}

#[test]
fn equal_targets_get_equal_shares_by_every_strategy() {
    for strategy in BALANCING {
        for seed in 0..20 {
            let mut world = World::new(strategy, targets(3), seed);
            world.run(100.0, 30 * SECOND);
            for target in 0..3 {
                let share = world.share(target, 0, i64::MAX);
                assert!((0.28..0.39).contains(&share), "{strategy} seed {seed}: {share}");
            }
        }
    }
}

#[test]
fn weights_are_kept_by_every_strategy_that_knows_them() {
    use Strategy::{Headroom, RoundRobin, Sticky, Weighted};
    for strategy in [Weighted, RoundRobin, Headroom, Sticky] {
        for seed in 0..20 {
            let mut world = World::new(strategy, targets(3), seed);
            for (target, weight) in world.targets.iter_mut().zip([1, 2, 7]) {
                target.weight = weight;
            }
            world.run(100.0, 30 * SECOND);
            for (target, share) in [0.1, 0.2, 0.7].into_iter().enumerate() {
                let got = world.share(target, 0, i64::MAX);
                assert!((got - share).abs() < 0.06, "{strategy} seed {seed}: {got} for {share}");
            }
        }
    }
}

fn with_a_bad_one(strategy: Strategy, conduct: Conduct, seed: u64) -> World {
    let bad = Target::behaving(&[(0, conduct)]);
    let mut world = World::new(strategy, vec![Target::new(), bad, Target::new()], seed);
    world.run(60.0, 70 * SECOND);
    world
}

#[test]
fn a_bad_target_gets_under_two_percent_after_five_seconds() {
    let conducts = [Conduct::TenTimesSlow, Conduct::Failing(0.3), Conduct::BlackHole, Conduct::Resetting];
    for strategy in BALANCING {
        for conduct in conducts {
            let mut shares = 0.0;
            for seed in 0..6 {
                let world = with_a_bad_one(strategy, conduct, seed);
                shares += world.share(1, 5 * SECOND, i64::MAX) / 6.0;
                // What breaks off after the first token cannot be repeated.
                let must_succeed = conduct != Conduct::Resetting;
                assert!(
                    !must_succeed || world.success() >= 0.999,
                    "{strategy} {conduct:?}: {}",
                    world.success()
                );
            }
            assert!(shares < 0.02, "{strategy} {conduct:?}: {shares}");
        }
    }
}

#[test]
fn two_choices_are_within_a_tenth_of_the_least_loaded() {
    let mean = |strategy| {
        let one = |seed| {
            let mut world = World::new(strategy, targets(3), seed);
            world.rest = 4.0;
            world.targets.iter_mut().for_each(|target| target.slots = 16);
            // Of 48 places a second each holds one request: 80 % are taken.
            world.run(0.8 * 48.0, 60 * SECOND);
            world.mean_time()
        };
        (0..30).map(one).sum::<f64>() / 30.0
    };
    let (ideal, two, blind) =
        (mean(Strategy::LeastConnections), mean(Strategy::Latency), mean(Strategy::Weighted));
    assert!(two < ideal * 1.1, "{two} against {ideal}");
    assert!(blind > ideal * 1.02, "the load must matter: {blind} against {ideal}");
}

#[test]
fn a_target_that_comes_back_is_not_run_over() {
    for strategy in BALANCING {
        let mut first_seconds = 0.0;
        for seed in 0..6 {
            let ill = Target::behaving(&[
                (0, Conduct::Well),
                (10 * SECOND, Conduct::Failing(1.0)),
                (20 * SECOND, Conduct::Well),
            ]);
            let mut world = World::new(strategy, vec![Target::new(), ill, Target::new()], seed);
            world.run(60.0, 70 * SECOND);
            let back = world.events.iter().find(|(_, target, event)| *target == 1 && *event == Event::Closed);
            let back = back.expect("it comes back").0;
            assert!(back < 45 * SECOND, "{strategy} seed {seed}: back at {back}");
            first_seconds += world.share(1, back, back + 2 * SECOND) / 6.0;
            for second in 0..15 {
                let from = back + second * SECOND;
                let share = world.share(1, from, from + SECOND);
                assert!(share < 0.55, "{strategy} seed {seed}: {share} in second {second}");
            }
            let at_last = world.share(1, back + 12 * SECOND, i64::MAX);
            assert!((0.2..0.5).contains(&at_last), "{strategy} seed {seed}: {at_last} at last");
        }
        assert!(first_seconds < 0.15, "{strategy}: {first_seconds} in the first two seconds");
    }
}

#[test]
fn a_lower_tier_is_used_only_when_all_of_the_higher_are_out() {
    for strategy in Strategy::ALL {
        let ill = [(0, Conduct::Well), (10 * SECOND, Conduct::Failing(1.0)), (30 * SECOND, Conduct::Well)];
        let mut all = vec![Target::behaving(&ill), Target::behaving(&ill), Target::new()];
        all[2].tier = 1;
        let mut world = World::new(strategy, all, 7);
        world.run(60.0, 120 * SECOND);
        assert_eq!(world.share(2, 0, 10 * SECOND), 0.0, "{strategy}");
        assert!(world.share(2, 15 * SECOND, 30 * SECOND) > 0.98, "{strategy}");
        assert_eq!(world.share(2, 100 * SECOND, i64::MAX), 0.0, "{strategy}");
        assert_eq!(world.success(), 1.0, "{strategy}");
    }
}

#[test]
fn the_next_region_takes_over_and_gives_back_gently() {
    for strategy in BALANCING {
        let ill = [(0, Conduct::Well), (20 * SECOND, Conduct::BlackHole), (50 * SECOND, Conduct::Well)];
        let mut all = vec![Target::new(), Target::behaving(&ill), Target::new(), Target::behaving(&ill)];
        for (target, (region, distance)) in all.iter_mut().zip([(3, 90), (1, 1), (2, 30), (1, 1)]) {
            target.region = region;
            target.gauge.told_round_trip(std::time::Duration::from_millis(distance), 0);
        }
        let mut world = World::new(strategy, all, 11);
        world.region = 1;
        world.run(60.0, 200 * SECOND);
        let own = |from, to| world.share(1, from, to) + world.share(3, from, to);
        assert_eq!(own(0, 20 * SECOND), 1.0, "{strategy}");
        // Within one breaker interval, to the nearer of the other two.
        assert!(world.share(2, 26 * SECOND, 50 * SECOND) > 0.95, "{strategy}");
        assert_eq!(world.share(0, 0, i64::MAX), 0.0, "{strategy}");
        let closed = |(at, _, event): &(i64, usize, Event)| (*event == Event::Closed).then_some(*at);
        let back = world.events.iter().find_map(closed).expect("it comes back");
        assert!(own(back, back + 2 * SECOND) < 0.35, "{strategy}: {}", own(back, back + 2 * SECOND));
        assert!((0.2..0.8).contains(&own(back + 4 * SECOND, back + 6 * SECOND)), "{strategy}");
        assert!(own(back + 11 * SECOND, i64::MAX) > 0.98, "{strategy}");
        assert!(world.success() >= 0.999, "{strategy}: {}", world.success());
    }
}

#[test]
fn when_all_are_dead_the_first_that_recovers_is_soon_found() {
    for strategy in BALANCING {
        let ill = |until| Target::behaving(&[(0, Conduct::Failing(1.0)), (until, Conduct::Well)]);
        let mut world = World::new(strategy, vec![ill(200 * SECOND), ill(12 * SECOND), ill(200 * SECOND)], 3);
        world.run(60.0, 40 * SECOND);
        let good = |from: i64, to: i64| {
            let of_time = world.done.iter().filter(|done| (from..to).contains(&done.arrived));
            of_time.clone().filter(|done| done.good).count() as f64 / of_time.count() as f64
        };
        assert_eq!(good(0, 11 * SECOND), 0.0, "{strategy}");
        assert_eq!(
            good(17 * SECOND, 40 * SECOND),
            1.0,
            "{strategy}: trials reach it long before its breaker's time"
        );
    }
}
