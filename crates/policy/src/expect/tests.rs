//! What is expected, before and after something was learnt.

use super::*;

/// A source of numbers in `0.0..1.0`, always the same.
fn chances() -> impl FnMut() -> f64 {
    let mut state = 7u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[test]
fn nothing_learnt_yet_means_a_careful_guess() {
    let expect = Expect::new();
    assert_eq!(expect.most("m", 1000, None, 1), (4032, 4096));
    assert_eq!(expect.most("m", 1000, Some(10), 3), (4032, 30));
    expect.learn("m", 1000, 500, 20, false);
    assert_eq!(expect.most("m", 1000, None, 1), (4032, 4096), "one request is not enough to go lower");
    expect.learn("m", 1000, 6000, 9000, false);
    let (input, output) = expect.most("m", 1000, None, 1);
    assert!(input >= 6000 && output >= 9000, "but to go higher: {input} {output}");
}

#[test]
fn ninety_nine_of_a_hundred_stay_under() {
    let expect = Expect::new();
    let (mut over, mut held, mut used) = (0, 0, 0);
    let mut chance = chances();
    for round in 0..20_000 {
        let estimate = 20 + (chance() * 5000.0) as u64;
        let real = (estimate as f64 * (0.8 + 0.4 * chance())) as u64;
        let output = (50.0 / (chance() + 0.005)) as u64;
        let (input_most, output_most) = expect.most("m", estimate, None, 1);
        if round > 1000 {
            over += u32::from(real > input_most) + u32::from(output > output_most);
            held += input_most;
            used += real;
        }
        expect.learn("m", estimate, real, output, false);
    }
    assert!(over <= 2 * 19_000 * 13 / 1000, "{over}");
    assert!(held < used * 13 / 10, "holds are not wasteful: {held} of {used}");
}

#[test]
fn what_has_changed_is_learnt_anew() {
    let expect = Expect::new();
    let learn = |times, real, output| (0..times).for_each(|_| expect.learn("m", 1000, real, output, false));
    learn(10_000, 3000, 8000);
    let (input, output) = expect.most("m", 1000, None, 1);
    assert!((3000..3200).contains(&input) && (8000..9000).contains(&output), "{input} {output}");
    learn(20_000, 900, 100);
    let (input, output) = expect.most("m", 1000, None, 1);
    assert!((900..1000).contains(&input) && (100..120).contains(&output), "{input} {output}");
    learn(60, 3000, 8000);
    assert!(expect.most("m", 1000, None, 1).0 >= 3000, "upwards it goes quickly");
}

#[test]
fn answers_that_were_cut_off_teach_nothing_of_answers_that_are_not() {
    let expect = Expect::new();
    (0..1000).for_each(|_| expect.learn("m", 1000, 1000, 5, true));
    let (input, output) = expect.most("m", 1000, None, 1);
    assert!(input < 1100);
    assert_eq!(output, 4096);
}

#[test]
fn max_tokens_of_1e18_overflows_nothing() {
    let expect = Expect::new();
    for (estimated, max_tokens, n) in [
        (u64::MAX, Some(1_000_000_000_000_000_000), u64::MAX),
        (0, Some(u64::MAX), 0),
        (u64::MAX, None, u64::MAX),
    ] {
        expect.learn("m", estimated, u64::MAX, u64::MAX, false);
        expect.learn("m", 1, u64::MAX, 0, false);
        let (input, output) = expect.most("m", estimated, max_tokens, n);
        assert!(input <= ABSURD && output <= ABSURD);
        assert!(i64::try_from(input + output).is_ok());
    }
}

#[test]
fn fault_81_a_million_models_are_not_told_apart() {
    let expect = Expect::new();
    for model in 0..3 * MODELS {
        expect.learn(&format!("m{model}"), 1000, 10_000, 50_000, false);
    }
    assert_eq!(expect.models.read().expect("a lock").len(), MODELS);
    assert!(expect.most("never seen", 1000, None, 1).1 >= 50_000, "the others are learnt of together");
    assert!(expect.most("m0", 1000, None, 1).0 >= 10_000);
}

#[test]
fn many_ask_and_teach_at_once() {
    let expect = Expect::new();
    std::thread::scope(|scope| {
        for thread in 0..8u64 {
            let expect = &expect;
            scope.spawn(move || {
                for i in 0..500u64 {
                    expect.learn(["a", "b"][(i % 2) as usize], 1000, 1000, thread + 1, false);
                    expect.most("a", 1000, None, 1);
                }
            });
        }
    });
    assert!(expect.most("a", 1000, None, 1).1 <= 9);
}
