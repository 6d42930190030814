//! Many at once.

use std::sync::Barrier;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use super::*;

fn at_once(threads: u64, work: impl Fn(u64) + Sync) {
    let barrier = Barrier::new(threads as usize);
    std::thread::scope(|scope| {
        for id in 0..threads {
            let (barrier, work) = (&barrier, &work);
            scope.spawn(move || {
                barrier.wait();
                work(id);
            });
        }
    });
}

#[test]
fn fault_86_of_two_hundred_at_one_remaining_unit_exactly_one_passes() {
    for rule in [
        sliding(100, 60),
        rule(Unit::Requests, 100, Window::Calendar(Calendar::Day)),
        rule(Unit::Money, 100, Window::Bucket { per: Duration::from_secs(60), burst: 100 }),
        rule(Unit::Concurrent, 1, Window::Open),
    ] {
        let (counters, passed) = (Counters::new(), AtomicUsize::new(0));
        counters.add(&claim(&rule, 0), 99, START, START);
        at_once(200, |id| {
            if is_granted(&counters.reserve(id, &[claim(&rule, 1)], LEASE, START)) {
                passed.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert_eq!(passed.into_inner(), 1, "{rule:?}");
    }
}

/// Each thread claims the same five counters in another order, so that locks that were taken in the claims' order would soon hold each other up.
#[test]
fn fault_86_no_limit_is_passed_and_nothing_leaks_whatever_the_order_of_claims() {
    let counters = Counters::new();
    let kept = Counters::new();
    let rules: Vec<Arc<Rule>> = (0..5)
        .map(|i| Rule { name: format!("rule {i}").into(), ..(*sliding(1000, 60)).clone() }.into())
        .collect();
    let used = AtomicI64::new(0);
    let used_of_kept = AtomicI64::new(0);
    at_once(16, |thread| {
        for round in 0..500u64 {
            let mut claims: Vec<Claim> = rules.iter().map(|rule| claim(rule, 7)).collect();
            claims.rotate_left((thread + round) as usize % 5);
            let id = thread * 1000 + round;
            if is_granted(&counters.reserve(id, &claims, LEASE, START)) {
                let amount = (id % 8) as i64;
                counters.settle(id, &claims, &tokens(amount), START);
                used.fetch_add(amount, Ordering::Relaxed);
            }
            if is_granted(&kept.keep(&claims, START)) {
                let amount = (id % 8) as i64;
                kept.give_back(&claims, &tokens(amount), START);
                used_of_kept.fetch_add(amount, Ordering::Relaxed);
            }
        }
    });
    for (counters, used) in [(counters, used.into_inner()), (kept, used_of_kept.into_inner())] {
        assert!((993..=1000).contains(&used), "{used}");
        for rule in &rules {
            assert_eq!(counters.standings(&[claim(rule, 0)], START)[0].remaining, 1000 - used);
        }
    }
}
