//! Counters: what is granted, what is told, what is forgotten.

mod clock;
mod properties;
mod threads;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::limit::{Calendar, Rule, Scope, Unit, Window};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
/// 2026-11-21 00:00 UTC, a Saturday.
const START: i64 = 1_795_219_200 * SECOND;
const LEASE: Duration = Duration::from_secs(600);

fn rule(unit: Unit, amount: i64, window: Window) -> Arc<Rule> {
    Arc::new(Rule { name: "r".into(), scope: Scope::Key, unit, amount, window, models: Vec::new() })
}

fn claim(rule: &Arc<Rule>, amount: i64) -> Claim {
    Claim { rule: rule.clone(), subject: "key_1".into(), amount }
}

fn sliding(amount: i64, seconds: u64) -> Arc<Rule> {
    rule(Unit::Tokens, amount, Window::Sliding(Duration::from_secs(seconds)))
}

fn tokens(input: i64) -> Amounts {
    Amounts { input, ..Amounts::default() }
}

fn is_granted(decision: &Decision) -> bool {
    decision.denial.is_none()
}

#[test]
fn what_is_held_is_settled_to_what_was_used() {
    let counters = Counters::new();
    let rule = sliding(100, 60);
    let held = [claim(&rule, 80)];
    let first = counters.reserve(1, &held, LEASE, START);
    assert_eq!((first.denial, first.standings[0].remaining), (None, 20));
    let second = counters.reserve(2, &[claim(&rule, 30)], LEASE, START);
    assert_eq!(second.denial, Some(Denial { claim: 0, wait: None }), "only held amounts are in the way");
    counters.settle(1, &held, &tokens(10), START + SECOND);
    assert_eq!(counters.standings(&held, START + SECOND)[0].remaining, 90);
    assert!(is_granted(&counters.reserve(2, &[claim(&rule, 90)], LEASE, START + SECOND)));
    counters.release(2, &held, START + SECOND);
    assert_eq!(counters.standings(&held, START + SECOND)[0].remaining, 90);
}

#[test]
fn what_was_granted_elsewhere_is_held_whether_there_is_room_or_not() {
    let counters = Counters::new();
    let (tokens_rule, requests) =
        (sliding(100, 60), rule(Unit::Requests, 1, Window::Calendar(Calendar::Day)));
    let held = [claim(&tokens_rule, 150), Claim { subject: "key_2".into(), ..claim(&requests, 3) }];
    counters.hold(1, &held, LEASE, START);
    let denied = counters.reserve(2, &[claim(&tokens_rule, 1)], LEASE, START);
    assert_eq!(denied.denial, Some(Denial { claim: 0, wait: None }));
    counters.settle(1, &held, &tokens(40), START);
    assert_eq!(counters.standings(&held, START).iter().map(|one| one.remaining).collect::<Vec<_>>(), [60, 0]);
}

#[test]
fn what_was_used_beyond_the_estimate_counts_too() {
    let counters = Counters::new();
    for rule in [sliding(100, 60), rule(Unit::Tokens, 100, Window::Calendar(Calendar::Minute))] {
        let held = [claim(&rule, 10)];
        assert!(is_granted(&counters.reserve(1, &held, LEASE, START)));
        counters.settle(1, &held, &tokens(663), START);
        assert_eq!(counters.standings(&held, START)[0].remaining, 0);
        let denial = counters.reserve(2, &[claim(&rule, 0)], LEASE, START).denial.expect("a denial");
        assert!(denial.wait >= Some(Duration::from_secs(60)));
    }
}

#[test]
fn requests_count_when_they_are_let_through_and_stay_counted() {
    let counters = Counters::new();
    let rule = rule(Unit::Requests, 2, Window::Calendar(Calendar::Day));
    let one = [claim(&rule, 1)];
    for id in 0..2 {
        assert!(is_granted(&counters.reserve(id, &one, LEASE, START)));
        counters.release(id, &one, START);
    }
    let third = counters.reserve(3, &one, LEASE, START + 5 * SECOND);
    assert_eq!(third.denial, Some(Denial { claim: 0, wait: Some(Duration::from_secs(86_395)) }));
    assert!(is_granted(&counters.reserve(3, &one, LEASE, START + 86_400 * SECOND)));
}

#[test]
fn open_requests_are_free_again_when_they_end() {
    let counters = Counters::new();
    let rule = rule(Unit::Concurrent, 2, Window::Open);
    let one = [claim(&rule, 1)];
    assert!((0..2).all(|id| is_granted(&counters.reserve(id, &one, LEASE, START))));
    let third = counters.reserve(3, &one, LEASE, START);
    assert_eq!(third.denial, Some(Denial { claim: 0, wait: None }));
    counters.settle(0, &one, &tokens(5), START);
    assert!(is_granted(&counters.reserve(3, &one, LEASE, START)));
}

#[test]
fn all_claims_are_granted_or_none() {
    let counters = Counters::new();
    let (wide, tight) = (sliding(100, 60), rule(Unit::Tokens, 5, Window::Calendar(Calendar::Minute)));
    let both = |amount| [claim(&wide, amount), claim(&tight, amount)];
    let refused = counters.reserve(1, &both(6), LEASE, START);
    assert_eq!(refused.denial, Some(Denial { claim: 1, wait: None }), "more than the whole limit");
    assert_eq!(counters.len(), 0, "a refused request leaves nothing behind");
    assert!(is_granted(&counters.reserve(1, &both(5), LEASE, START)));
    assert_eq!(counters.reserve(2, &both(1), LEASE, START).standings[0].remaining, 95);
}

#[test]
fn the_longest_wait_of_several_is_told() {
    let counters = Counters::new();
    let named = |name: &str, seconds| Rule { name: name.into(), ..(*sliding(10, seconds)).clone() }.into();
    let claims: [Claim; 3] =
        [("a", 10), ("b", 1000), ("c", 100)].map(|(name, seconds)| claim(&named(name, seconds), 10));
    assert!(is_granted(&counters.reserve(1, &claims, LEASE, START)));
    counters.settle(1, &claims, &tokens(10), START);
    let denial = counters.reserve(2, &claims, LEASE, START).denial;
    assert_eq!(denial, Some(Denial { claim: 1, wait: Some(Duration::from_secs(1010)) }));
}

#[test]
fn two_claims_on_one_counter_add_up() {
    let counters = Counters::new();
    let rule = sliding(10, 60);
    let twins = |amount| [claim(&rule, amount), claim(&rule, amount)];
    assert!(!is_granted(&counters.reserve(1, &twins(6), LEASE, START)));
    let granted = counters.reserve(1, &twins(5), LEASE, START);
    assert_eq!(granted.standings.iter().map(|standing| standing.remaining).collect::<Vec<_>>(), [0, 0]);
    counters.release(1, &twins(5), START);
    assert_eq!(counters.standings(&twins(5), START)[1].remaining, 10);
}

#[test]
fn a_bucket_holds_its_burst_and_fills_up_steadily() {
    let counters = Counters::new();
    let window = Window::Bucket { per: Duration::from_secs(60), burst: 10 };
    let rule = rule(Unit::Tokens, 60, window);
    let held = [claim(&rule, 10)];
    assert!(is_granted(&counters.reserve(1, &held, LEASE, START)));
    counters.settle(1, &held, &tokens(25), START);
    // 15 below empty, one a second flows in.
    let denial = counters.reserve(2, &[claim(&rule, 4)], LEASE, START).denial;
    assert_eq!(denial, Some(Denial { claim: 0, wait: Some(Duration::from_secs(19)) }));
    assert_eq!(counters.standings(&held, START)[0].reset, Duration::from_secs(25));
    assert!(!is_granted(&counters.reserve(2, &[claim(&rule, 4)], LEASE, START + 19 * SECOND - 1)));
    assert!(is_granted(&counters.reserve(2, &[claim(&rule, 4)], LEASE, START + 19 * SECOND)));
    let too_much = counters.reserve(3, &[claim(&rule, 11)], LEASE, START + 3600 * SECOND);
    assert_eq!(too_much.denial, Some(Denial { claim: 0, wait: None }));
}

#[test]
fn a_lease_frees_what_the_dead_held_and_can_be_renewed() {
    let counters = Counters::new();
    let rule = sliding(10, 60);
    let held = [claim(&rule, 10)];
    let lease = Duration::from_secs(30);
    assert!(is_granted(&counters.reserve(1, &held, lease, START)));
    assert!(counters.renew(1, &held, lease, START + 20 * SECOND));
    assert!(!is_granted(&counters.reserve(2, &held, lease, START + 50 * SECOND - 1)));
    assert!(is_granted(&counters.reserve(2, &held, lease, START + 50 * SECOND)));
    assert!(!counters.renew(1, &held, lease, START + 51 * SECOND), "it has run out");
    // The first comes back late: it frees nothing of the second's, and what it used counts.
    counters.settle(1, &held, &tokens(3), START + 51 * SECOND);
    assert_eq!(counters.standings(&held, START + 51 * SECOND)[0].remaining, 0);
    counters.release(2, &held, START + 51 * SECOND);
    assert_eq!(counters.standings(&held, START + 51 * SECOND)[0].remaining, 7);
}

#[test]
fn a_rule_that_changes_its_amount_keeps_what_was_used() {
    let counters = Counters::new();
    let bucket =
        |amount, burst| rule(Unit::Tokens, amount, Window::Bucket { per: Duration::from_secs(60), burst });
    for (before, after) in [(sliding(10, 60), sliding(50, 60)), (bucket(10, 10), bucket(600, 50))] {
        counters.add(&claim(&before, 1), 8, START, START);
        assert_eq!(counters.standings(&[claim(&before, 1)], START)[0].remaining, 2);
        assert_eq!(counters.standings(&[claim(&after, 1)], START)[0].remaining, 42);
    }
}

#[test]
fn what_was_used_before_a_restart_is_added() {
    let (counters, now) = (Counters::new(), START + 12 * 3600 * SECOND);
    let day = rule(Unit::Tokens, 100, Window::Calendar(Calendar::Day));
    let hour = sliding(100, 3600);
    let bucket = rule(Unit::Tokens, 60, Window::Bucket { per: Duration::from_secs(60), burst: 100 });
    for rule in [&day, &hour, &bucket] {
        for (ago, amount) in [(86_400, 64), (7200, 32), (20, 30)] {
            counters.add(&claim(rule, 0), amount, now - ago * SECOND, now);
        }
    }
    let remaining = |rule| counters.standings(&[claim(rule, 0)], now)[0].remaining;
    assert_eq!((remaining(&day), remaining(&hour), remaining(&bucket)), (100 - 62, 70, 90));
}

#[test]
fn counters_that_are_as_if_never_used_are_forgotten() {
    let counters = Counters::new();
    let rule = sliding(10, 60);
    for user in 0..10_000u64 {
        let claims = [Claim { subject: format!("user {user}").into(), ..claim(&rule, 1) }];
        assert!(is_granted(&counters.reserve(user, &claims, LEASE, START)));
        counters.settle(user, &claims, &tokens(1), START);
    }
    counters.reserve(1, &[claim(&rule, 1)], LEASE, START);
    assert_eq!(counters.len(), 10_001);
    counters.sweep(START + 30 * SECOND);
    assert_eq!(counters.len(), 10_001);
    counters.sweep(START + 61 * SECOND);
    assert_eq!(counters.len(), 1, "what is held stays");
    counters.sweep(START + 601 * SECOND);
    assert!(counters.is_empty());
}

#[test]
fn absurd_claims_are_refused_and_harm_nothing() {
    let counters = Counters::new();
    for rule in [
        sliding(1000, 60),
        rule(Unit::Tokens, 1000, Window::Calendar(Calendar::Month)),
        rule(Unit::Tokens, 1000, Window::Bucket { per: Duration::from_secs(60), burst: 1000 }),
    ] {
        let absurd = [claim(&rule, i64::MAX)];
        let denial = counters.reserve(1, &absurd, LEASE, START).denial;
        assert_eq!(denial, Some(Denial { claim: 0, wait: None }));
        for _ in 0..3 {
            counters.settle(1, &absurd, &Amounts { input: i64::MAX, output: i64::MAX, money: 0 }, START);
        }
        counters.add(&absurd[0], i64::MAX, START, START);
        assert!(!is_granted(&counters.reserve(1, &[claim(&rule, 1)], LEASE, START)));
        assert!(is_granted(&counters.reserve(2, &[claim(&sliding(1000, 61), -5)], LEASE, START)));
    }
    let nothing = sliding(0, 60);
    assert!(!is_granted(&counters.reserve(1, &[claim(&nothing, 1)], Duration::MAX, START + 3600 * SECOND)));
}
