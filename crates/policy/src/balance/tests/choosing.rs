//! Single choices, without time.

use std::time::Duration;

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

/// Fails every other time, so that the rate opens the breaker.
fn fail_often(gauge: &Gauge, balancer: &Balancer, now: i64) {
    for turn in 0..40 {
        let Some(ticket) = gauge.begin(balancer.watch(), false, now).ticket else { break };
        let outcome = if turn % 2 == 0 { Outcome::Failure } else { Outcome::Success };
        let _ = gauge.end(ticket, balancer.watch(), outcome, now);
    }
    assert!(gauge.health().is_doubtful());
}

#[test]
fn nobody_left_to_ask_gets_a_trial_every_two_seconds() {
    let gauges = gauges(1);
    let balancer = balancer(Strategy::RoundRobin);
    break_it(&gauges[0], &balancer, 0);
    let all = candidates(&gauges);
    let mut trials = 0;
    for at in 0..100 {
        let now = at * SECOND / 10;
        let order = balancer.order(&all, &Asked::default(), now, || 0.5);
        let ticket = order.first().and_then(|_| gauges[0].begin(balancer.watch(), false, now).ticket);
        if let Some(ticket) = ticket {
            trials += 1;
            let _ = gauges[0].end(ticket, balancer.watch(), Outcome::Failure, now);
        }
    }
    assert_eq!(trials, 4);
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
fn a_panic_uses_those_that_fail_too_often_but_not_the_limited_or_the_dead() {
    let gauges = gauges(4);
    let balancer = balancer(Strategy::RoundRobin);
    fail_often(&gauges[0], &balancer, 0);
    fail_often(&gauges[1], &balancer, 0);
    break_it(&gauges[3], &balancer, 0);
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

#[test]
fn the_load_that_targets_report_counts_with_what_has_been_sent_since() {
    let gauges = gauges(2);
    let all = candidates(&gauges);
    let balancer = balancer(Strategy::Load);
    let first = |now| balancer.order(&all, &Asked::default(), now, || 0.5).first().unwrap();
    let queue = |queue| Report { queue: Some(queue), running: Some(4), ..Report::default() };
    gauges[0].told_load(&queue(3), 0);
    gauges[1].told_load(&queue(0), 0);
    let mut tickets = Vec::new();
    while first(SECOND) == 1 {
        tickets.push(gauges[1].begin(balancer.watch(), false, SECOND).ticket.unwrap());
        assert!(tickets.len() < 10, "a report of long ago draws everybody");
    }
    assert!((6..=7).contains(&tickets.len()), "three that wait weigh as six: {}", tickets.len());
    // A full cache makes each request weigh more.
    gauges[0].told_load(&Report { kv_cache: Some(1.0), ..queue(0) }, 2 * SECOND);
    gauges[1].told_load(&queue(1), 2 * SECOND);
    assert_eq!(first(2 * SECOND), 1);
    // Reports that are too old are not believed: then our own open requests count.
    assert_eq!(first(40 * SECOND), 0);
    for ticket in tickets {
        let _ = gauges[1].end(ticket, balancer.watch(), Outcome::Void, 40 * SECOND);
    }
}

#[test]
fn headroom_shares_traffic_by_what_is_left_until_the_reset() {
    let gauges = gauges(3);
    let all = candidates(&gauges);
    let balancer = balancer(Strategy::Headroom);
    gauges[0].told_headroom(0.2, 10 * SECOND);
    gauges[1].told_headroom(0.6, 10 * SECOND);
    gauges[2].told_headroom(0.0, 10 * SECOND);
    let mut dice = super::world::Dice(1);
    let mut share = |target, now| {
        let is_it =
            |_: &i32| balancer.order(&all, &Asked::default(), now, || dice.chance()).first() == Some(target);
        (0..4000).filter(is_it).count() as f64 / 4000.0
    };
    assert!((0.22..0.28).contains(&share(0, 0)));
    assert!((0.72..0.78).contains(&share(1, 0)));
    assert_eq!(share(2, 0), 0.0);
    assert!((0.30..0.36).contains(&share(2, 10 * SECOND)), "all is left again");
}

#[test]
fn regions_are_ordered_by_distance_and_unmeasured_ones_come_last() {
    let gauges = gauges(5);
    let mut all = candidates(&gauges);
    for (candidate, (region, millis)) in all.iter_mut().zip([(4, 0), (3, 80), (2, 20), (3, 90), (1, 0)]) {
        candidate.region = region;
        if millis > 0 {
            candidate.gauge.told_round_trip(std::time::Duration::from_millis(millis), 0);
        }
    }
    let asked = Asked { region: 1, ..Asked::default() };
    let order = balancer(Strategy::Priority).order(&all, &asked, 0, || 0.5);
    assert_eq!(order.usable().collect::<Vec<_>>(), [4, 2, 1, 3, 0]);
}

#[test]
fn answers_in_one_piece_may_take_their_time() {
    let gauges = gauges(1);
    let balancer = balancer(Strategy::RoundRobin);
    let begin = |now| gauges[0].begin(balancer.watch(), false, now).ticket;
    let mut stream = begin(0).unwrap();
    gauges[0].heard(&mut stream, balancer.watch(), Duration::from_millis(200), 200_000);
    let mut whole: Vec<_> = (0..10).map(|_| begin(SECOND).unwrap()).collect();
    whole.iter_mut().for_each(|ticket| gauges[0].comes_whole(ticket));
    let late = begin(60 * SECOND).expect("nobody was expected to say anything");
    for ticket in whole.into_iter().chain([stream, late]) {
        let _ = gauges[0].end(ticket, balancer.watch(), Outcome::Success, 60 * SECOND);
    }
    assert_eq!(gauges[0].in_flight(), 0);
}
