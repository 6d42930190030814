//! Tests of breakers and of what surrounds them.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000;

fn rules() -> HealthRules {
    HealthRules::default()
}

/// Asks and fails, so many times.
fn fail(breaker: &mut Breaker, rules: &HealthRules, times: u32, now: i64) -> Option<Event> {
    (0..times).filter_map(|_| breaker.failed(rules, breaker.epoch(), now)).last()
}

fn opened(cause: Cause, until: i64) -> Option<Event> {
    Some(Event::Opened { cause, until })
}

#[test]
fn five_failures_in_a_row_open_for_thirty_seconds() {
    let mut breaker = Breaker::default();
    assert_eq!(fail(&mut breaker, &rules(), 4, 0), None);
    breaker.succeeded(&rules(), 0, 0);
    assert_eq!(fail(&mut breaker, &rules(), 4, 0), None);
    assert_eq!(fail(&mut breaker, &rules(), 1, 0), opened(Cause::Consecutive, 30 * SECOND));
    assert_eq!(breaker.admit(&rules(), SECOND, 29 * SECOND), (None, None));
}

#[test]
fn trials_go_one_at_a_time_and_close_it() {
    let (mut breaker, rules) = (Breaker::default(), rules());
    fail(&mut breaker, &rules, 5, 0);
    let now = 30 * SECOND;
    assert_eq!(breaker.admit(&rules, SECOND, now), (Some(true), Some(Event::HalfOpened)));
    assert_eq!(breaker.admit(&rules, SECOND, now), (None, None));
    assert_eq!(breaker.succeeded(&rules, 1, now), None);
    for event in [None, Some(Event::Closed)] {
        assert_eq!(breaker.admit(&rules, SECOND, now).0, Some(true));
        assert_eq!(breaker.succeeded(&rules, 1, now), event);
    }
    assert_eq!(breaker.phase(), Phase::Closed);
}

#[test]
fn trials_that_fail_double_the_wait_up_to_the_cap() {
    let (mut breaker, rules) = (Breaker::default(), rules());
    fail(&mut breaker, &rules, 5, 0);
    let mut now = 30 * SECOND;
    for length in [60, 120, 240, 300, 300] {
        breaker.admit(&rules, SECOND, now);
        let until = now + length * SECOND;
        assert_eq!(fail(&mut breaker, &rules, 1, now), opened(Cause::Trial, until));
        now = until;
    }
}

#[test]
fn a_relapse_opens_for_twice_as_long() {
    let (mut breaker, rules) = (Breaker::default(), rules());
    fail(&mut breaker, &rules, 5, 0);
    breaker.admit(&rules, SECOND, 30 * SECOND);
    for _ in 0..3 {
        breaker.succeeded(&rules, 1, 30 * SECOND);
    }
    assert_eq!(fail(&mut breaker, &rules, 5, 40 * SECOND), opened(Cause::Consecutive, 100 * SECOND));
}

#[test]
fn a_share_of_failures_opens_it_even_if_they_are_never_in_a_row() {
    let (mut breaker, rules) = (Breaker::default(), rules());
    let mut events = (0..100i64).filter_map(|i| {
        let now = i * SECOND / 10;
        if i % 4 == 0 { breaker.failed(&rules, 0, now) } else { breaker.succeeded(&rules, 0, now) }
    });
    assert_eq!(events.next(), opened(Cause::Rate, 32 * SECOND));
}

#[test]
fn max_fails_within_fail_timeout_take_it_out_for_fail_timeout() {
    let rules = HealthRules { failures: 0, rate: None, max_fails: 2, ..rules() };
    let mut breaker = Breaker::default();
    assert_eq!(fail(&mut breaker, &rules, 1, 0), None);
    assert_eq!(fail(&mut breaker, &rules, 1, 10 * SECOND), None, "the first is forgotten");
    assert_eq!(fail(&mut breaker, &rules, 1, 19 * SECOND), opened(Cause::MaxFails, 29 * SECOND));
}

#[test]
fn what_began_before_it_opened_says_nothing_new() {
    let (mut breaker, rules) = (Breaker::default(), rules());
    fail(&mut breaker, &rules, 5, 0);
    breaker.admit(&rules, SECOND, 30 * SECOND);
    assert_eq!(breaker.failed(&rules, 0, 31 * SECOND), None);
    assert_eq!(breaker.succeeded(&rules, 0, 31 * SECOND), None);
    assert!(matches!(breaker.phase(), Phase::HalfOpen { passed: 0, trial: Some(_) }));
}

#[test]
fn a_trial_that_is_never_heard_of_has_failed() {
    let (mut breaker, rules) = (Breaker::default(), rules());
    fail(&mut breaker, &rules, 5, 0);
    breaker.admit(&rules, SECOND, 30 * SECOND);
    assert_eq!(breaker.admit(&rules, SECOND, 31 * SECOND), (None, None));
    let late = 31 * SECOND + 1;
    assert_eq!(breaker.admit(&rules, SECOND, late).1, opened(Cause::Silent, late + 60 * SECOND));
}

#[test]
fn another_instances_word_makes_it_suspicious_but_never_opens_it() {
    let (mut breaker, rules) = (Breaker::default(), rules());
    assert_eq!(breaker.suspect(60 * SECOND), Event::Suspicious { until: 60 * SECOND });
    assert_eq!(breaker.phase(), Phase::Closed);
    assert_eq!(fail(&mut breaker, &rules, 1, 0), None);
    assert_eq!(fail(&mut breaker, &rules, 1, 0), opened(Cause::Consecutive, 30 * SECOND));
    let mut late = Breaker::default();
    late.suspect(60 * SECOND);
    assert_eq!(fail(&mut late, &rules, 4, 60 * SECOND), None);
}

#[test]
fn by_hand_it_opens_and_closes_whatever_else_happens() {
    let health = Health::default();
    health.hold_open();
    assert_eq!(health.standing(i64::MAX - 1), Standing::Out(Out::Held));
    assert_eq!(health.admit(&rules(), SECOND, false, SECOND).trial, None);
    health.probed(&rules(), true, SECOND);
    assert_eq!(health.phase(), Phase::Held);
    assert_eq!(health.close_by_hand(SECOND), Some(Event::Closed));
    assert_eq!(health.standing(SECOND), Standing::Ready(1.0));
    assert_eq!(health.close_by_hand(SECOND), None);
}

#[test]
fn probes_open_and_close() {
    let (mut breaker, rules) = (Breaker::default(), rules());
    assert_eq!(breaker.probed(&rules, false, 0), None);
    assert_eq!(breaker.probed(&rules, false, 0), None);
    assert_eq!(breaker.probed(&rules, false, 0), opened(Cause::Probe, 30 * SECOND));
    assert_eq!(breaker.probed(&rules, false, 20 * SECOND), None);
    assert_eq!(breaker.admit(&rules, SECOND, 40 * SECOND).0, None, "a bad probe keeps it open for longer");
    assert_eq!(breaker.probed(&rules, true, 41 * SECOND), None);
    assert_eq!(breaker.probed(&rules, true, 42 * SECOND), Some(Event::Closed));
}

#[test]
fn good_probes_do_not_close_before_its_time_what_requests_opened() {
    let (mut breaker, rules) = (Breaker::default(), rules());
    fail(&mut breaker, &rules, 5, 0);
    for now in 0..30 {
        assert_eq!(breaker.probed(&rules, true, now * SECOND), None);
    }
    assert_eq!(breaker.probed(&rules, true, 30 * SECOND), Some(Event::HalfOpened));
    assert_eq!(breaker.probed(&rules, true, 31 * SECOND), None);
    assert_eq!(breaker.probed(&rules, true, 32 * SECOND), Some(Event::Closed));
}

#[test]
fn a_limited_target_is_out_until_the_named_time_without_being_broken() {
    let health = Health::default();
    assert_eq!(health.limited(Some(20 * SECOND), 0), Event::Limited { until: 20 * SECOND });
    assert_eq!(health.standing(20 * SECOND - 1), Standing::Out(Out::Limited(20 * SECOND)));
    assert_eq!(health.standing(20 * SECOND), Standing::Ready(1.0));
    assert_eq!(health.phase(), Phase::Closed);
}

#[test]
fn without_a_named_time_each_refusal_in_a_row_rests_for_twice_as_long() {
    let health = Health::default();
    let mut now = 0;
    for seconds in [1, 2, 4, 8, 16, 32, 64, 64] {
        assert_eq!(health.limited(None, now), Event::Limited { until: now + seconds * SECOND });
        now += seconds * SECOND;
    }
    health.succeeded(&rules(), 0, now);
    assert_eq!(health.limited(None, now), Event::Limited { until: now + SECOND });
}

#[test]
fn a_refused_credential_is_out_until_told_otherwise() {
    let health = Health::default();
    assert_eq!(health.credential_out(), Some(Event::CredentialOut));
    assert_eq!(health.credential_out(), None);
    assert_eq!(health.standing(i64::MAX - 1), Standing::Out(Out::Credential));
    assert_eq!(health.credential_back(), Some(Event::CredentialBack));
    assert_eq!(health.standing(0), Standing::Ready(1.0));
}

#[test]
fn credentials_rotate_and_all_dead_is_one_clear_error() {
    let credentials = Credentials::new(3);
    let next: Vec<_> = (0..4).map(|_| credentials.next(0).unwrap()).collect();
    assert_eq!(next, [0, 1, 2, 0]);
    credentials.out(1);
    credentials.limited(0, Some(9 * SECOND), 0);
    assert!((0..9).all(|_| credentials.next(0) == Ok(2)));
    credentials.limited(2, Some(5 * SECOND), 0);
    assert_eq!(credentials.next(0), Err(NoCredential { until: Some(5 * SECOND) }));
    credentials.out(0);
    credentials.out(2);
    assert_eq!(credentials.next(9 * SECOND), Err(NoCredential { until: None }));
    credentials.back(1, 0);
    assert_eq!(credentials.next(0), Ok(1));
    assert_eq!(Credentials::new(0).next(0), Err(NoCredential { until: None }));
}

#[test]
fn slow_start_grows_along_a_line() {
    let (health, rules) = (Health::default(), rules());
    for _ in 0..5 {
        health.failed(&rules, 0, 0);
    }
    assert_eq!(health.standing(0), Standing::Out(Out::Broken(30 * SECOND)));
    assert_eq!(health.standing(30 * SECOND), Standing::Trial);
    health.admit(&rules, SECOND, false, 30 * SECOND);
    for _ in 0..3 {
        health.succeeded(&rules, 1, 30 * SECOND);
    }
    for (after, share) in [(0, 0.05), (2, 0.2), (5, 0.5), (10, 1.0), (3, 1.0)] {
        assert_eq!(health.standing((30 + after) * SECOND), Standing::Ready(share));
    }
}

#[test]
fn slow_first_tokens_in_a_row_open_it() {
    let rules = HealthRules { slow_first_token: Some(Duration::from_secs(2)), ..rules() };
    assert!(rules.is_slow(2 * SECOND + 1, 0) && !rules.is_slow(2 * SECOND, 0));
    assert!(rules.is_slow(SECOND + 1, SECOND / 5) && !rules.is_slow(SECOND, SECOND / 5));
    assert!(!rules.is_slow(100_000, 1000), "noise");
    let mut breaker = Breaker::default();
    let slows = [true, true, true, true, false, true, true, true, true];
    assert!(slows.iter().all(|slow| breaker.heard(&rules, 0, *slow, 0).is_none()));
    assert_eq!(breaker.heard(&rules, 0, true, 0), opened(Cause::Slow, 30 * SECOND));
}

/// What happens next to a breaker.
#[derive(Clone, Debug)]
enum Step {
    Wait(i64),
    Ask,
    /// The open request at this place (modulo their number) ends: well, badly, or saying nothing.
    End(usize, u8),
    Probe(bool),
    Suspect,
    Hold,
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..20 * SECOND).prop_map(Step::Wait),
        8 => Just(Step::Ask),
        8 => (any::<usize>(), 0u8..10).prop_map(|(place, how)| Step::End(place, how)),
        1 => any::<bool>().prop_map(Step::Probe),
        1 => Just(Step::Suspect),
        1 => Just(Step::Hold),
        2 => Just(Step::Close),
    ];
    proptest::collection::vec(step, 1..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn whatever_happens_the_breaker_moves_only_along_its_arrows(steps in steps()) {
        let (health, rules) = (Health::default(), rules());
        let (mut now, mut open) = (0, Vec::new());
        for step in steps {
            let before = health.phase();
            let mut event = None;
            match step.clone() {
                Step::Wait(time) => now += time,
                Step::Ask => {
                    let admission = health.admit(&rules, i64::MAX, false, now);
                    event = admission.event;
                    if let Some(trial) = admission.trial {
                        let was_due = match before {
                            Phase::Closed => !trial,
                            Phase::Open { until, .. } => trial && now >= until,
                            Phase::HalfOpen { trial: under_way, .. } => trial && under_way.is_none(),
                            Phase::Held => false,
                        };
                        prop_assert!(was_due, "{before:?} let one through");
                        open.push((admission.epoch, trial));
                    }
                }
                Step::End(place, how) if !open.is_empty() => {
                    let (epoch, trial) = open.swap_remove(place % open.len());
                    event = match how {
                        0..4 => health.succeeded(&rules, epoch, now),
                        4..9 => health.failed(&rules, epoch, now),
                        _ if trial => { health.trial_was_void(&rules, epoch, now); None }
                        _ => None,
                    };
                }
                Step::End(..) => {}
                Step::Probe(good) => event = health.probed(&rules, good, now),
                Step::Suspect => { health.suspect(now + 60 * SECOND); }
                Step::Hold => event = Some(health.hold_open()),
                Step::Close => event = health.close_by_hand(now),
            }
            let after = health.phase();
            let arrow = match (before, after) {
                (Phase::Closed, Phase::Closed) => event.is_none(),
                (Phase::Closed, Phase::HalfOpen { .. }) => false,
                (_, Phase::Open { until, .. }) if event.is_some() => {
                    prop_assert!(until - now >= 30 * SECOND && until - now <= 300 * SECOND);
                    matches!(event, Some(Event::Opened { .. }))
                }
                (Phase::Open { .. }, Phase::Open { .. }) => event.is_none(),
                (Phase::Open { .. }, Phase::HalfOpen { .. }) => event == Some(Event::HalfOpened),
                (Phase::HalfOpen { .. }, Phase::HalfOpen { .. }) => event.is_none(),
                (_, Phase::Held) => true,
                (Phase::Held, Phase::Closed) => matches!(step, Step::Close),
                (_, Phase::Closed) => event == Some(Event::Closed),
                _ => false,
            };
            prop_assert!(arrow, "{before:?} -> {after:?} with {event:?} by {step:?}");
            // What the hot path reads agrees with the breaker.
            let agrees = match (after, health.standing(now)) {
                (Phase::Closed, Standing::Ready(share)) => share > 0.0 && share <= 1.0,
                (Phase::Open { until, .. }, Standing::Trial) => now >= until,
                (Phase::Open { until, .. }, Standing::Out(Out::Broken(told))) => now < until && told == until,
                (Phase::HalfOpen { trial, .. }, Standing::Trial) => trial.is_none_or(|since| now > since),
                (Phase::HalfOpen { trial, .. }, Standing::Out(Out::Broken(_))) => trial.is_some(),
                (Phase::Held, Standing::Out(Out::Held)) => true,
                _ => false,
            };
            prop_assert!(agrees, "{after:?} is told as {:?}", health.standing(now));
        }
    }
}
