//! What holds for any sequence of reservations, settlements and waits.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What a caller does next.
#[derive(Clone, Debug)]
enum Step {
    Wait(i64),
    Reserve(i64),
    /// Of the open reservation at this place (modulo their number), so many hundredths used.
    Settle(usize, i64),
    Release(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..8 * SECOND).prop_map(Step::Wait),
        (1i64..60).prop_map(Step::Reserve),
        (1i64..60).prop_map(Step::Reserve),
        (any::<usize>(), 0i64..=100).prop_map(|(place, share)| Step::Settle(place, share)),
        any::<usize>().prop_map(Step::Release),
    ];
    proptest::collection::vec(step, 1..200)
}

/// A life that was lived: when how much was used, and what is still open.
struct Life {
    counters: Counters,
    /// The same without leases.
    kept: Counters,
    rule: Arc<Rule>,
    now: i64,
    open: BTreeMap<u64, i64>,
    used: Vec<(i64, i64)>,
}

impl Life {
    fn new(rule: Arc<Rule>) -> Self {
        let (counters, kept) = (Counters::new(), Counters::new());
        Self { counters, kept, rule, now: START, open: BTreeMap::new(), used: Vec::new() }
    }

    /// Lives on; `check` looks at each decision with the amount that was asked for, before what it changes is written down.
    fn live(
        &mut self,
        steps: Vec<Step>,
        check: impl Fn(&Self, i64, &Decision) -> Result<(), TestCaseError>,
    ) -> Result<(), TestCaseError> {
        for (id, step) in (0u64..).zip(steps) {
            match step {
                Step::Wait(time) => self.now += time,
                Step::Reserve(amount) => {
                    let claims = [claim(&self.rule, amount)];
                    let decision = self.counters.reserve(id, &claims, Duration::MAX, self.now);
                    prop_assert_eq!(&self.kept.keep(&claims, self.now), &decision);
                    check(self, amount, &decision)?;
                    if is_granted(&decision) {
                        self.open.insert(id, amount);
                    }
                }
                Step::Settle(place, share) => self.close(place, share),
                Step::Release(place) => self.close(place, 0),
            }
        }
        Ok(())
    }

    fn close(&mut self, place: usize, share: i64) {
        let Some((&id, &held)) = self.open.iter().nth(place.checked_rem(self.open.len()).unwrap_or(0)) else {
            return;
        };
        self.open.remove(&id);
        let amount = held * share / 100;
        let claims = [claim(&self.rule, held)];
        self.counters.settle(id, &claims, &tokens(amount), self.now);
        self.kept.give_back(&claims, &tokens(amount), self.now);
        self.used.push((self.now, amount));
    }

    fn held(&self) -> i64 {
        self.open.values().sum()
    }

    /// What was used after `since`, up to now.
    fn used_since(&self, since: i64) -> i64 {
        self.used.iter().filter(|(at, _)| *at > since).map(|(_, amount)| amount).sum()
    }

    fn settle_all(&mut self) {
        while !self.open.is_empty() {
            self.close(0, 50);
        }
    }

    fn remaining(&self) -> i64 {
        let of = |counters: &Counters| counters.standings(&[claim(&self.rule, 0)], self.now)[0].remaining;
        assert_eq!(of(&self.counters), of(&self.kept));
        of(&self.counters)
    }
}

const LIMIT: i64 = 100;
const WINDOW: i64 = 10 * SECOND;

proptest! {
    #[test]
    fn in_every_sliding_span_no_more_than_the_limit_is_used(steps in steps()) {
        let mut life = Life::new(sliding(LIMIT, 10));
        life.live(steps, |life, amount, decision| {
            let exact = life.used_since(life.now - WINDOW) + life.held() + amount;
            let careful = life.used_since(life.now - WINDOW - WINDOW / 100) + life.held() + amount;
            // Granted: there was room in the window. Refused: there was none in the window and a hundredth more.
            let is_right = if is_granted(decision) { exact <= LIMIT } else { careful > LIMIT };
            prop_assert!(is_right, "{exact} {careful}");
            Ok(())
        })?;
        for &(end, _) in &life.used {
            let span = life.used.iter().filter(|(at, _)| *at > end - WINDOW && *at <= end);
            prop_assert!(span.map(|(_, amount)| amount).sum::<i64>() <= LIMIT);
        }
        life.settle_all();
        prop_assert!(life.used_since(life.now - WINDOW) <= LIMIT);
        life.now += WINDOW + WINDOW / 50;
        prop_assert_eq!(life.remaining(), LIMIT, "nothing is held after all have settled");
    }

    #[test]
    fn a_calendar_counts_what_was_used_since_its_window_began(steps in steps()) {
        let mut life = Life::new(rule(Unit::Tokens, LIMIT, Window::Calendar(Calendar::Minute)));
        life.live(steps, |life, amount, decision| {
            let since = life.now.div_euclid(MINUTE) * MINUTE - 1;
            let wanted = life.used_since(since) + life.held() + amount;
            prop_assert_eq!(is_granted(decision), wanted <= LIMIT);
            Ok(())
        })?;
        life.settle_all();
        life.now += MINUTE;
        prop_assert_eq!(life.remaining(), LIMIT);
    }

    #[test]
    fn a_bucket_gives_its_burst_and_what_flows_in_and_no_more(steps in steps()) {
        let mut life = Life::new(bucket());
        life.live(steps, |life, amount, decision| {
            if is_granted(decision) {
                let passed = life.used_since(START - 1) + life.held() + amount;
                prop_assert!(passed <= 70 + LIMIT * (life.now - START) / WINDOW);
            }
            Ok(())
        })?;
        life.settle_all();
        life.now += WINDOW;
        prop_assert_eq!(life.remaining(), 70);
    }

    #[test]
    fn a_bucket_under_steady_demand_gives_its_rate(size in 1i64..20, pause in SECOND / 20..SECOND) {
        let (counters, rule) = (Counters::new(), bucket());
        let (mut now, mut passed) = (START, 0);
        while now < START + 10 * WINDOW {
            if is_granted(&counters.reserve(1, &[claim(&rule, size)], LEASE, now)) {
                counters.settle(1, &[claim(&rule, size)], &tokens(size), now);
                passed += size;
            }
            now += pause;
        }
        let flowed = 70 + 10 * LIMIT;
        let demand = size * (10 * WINDOW / pause);
        prop_assert!(passed <= flowed);
        prop_assert!(passed >= flowed.min(demand) - 2 * size - 20, "{passed} of {flowed}, {demand} wanted");
    }
}

proptest! {
    // Each refusal is asked again of a copy of all that was.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_wait_that_is_told_is_exact(steps in steps(), kind in 0..3) {
        let mut life = Life::new(match kind {
            0 => sliding(LIMIT, 10),
            1 => rule(Unit::Tokens, LIMIT, Window::Calendar(Calendar::Minute)),
            _ => bucket(),
        });
        life.live(steps, |life, amount, decision| {
            let Some(denial) = decision.denial else { return Ok(()) };
            let Some(wait) = denial.wait else {
                prop_assert!(life.held() + amount > life.rule.most(), "only what is held may be in the way");
                return Ok(());
            };
            // Asked of a copy, since asking later would let time pass.
            let copy = copy_of(life);
            let ask = |at| is_granted(&copy.reserve(u64::MAX, &[claim(&life.rule, amount)], LEASE, at));
            let moment = life.now + i64::try_from(wait.as_micros()).expect("a short wait");
            prop_assert!(moment > life.now);
            prop_assert!(!ask(moment - 1), "it would have been granted before");
            prop_assert!(ask(moment));
            Ok(())
        })?;
    }
}

fn bucket() -> Arc<Rule> {
    rule(Unit::Tokens, LIMIT, Window::Bucket { per: Duration::from_secs(10), burst: 70 })
}

/// The same counters, made from what was used and what is held.
fn copy_of(life: &Life) -> Counters {
    let copy = Counters::new();
    for &(at, amount) in &life.used {
        copy.add(&claim(&life.rule, 0), amount, at, at);
    }
    for (&id, &held) in &life.open {
        copy.reserve(id, &[claim(&life.rule, held)], Duration::MAX, life.now);
    }
    copy
}
