//! Where the limit settles.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;

const SECOND: i64 = 1_000_000;
const START: i64 = 1_700_000_000 * SECOND;

#[test]
fn fault_40_a_fixed_limit_holds_and_is_at_least_one() {
    let fixed = Concurrency::new(ConcurrencyRules::Fixed(3));
    assert_eq!((0..10).filter(|_| fixed.try_take(START)).count(), 3);
    fixed.overloaded(START);
    fixed.first_token(Answer::Whole, START, START + SECOND);
    assert_eq!(fixed.limit(), 3);
    fixed.give_back();
    assert!(!fixed.is_full());
    fixed.set_rules(ConcurrencyRules::Fixed(0));
    assert_eq!((fixed.limit(), fixed.in_flight()), (1, 2));
}

/// A target with so many slots, in virtual time: more than that queue in it, or are refused.
struct Target {
    slots: usize,
    service: f64,
    refuses: bool,
    spread: f64,
    chance: u64,
}

impl Target {
    fn chance(&mut self) -> f64 {
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 11) as f64 / (1u64 << 53) as f64
    }

    fn service(&mut self) -> i64 {
        let spread: f64 = (0..4).map(|_| self.chance() - 0.5).sum();
        (self.service * (self.spread * spread).exp() * 1e6) as i64
    }
}

/// Keeps the limit filled for so many seconds; gives the limit's average over the second half and what was done a second in it.
fn run(limit: &Concurrency, target: &mut Target, start: i64, seconds: i64) -> (f64, f64) {
    let end = start + seconds * SECOND;
    let half = start + seconds * SECOND / 2;
    let (mut now, mut slots) = (start, BinaryHeap::from(vec![Reverse(start); target.slots]));
    // When done, when sent, whether refused.
    let mut under_way = BinaryHeap::new();
    let (mut sum, mut looks, mut done) = (0.0, 0.0, 0);
    while now < end {
        while limit.try_take(now) {
            let Some(mut slot) = slots.peek_mut() else { break };
            let is_refused = target.refuses && slot.0 > now;
            let finish = if is_refused { now + 10_000 } else { slot.0.max(now) + target.service() };
            if !is_refused {
                slot.0 = finish;
            }
            under_way.push(Reverse((finish, now, is_refused)));
        }
        let Some(Reverse((finish, started, is_refused))) = under_way.pop() else { break };
        now = finish;
        if is_refused {
            limit.overloaded(now);
        } else {
            limit.first_token(Answer::Whole, started, now);
        }
        limit.give_back();
        if now >= half {
            sum += f64::from(limit.limit());
            looks += 1.0;
            done += usize::from(!is_refused);
        }
    }
    under_way.into_iter().for_each(|_| limit.give_back());
    (sum / looks, done as f64 * 2.0 / seconds as f64)
}

fn adaptive(tolerance: f64) -> Concurrency {
    Concurrency::new(ConcurrencyRules::Adaptive(Adaptive {
        tolerance,
        initial: 8,
        ease: None,
        ..Adaptive::default()
    }))
}

#[test]
fn it_settles_near_what_the_target_does_at_once() {
    for refuses in [false, true] {
        for (seed, slots) in [12, 40, 100].into_iter().enumerate() {
            let limit = adaptive(1.1);
            let mut target = Target { slots, service: 0.2, refuses, spread: 0.3, chance: seed as u64 };
            let (settled, done) = run(&limit, &mut target, START, 60);
            // Where it queues, what tolerance allows is wanted; what is refused shows the slots.
            let wanted = slots as f64 * if refuses { 1.0 } else { 1.1 };
            assert!((0.85..1.15).contains(&(settled / wanted)), "{settled} for {slots} slots");
            let of_rate = done / (slots as f64 / 0.2);
            assert!(of_rate > 0.9, "{of_rate} of what {slots} slots can do");
        }
    }
}

#[test]
fn it_follows_the_target_down_and_up() {
    for refuses in [false, true] {
        for seed in 0..4 {
            let limit = adaptive(1.5);
            let mut target = Target { slots: 50, service: 0.2, refuses, spread: 0.3, chance: seed };
            run(&limit, &mut target, START, 20);
            target.slots = 5;
            let (down, _) = run(&limit, &mut target, START + 20 * SECOND, 60);
            assert!((4.0..20.0).contains(&down), "{down} for 5 slots");
            target.slots = 50;
            let (up, done) = run(&limit, &mut target, START + 80 * SECOND, 20);
            assert!((45.0..85.0).contains(&up) && done > 225.0, "{up} for 50 slots, {done} a second");
        }
    }
}

#[test]
fn a_target_that_became_slow_by_itself_is_not_starved() {
    for seed in 0..5 {
        let limit = adaptive(1.5);
        let mut target = Target { slots: 40, service: 0.2, refuses: false, spread: 0.3, chance: seed };
        run(&limit, &mut target, START, 20);
        target.service = 5.0;
        let (slow, done) = run(&limit, &mut target, START + 20 * SECOND, 300);
        assert!((30.0..80.0).contains(&slow) && done > 8.0 * 0.9, "{slow} for 40 slots, {done} a second");
    }
}

/// Requests that come by themselves, so many a second, to a provider that has room for all: how many of them found the limit in their way, as a
/// share of those in the second half.
fn kept_back(rate: f64, seconds: i64, mut latency: impl FnMut(&mut Target) -> f64) -> (f64, u32) {
    let limit = Concurrency::new(ConcurrencyRules::default());
    let mut dice = Target { slots: 0, service: 0.0, refuses: false, spread: 0.0, chance: 7 };
    let (mut now, mut under_way) = (START, BinaryHeap::new());
    let (mut came, mut kept) = (0.0, 0.0);
    while now < START + seconds * SECOND {
        now += (-dice.chance().max(1e-9).ln() / rate * 1e6) as i64;
        while let Some(Reverse((finish, started))) =
            under_way.peek().copied().filter(|one: &Reverse<(i64, i64)>| one.0.0 <= now)
        {
            under_way.pop();
            limit.first_token(Answer::Whole, started, finish);
            limit.give_back();
        }
        let is_late = now > START + seconds * SECOND / 2;
        came += f64::from(is_late);
        if limit.try_take(now) {
            under_way.push(Reverse((now + (latency(&mut dice) * 1e6) as i64, now)));
        } else {
            kept += f64::from(is_late);
        }
    }
    (kept / came, limit.limit())
}

/// A standard normal number.
fn normal(dice: &mut Target) -> f64 {
    let (u, v) = (dice.chance().max(1e-12), dice.chance());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[test]
fn a_provider_with_room_for_all_is_not_held_back_however_its_answers_vary() {
    for rate in [0.5, 2.0, 10.0, 50.0] {
        for (name, seconds) in [("minutes", 1200), ("an hour", 3600)] {
            if rate * seconds as f64 > 60_000.0 {
                continue;
            }
            let of = [
                ("thinking", kept_back(rate, seconds, |dice| 2.0 * (1.3 * normal(dice)).exp().min(60.0))),
                (
                    "streams and whole answers",
                    kept_back(rate, seconds, |dice| {
                        let median = if dice.chance() < 0.5 { 0.4 } else { 15.0 };
                        median * (0.4 * normal(dice)).exp()
                    }),
                ),
                ("slower by the hour", {
                    let mut turn = 0.0;
                    kept_back(rate, seconds, move |dice| {
                        turn += 1.0;
                        let wave = (turn / (rate * 1200.0) * std::f64::consts::TAU).sin();
                        (wave + 0.5 * normal(dice)).exp()
                    })
                }),
            ];
            for (kind, (kept, limit)) in of {
                eprintln!("{kind}, {rate}/s, {name}: {kept:.4} kept back, limit {limit}");
                assert!(kept < 0.01, "{kind}, {rate}/s, {name}: {kept:.4} kept back, limit {limit}");
            }
        }
    }
}
