//! Clocks that jump.

use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3600 * SECOND;

fn requests(amount: i64, window: Window) -> [Claim; 1] {
    [claim(&rule(Unit::Requests, amount, window), 1)]
}

fn granted(counters: &Counters, claims: &[Claim], now: i64) -> usize {
    (0..50).filter(|id| is_granted(&counters.reserve(*id, claims, LEASE, now))).count()
}

#[test]
fn fault_88_a_clock_set_back_over_a_border_opens_no_window_twice() {
    for window in [Window::Calendar(Calendar::Minute), Window::Sliding(Duration::from_secs(60))] {
        let (counters, ten) = (Counters::new(), requests(10, window));
        assert_eq!(granted(&counters, &ten, START + MINUTE + SECOND), 10);
        assert_eq!(granted(&counters, &ten, START + MINUTE - SECOND), 0, "set back");
        assert_eq!(granted(&counters, &ten, START + MINUTE), 0, "the same border a second time");
        assert_eq!(granted(&counters, &ten, START + 3 * MINUTE), 10);
    }
}

#[test]
fn fault_88_a_bucket_does_not_fill_up_twice() {
    let counters = Counters::new();
    let ten = requests(10, Window::Bucket { per: Duration::from_secs(60), burst: 10 });
    assert_eq!(granted(&counters, &ten, START), 10);
    for step in 0..20 {
        let now = START + if step % 2 == 0 { 6 * SECOND } else { 0 };
        assert_eq!(granted(&counters, &ten, now), usize::from(step == 0), "step {step}");
    }
}

#[test]
fn fault_88_a_clock_that_was_an_hour_ahead_locks_nobody_out_for_an_hour() {
    for window in [
        Window::Calendar(Calendar::Minute),
        Window::Sliding(Duration::from_secs(60)),
        Window::Bucket { per: Duration::from_secs(60), burst: 10 },
    ] {
        let (counters, ten) = (Counters::new(), requests(10, window));
        assert_eq!(granted(&counters, &ten, START + HOUR), 10);
        assert_eq!(granted(&counters, &ten, START), 0);
        assert_eq!(granted(&counters, &ten, START + 2 * MINUTE), 10, "{window:?}");
    }
}

#[test]
fn fault_88_a_lease_is_no_longer_for_a_clock_set_back() {
    let (counters, rule) = (Counters::new(), rule(Unit::Concurrent, 1, Window::Open));
    let one = [claim(&rule, 1)];
    assert!(is_granted(&counters.reserve(1, &one, Duration::from_secs(30), START)));
    assert!(!is_granted(&counters.reserve(2, &one, LEASE, START - HOUR)));
    assert!(is_granted(&counters.reserve(2, &one, LEASE, START - HOUR + 30 * SECOND)));
}

proptest! {
    #[test]
    fn fault_88_no_clock_makes_it_panic(moments in proptest::collection::vec(any::<i64>(), 1..20)) {
        let counters = Counters::new();
        let rules = [
            sliding(10, 60),
            sliding(10, 0),
            rule(Unit::Tokens, 10, Window::Calendar(Calendar::Month)),
            rule(Unit::Tokens, 10, Window::Calendar(Calendar::Week)),
            rule(Unit::Tokens, 10, Window::Bucket { per: Duration::from_secs(60), burst: 3 }),
            rule(Unit::Tokens, i64::MAX, Window::Bucket { per: Duration::MAX, burst: i64::MAX }),
            rule(Unit::Concurrent, 10, Window::Open),
        ];
        let claims: Vec<Claim> = rules.iter().map(|rule| claim(rule, 2)).collect();
        for (id, now) in moments.into_iter().enumerate() {
            let id = id as u64;
            counters.reserve(id, &claims, Duration::MAX, now);
            counters.renew(id, &claims, LEASE, now.wrapping_add(7));
            counters.settle(id, &claims, &tokens(4), now.wrapping_sub(7));
            counters.add(&claims[0], 3, now, now.wrapping_mul(3));
            counters.standings(&claims, now);
            counters.sweep(now);
        }
    }
}
