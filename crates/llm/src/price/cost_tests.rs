//! Tests of costs.

use proptest::prelude::*;

use super::*;
use crate::price::{Above, Rate, Tier};

/// Dollars per million tokens.
fn dollars(text: &str) -> Rate {
    Rate::from_dollars_per_million(text).expect("a rate")
}

/// $3 in, $15 out, cache $0.30 / $3.75 / $6.
fn claude() -> Price {
    let mut price = Price::new(dollars("3"), dollars("15"));
    price.rates = price
        .rates
        .with(Class::CacheRead, dollars("0.3"))
        .with(Class::CacheWrite, dollars("3.75"))
        .with(Class::CacheWrite1h, dollars("6"));
    price
}

fn nano(price: &Price, usage: &Usage) -> i64 {
    cost(price, usage, None).expect("priced").0
}

#[test]
fn case_01_cached_tokens_are_part_of_the_prompt() {
    let usage = Usage {
        input: 1_000,
        cache_read: 600,
        cache_write: 300,
        cache_write_1h: 100,
        output: 50,
        ..Usage::default()
    };
    // 100 × 3000 + 600 × 300 + 200 × 3750 + 100 × 6000 + 50 × 15000 nano-dollars
    assert_eq!(nano(&claude(), &usage), 300_000 + 180_000 + 750_000 + 600_000 + 750_000);
}

#[test]
fn case_09_cached_audio_and_images_are_billed_once() {
    let mut price = claude();
    price.rates = price.rates.with(Class::InputAudio, dollars("10")).with(Class::InputImage, dollars("5"));
    let usage = Usage {
        input: 1_000,
        cache_read: 900,
        input_audio: 80,
        input_image: 500,
        output: 0,
        ..Usage::default()
    };
    let bill = bill(&price, &usage, None).expect("priced");
    assert_eq!(bill.lines.iter().map(|line| line.tokens).sum::<u64>(), 1_000);
    assert_eq!(bill.total.0, 900 * 300 + 80 * 10_000 + 20 * 5_000);
}

#[test]
fn case_11_the_tier_that_was_served_and_the_long_prompt_set_the_price() {
    let long = |input: &str, output: &str| Above {
        tokens: 272_000,
        rates: Price::new(dollars(input), dollars(output)).rates,
    };
    let mut price = Price::new(dollars("4"), dollars("20"));
    price.above = vec![long("8", "30")];
    price.tiers = vec![
        Tier {
            name: "priority".into(),
            rates: Price::new(dollars("8"), dollars("40")).rates,
            above: vec![long("16", "60")],
        },
        Tier { name: "flex".into(), rates: Price::new(dollars("2"), dollars("10")).rates, above: vec![] },
    ];
    let at =
        |input, tier| cost(&price, &Usage { input, output: 1, ..Usage::default() }, tier).expect("priced").0;
    assert_eq!(at(272_000, None), 272_000 * 4_000 + 20_000);
    assert_eq!(at(272_001, None), 272_001 * 8_000 + 30_000);
    assert_eq!(at(1, Some("priority")), 8_000 + 40_000);
    assert_eq!(at(1, Some("PRIORITY")), 8_000 + 40_000);
    assert_eq!(at(300_000, Some("priority")), 300_000 * 16_000 + 60_000);
    assert_eq!(
        at(300_000, Some("flex")),
        300_000 * 8_000 + 30_000,
        "no long rate of its own: the standard one"
    );
    assert_eq!(at(1, Some("default")), 4_000 + 20_000);
    let unknown = bill(&price, &Usage { input: 1, ..Usage::default() }, Some("gold")).expect("priced");
    assert!(!unknown.tier_priced);
    assert_eq!(unknown.total.0, 4_000);
}

#[test]
fn parts_larger_than_their_whole_are_cut() {
    let usage = Usage {
        input: 10,
        cache_read: 50,
        cache_write: 7,
        cache_write_1h: 9,
        output: 5,
        reasoning: 8,
        output_audio: 3,
        ..Usage::default()
    };
    assert_eq!(nano(&claude(), &usage), 10 * 300 + 5 * 15_000);
    assert_eq!(
        nano(&claude(), &Usage { input: 2, cache_write: 2, cache_write_1h: 9, ..Usage::default() }),
        12_000
    );
}

#[test]
fn reasoning_costs_its_own_rate_where_one_is_named() {
    let mut price = Price::new(dollars("1"), dollars("2"));
    let usage = Usage { output: 10, reasoning: 4, ..Usage::default() };
    assert_eq!(nano(&price, &usage), 10 * 2_000);
    price.rates = price.rates.with(Class::Reasoning, dollars("3"));
    assert_eq!(nano(&price, &usage), 6 * 2_000 + 4 * 3_000);
}

#[test]
fn a_class_without_any_rate_leaves_the_cost_unknown() {
    let embedding = Price { rates: Rates::default().with(Class::Input, dollars("0.02")), ..Price::default() };
    assert_eq!(nano(&embedding, &Usage { input: 1_000, ..Usage::default() }), 20_000);
    assert_eq!(cost(&embedding, &Usage { input: 1_000, output: 1, ..Usage::default() }, None), None);
}

#[test]
fn a_fraction_of_a_nano_dollar_is_rounded_once() {
    let price = Price::new(Rate(1_400), Rate(1_400));
    assert_eq!(nano(&price, &Usage { input: 1, ..Usage::default() }), 1);
    assert_eq!(nano(&price, &Usage { input: 1, output: 1, ..Usage::default() }), 3);
}

#[test]
fn the_largest_counts_do_not_overflow() {
    let price = Price::new(Rate(u64::MAX), Rate(u64::MAX));
    assert_eq!(nano(&price, &Usage { input: u64::MAX, output: u64::MAX, ..Usage::default() }), i64::MAX);
}

prop_compose! {
    fn any_rates()(rates in prop::array::uniform9(prop::option::of(0_u64..200_000_000)), input in 0_u64..200_000_000, output in 0_u64..200_000_000) -> Rates {
        let named = Class::ALL.into_iter().zip(rates).filter_map(|(class, rate)| Some((class, rate?)));
        let rates = named.fold(Rates::default(), |rates, (class, rate)| rates.with(class, Rate(rate)));
        rates.with(Class::Input, Rate(input)).with(Class::Output, Rate(output))
    }
}

prop_compose! {
    fn any_usage()(n in prop::array::uniform9(0_u64..400_000)) -> Usage {
        Usage {
            input: n[0], cache_read: n[1], cache_write: n[2], cache_write_1h: n[3], input_audio: n[4],
            input_image: n[5], output: n[6], reasoning: n[7], output_audio: n[8], ..Usage::default()
        }
    }
}

proptest! {
    #[test]
    fn the_total_is_the_sum_of_its_lines_and_every_token_is_in_one(rates in any_rates(), usage in any_usage()) {
        let price = Price { rates, ..Price::default() };
        let bill = bill(&price, &usage, None).expect("input and output are priced");
        let pico: u128 = bill.lines.iter().map(|line| line.pico_usd).sum();
        prop_assert_eq!(i128::from(bill.total.0), (pico as i128 + 500) / 1_000);
        prop_assert_eq!(bill.lines.iter().map(|line| line.tokens).sum::<u64>(), usage.input + usage.output);
        prop_assert!(bill.total.0 >= 0);
    }

    #[test]
    fn more_tokens_never_cost_less(rates in any_rates(), usage in any_usage(), more in 0_u64..100_000, long in 100_u32..300) {
        let above = vec![Above { tokens: 200_000, rates: rates.percent(long) }];
        let price = Price { rates, above, ..Price::default() };
        let before = nano(&price, &usage);
        let longer = Usage { input: usage.input + more, ..usage.clone() };
        let wordier = Usage { output: usage.output + more, ..usage };
        prop_assert!(nano(&price, &longer) >= before);
        prop_assert!(nano(&price, &wordier) >= before);
    }

    #[test]
    fn a_higher_rate_never_costs_less(rates in any_rates(), usage in any_usage(), percent in 100_u32..1_000) {
        let price = Price { rates, ..Price::default() };
        prop_assert!(nano(&price.percent(percent), &usage) >= nano(&price, &usage));
    }

    #[test]
    fn nothing_overflows_or_goes_below_zero(n in prop::array::uniform9(any::<u64>()), input: u64, output: u64) {
        let usage = Usage {
            input: n[0], cache_read: n[1], cache_write: n[2], cache_write_1h: n[3], input_audio: n[4],
            input_image: n[5], output: n[6], reasoning: n[7], output_audio: n[8], ..Usage::default()
        };
        prop_assert!(nano(&Price::new(Rate(input), Rate(output)), &usage) >= 0);
    }
}
