//! The night of the outage: traffic ×20 within a minute, while the provider's capacity drops to a tenth.

use super::*;
use crate::overload::Class;

/// Seconds: the rush begins, is there, ends.
const RUSH: (i32, i32, i32) = (20, 80, 140);

/// An evening at ease: five a second are asked, of which one in fifty is of high class.
fn evening(seed: u64, provider: Provider, patience: f64) -> World {
    let caller = |class, name, rate| Caller { class, name, rate, patience };
    let callers = vec![
        caller(Class::High, 1, 0.1),
        caller(Class::Normal, 2, 2.0),
        caller(Class::Normal, 3, 2.0),
        caller(Class::Low, 4, 0.9),
    ];
    World::new(provider, callers, seed)
}

/// The rush, up to its end; `service` is the provider's in the end.
fn rush(world: &mut World, service: f64) {
    let (begin, full, end) = RUSH;
    let (slots, first) = (world.provider.slots as f64, world.provider.service);
    world.run_to(f64::from(begin));
    for second in begin..full {
        let grown = |second: i32| f64::from(second - begin) / f64::from(full - begin);
        let times = |second| 1.0 + 19.0 * grown(second);
        for caller in &mut world.callers {
            caller.rate *= times(second + 1) / times(second);
        }
        world.provider.slots = (slots * (1.0 - 0.9 * grown(second + 1))).round() as usize;
        world.provider.service = first + (service - first) * grown(second + 1);
        world.run_to(f64::from(second + 1));
    }
    world.run_to(f64::from(end));
}

/// The provider is well again and the rush is over.
fn recover(world: &mut World, service: f64) {
    world.provider.slots *= 10;
    world.provider.service = service;
    world.callers.iter_mut().for_each(|caller| caller.rate /= 20.0);
    world.run_to(f64::from(RUSH.2 + 75));
}

/// The share of requests that were served, of those of high class and those that came from so many seconds after the recovery on.
fn shares(world: &World, recovered: i32) -> (f64, f64) {
    let end = f64::from(RUSH.2);
    let share = |(served, all): (usize, usize)| served as f64 / all as f64;
    let high = share(world.share(0.0, end + 40.0, |one| one.class == Class::High));
    (high, share(world.share(end + f64::from(recovered), end + 60.0, |_| true)))
}

fn is_in_bounds(world: &World) {
    assert!(world.is_whole());
    assert_eq!(world.fault.handed_out_late, 0);
    assert!(world.fault.most_waiting <= 1000 && world.fault.most_in_flight < 100, "{:?}", world.fault);
    let at_once = world.tally.iter().filter(|one| one.done == Done::RefusedAtOnce);
    assert!(at_once.clone().count() > 1000 && at_once.clone().all(|one| one.took < 0.010 || one.is_again));
    let late = world.tally.iter().filter(|one| one.done == Done::RefusedLate).count();
    assert!(late * 8 < world.tally.len(), "{late} waited in vain");
}

#[test]
fn the_night_of_the_outage_is_uneventful() {
    for refuses in [false, true] {
        for seed in 0..12 {
            let mut world = evening(seed, Provider { slots: 20, service: 0.2, refuses }, 10.0);
            rush(&mut world, 0.2);
            recover(&mut world, 0.2);
            let goodput = world.served(82.0, 140.0) as f64 / (58.0 * 2.0 / 0.2);
            // The spread of the provider's answers makes them a hundredth longer on average.
            assert!(goodput > 0.95, "{goodput} of what the provider could still do");
            let (high, well) = shares(&world, 10);
            assert!(high >= 0.99, "{high} of high class");
            assert!(well >= 0.999, "{well} ten seconds after the recovery");
            let after = START + i64::from(RUSH.2 + 10) * SECOND;
            let after = world.tally.iter().filter(|one| one.came > after);
            let slow = after.clone().filter(|one| one.took > 1.0).count();
            assert!(slow * 50 < after.count(), "{slow} slow ones ten seconds after the recovery");
            is_in_bounds(&world);
        }
    }
}

/// Each answer takes 30 s instead of 0.2 s as well, and nothing tells the gateway for half a minute. What the provider holds when it recovers takes
/// its 30 s to the end.
#[test]
fn a_provider_that_takes_30_seconds_is_kept_busy_and_not_buried() {
    let mut goodput = 0.0;
    for seed in 0..16 {
        let provider = Provider { slots: 300, service: 0.2, refuses: seed % 2 == 0 };
        let mut world = evening(seed, provider, 120.0);
        world.callers[0].rate = 0.02;
        rush(&mut world, 30.0);
        recover(&mut world, 0.2);
        goodput += world.served(100.0, 140.0) as f64 / 40.0 / 16.0;
        let (high, well) = shares(&world, 35);
        assert!(high >= 0.99, "{high} of high class");
        assert!(well >= 0.999, "{well} when the old answers are done");
        is_in_bounds(&world);
    }
    assert!(goodput > 0.9, "{goodput} of what the provider could still do");
}

/// Short and rough: whatever comes, nobody is lost, nobody goes too late, and what waits and is under way stays bounded.
#[test]
fn nobody_is_lost_in_two_thousand_rough_nights() {
    for seed in 0..2000 {
        let slots = 1 + seed as usize % 7;
        let provider = Provider { slots, service: 0.05 * (1 + seed % 5) as f64, refuses: seed % 2 == 0 };
        let mut world = evening(seed, provider, 0.5);
        world.callers.iter_mut().for_each(|caller| caller.rate *= 8.0);
        world.run_to(1.0);
        world.provider.slots = 1 + slots * (seed as usize % 3);
        world.run_to(3.0);
        assert!(world.is_whole(), "seed {seed}");
        assert_eq!(world.fault.handed_out_late, 0, "seed {seed}");
        assert!(world.fault.most_waiting <= 1000 && world.fault.most_in_flight <= 100, "seed {seed}");
    }
}
