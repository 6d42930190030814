//! Single choices, without time.

use super::*;
use crate::health::Out;

pub(super) const SECOND: i64 = 1_000_000;

pub(super) fn candidates(gauges: &[Gauge]) -> Vec<Candidate<'_>> {
    let one = |(i, gauge)| Candidate {
        gauge,
        id: i as u64,
        weight: 1,
        tier: 0,
        region: 0,
        price: None,
        fits: true,
    };
    gauges.iter().enumerate().map(one).collect()
}

pub(super) fn gauges(count: usize) -> Vec<Gauge> {
    (0..count).map(|_| Gauge::default()).collect()
}

pub(super) fn balancer(strategy: Strategy) -> Balancer {
    Balancer::new(Rules { strategy, ..Rules::default() })
}

/// The order as places, with a chance that is always this.
fn order(strategy: Strategy, candidates: &[Candidate<'_>]) -> Vec<usize> {
    balancer(strategy).order(candidates, &Asked::default(), 0, || 0.5).usable().collect()
}

pub(super) fn break_it(gauge: &Gauge, balancer: &Balancer, now: i64) {
    for _ in 0..5 {
        let ticket = gauge.begin(balancer.watch(), false, now).ticket.unwrap();
        let _ = gauge.end(ticket, balancer.watch(), Outcome::Failure, now);
    }
    assert!(matches!(gauge.health().standing(now), crate::health::Standing::Out(Out::Broken(_))));
}

#[test]
fn every_strategy_has_its_word() {
    for strategy in Strategy::ALL {
        assert_eq!(strategy.to_string().parse(), Ok(strategy));
        assert_eq!(serde_json::to_value(strategy).unwrap(), strategy.word());
    }
    assert_eq!("least-connections".parse(), Ok(Strategy::LeastConnections));
    assert_eq!("Latency".parse::<Strategy>(), Err(UnknownStrategy));
}

#[test]
fn nobody_is_chosen_from_nobody() {
    for strategy in Strategy::ALL {
        let order = balancer(strategy).order(&[], &Asked::default(), 0, || 0.5);
        assert_eq!((order.first(), order.why()), (None, Why::Nobody));
    }
}

#[test]
fn every_strategy_orders_everybody_once() {
    let gauges = gauges(5);
    let mut all = candidates(&gauges);
    all[3].weight = 0;
    all[4].tier = 1;
    for strategy in Strategy::ALL {
        let mut places = order(strategy, &all);
        assert_eq!(places[3..], [3, 4], "{strategy}: fail-over only, then the next tier");
        places.sort_unstable();
        assert_eq!(places, [0, 1, 2, 3, 4], "{strategy}");
    }
}

#[test]
fn who_does_not_fit_or_is_out_is_not_asked() {
    let gauges = gauges(4);
    let balancer = balancer(Strategy::Weighted);
    break_it(&gauges[1], &balancer, 0);
    gauges[2].health().limited(Some(9 * SECOND), 0);
    let mut all = candidates(&gauges);
    all[0].fits = false;
    let order = balancer.order(&all, &Asked::default(), 0, || 0.5);
    assert_eq!(order.usable().collect::<Vec<_>>(), [3]);
    assert_eq!((order.why(), order.soonest()), (Why::Only, Some(9 * SECOND)));
    assert_eq!(order.all().len(), 4);
}

#[test]
fn the_cheapest_that_is_known_comes_first() {
    let gauges = gauges(4);
    let mut all = candidates(&gauges);
    for (candidate, price) in all.iter_mut().zip([Some(30), None, Some(10), Some(20)]) {
        candidate.price = price;
    }
    assert_eq!(order(Strategy::Cost, &all), [2, 3, 0, 1]);
}

#[test]
fn a_panic_uses_the_broken_but_not_the_limited() {
    let gauges = gauges(3);
    let balancer = balancer(Strategy::RoundRobin);
    break_it(&gauges[0], &balancer, 0);
    break_it(&gauges[1], &balancer, 0);
    let all = candidates(&gauges);
    let calm = balancer.order(&all, &Asked::default(), 0, || 0.5);
    assert_eq!((calm.is_panic(), calm.usable().collect::<Vec<_>>()), (false, vec![2]));
    gauges[2].health().limited(Some(9 * SECOND), 0);
    let order = balancer.order(&all, &Asked::default(), 0, || 0.5);
    assert_eq!((order.is_panic(), order.usable().count()), (true, 2));
    let begun = gauges[0].begin(balancer.watch(), order.is_panic(), 0);
    assert!(gauges[0].begin(balancer.watch(), false, 0).ticket.is_none());
    let _ = gauges[0].end(begun.ticket.unwrap(), balancer.watch(), Outcome::Success, 0);
}
