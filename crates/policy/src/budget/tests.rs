//! The budget is never exceeded.

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000;
const START: i64 = 1_700_000_000 * SECOND;

#[test]
fn a_fifth_of_the_traffic_and_a_little_may_be_repeated() {
    let budget = RetryBudget::new(BudgetRules::default());
    for i in 0..1000 {
        budget.sent(START + i * 5_000);
    }
    let now = START + 5 * SECOND;
    assert_eq!(budget.left(now), 210);
    assert_eq!((0..1000).filter(|_| budget.may_repeat(now)).count(), 210);
    assert!(!budget.may_repeat(START + 9 * SECOND));
    assert_eq!((0..100).filter(|_| budget.may_repeat(START + 60 * SECOND)).count(), 10, "the floor is back");
}

/// Where everything fails and everything wants to be repeated, over and over.
#[test]
fn fault_57_an_outage_is_not_multiplied() {
    let budget = RetryBudget::new(BudgetRules { share: 0.1, ..BudgetRules::default() });
    let mut sent = 0;
    for i in 0..30_000 {
        let now = START + i * 2_000;
        budget.sent(now);
        sent += 1;
        while budget.may_repeat(now) {
            sent += 1;
        }
    }
    assert!(f64::from(sent) <= 30_000.0 * 1.11, "{sent}");
    assert!(f64::from(sent) >= 30_000.0 * 1.08, "{sent}: the budget is there to be used");
}

#[test]
fn threads_together_never_exceed_it() {
    let (budget, granted) = (RetryBudget::new(BudgetRules::default()), AtomicU64::new(0));
    for _ in 0..1000 {
        budget.sent(START);
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    granted.fetch_add(u64::from(budget.may_repeat(START)), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(granted.into_inner(), 210);
}

proptest! {
    #[test]
    fn it_is_never_exceeded_in_the_window_before_any_repetition(
        events in proptest::collection::vec((0i64..800_000, any::<bool>(), 1usize..20), 1..400),
        share in 0.0f64..0.5,
        floor in 0.0f64..3.0,
    ) {
        let window = Duration::from_secs(10);
        let budget = RetryBudget::new(BudgetRules { share, floor_per_second: floor, window });
        let (mut now, mut tries, mut repeats) = (START, Vec::new(), Vec::new());
        for (pause, is_try, count) in events {
            now += pause;
            for _ in 0..count {
                if is_try {
                    budget.sent(now);
                    tries.push(now);
                } else if budget.may_repeat(now) {
                    repeats.push(now);
                    let of_late = |moments: &[i64]| moments.iter().filter(|at| **at > now - 10 * SECOND).count() as f64;
                    prop_assert!(of_late(&repeats) <= of_late(&tries) * share + floor * 10.0 + 1e-9);
                }
            }
        }
    }

    #[test]
    fn fault_88_no_clock_makes_it_panic_or_generous(moments in proptest::collection::vec(any::<i64>(), 1..50)) {
        let budget = RetryBudget::new(BudgetRules::default());
        for now in moments {
            budget.sent(now);
            prop_assert!((0..50).filter(|_| budget.may_repeat(now)).count() <= 20);
        }
    }
}

#[test]
fn fault_88_a_clock_set_back_pays_for_nothing_twice() {
    let budget = RetryBudget::new(BudgetRules::default());
    let granted = |now: i64| (0..50).filter(|_| budget.may_repeat(now)).count();
    assert_eq!(granted(START + 5 * SECOND), 10);
    assert_eq!(granted(START), 0);
}
