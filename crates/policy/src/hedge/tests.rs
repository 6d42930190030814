//! Delays that are learnt, duplicates that are paid for.

use super::*;

const START: i64 = 1_700_000_000_000_000;

fn waiting(waited: u64) -> Waiting {
    let waited = Duration::from_millis(waited);
    Waiting { waited, left: Duration::from_secs(30), is_committed: false, has_other_target: true }
}

/// Times to first token of 1 to `most` milliseconds, evenly.
fn learn(hedge: &Hedge, most: u64) {
    for i in 0..2000 {
        hedge.first_token(Duration::from_millis(1 + (i * 7919) % most));
    }
}

#[test]
fn the_delay_is_what_nearly_all_stay_under_and_follows_the_target() {
    let hedge = Hedge::new(HedgeRules::default());
    assert_eq!(hedge.delay(), None);
    assert_eq!(hedge.decide(waiting(60_000), START), Hedging::No, "nothing is known");
    for most in [1000, 10_000, 400] {
        learn(&hedge, most);
        let delay = hedge.delay().unwrap().as_millis() as f64;
        let right = most as f64 * 0.95;
        assert!((right * 0.93..=right * 1.08).contains(&delay), "{delay} for {right}");
    }
    learn(&hedge, 2);
    learn(&hedge, 2);
    assert_eq!(hedge.delay(), Some(Duration::from_millis(50)), "the least");
}

#[test]
fn a_duplicate_is_sent_only_late_and_where_it_can_help() {
    let hedge = Hedge::new(HedgeRules::default());
    learn(&hedge, 1000);
    (0..1000).for_each(|_| hedge.sent(START));
    let delay = hedge.delay().unwrap();
    assert_eq!(hedge.decide(waiting(100), START), Hedging::After(delay - Duration::from_millis(100)));
    assert_eq!(hedge.decide(waiting(2000), START), Hedging::Now);
    assert_eq!(hedge.decide(Waiting { is_committed: true, ..waiting(2000) }, START), Hedging::No);
    assert_eq!(hedge.decide(Waiting { has_other_target: false, ..waiting(2000) }, START), Hedging::No);
    assert_eq!(
        hedge.decide(Waiting { left: Duration::from_millis(500), ..waiting(100) }, START),
        Hedging::No
    );
}

#[test]
fn duplicates_are_one_in_twenty_at_most_even_when_all_are_slow() {
    let hedge = Hedge::new(HedgeRules::default());
    learn(&hedge, 1000);
    let mut duplicates = 0;
    for i in 0..20_000 {
        let now = START + i * 5_000;
        hedge.sent(now);
        duplicates += usize::from(hedge.decide(waiting(5000), now) == Hedging::Now);
    }
    assert!((800..=1000).contains(&duplicates), "{duplicates}");
}
