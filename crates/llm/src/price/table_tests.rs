//! Tests of looking prices up.

use super::*;
use crate::price::{Class, Rate, bill, cost};
use crate::usage::Usage;

/// Saturday, 2026-11-21, 12:00 UTC.
const NOON: u64 = 1_795_262_400;
const DAY: u64 = 86_400;

fn builtin() -> PriceTable {
    PriceTable::builtin().expect("the price file is whole")
}

fn input(table: &PriceTable, provider: &str, model: &str, at: u64) -> Option<String> {
    Some(table.find(provider, model, at)?.rates.named(Class::Input)?.to_string())
}

#[test]
fn the_price_file_is_whole_and_plausible() {
    let table = builtin();
    assert!(table.len() >= 60, "{}", table.len());
    assert_eq!(table.version(), "2026-11-21");
    for (provider, models) in &table.models {
        assert!(crate::provider::find(provider).is_some(), "{provider} is no provider");
        for (name, scheduled) in models.iter().flat_map(|(n, s)| s.prices.iter().map(move |p| (n, p))) {
            let price = &scheduled.price;
            assert!(price.source.as_deref().is_some_and(|s| s.starts_with("https://")), "{name}");
            let longer = price.above.iter().flat_map(|a| Class::ALL.map(|c| (c, a.rates.named(c))));
            for (class, rate) in Class::ALL.map(|c| (c, price.rates.named(c))).into_iter().chain(longer) {
                // A slip of the decimal point: nobody sells a token for less than a thousandth of a dollar per
                // million, or for more than a thousand.
                let slip = rate.is_some_and(|r| r < Rate(1_000) || r > Rate(1_000_000_000));
                assert!(!slip, "{provider}/{name} {}: {rate:?}", class.name());
            }
            let of = |class| price.rates.of(class).unwrap_or_default();
            assert!(
                of(Class::CacheRead) <= of(Class::Input),
                "{name}: reading a cache costs more than not having it"
            );
            assert!(price.above.is_sorted_by_key(|a| a.tokens), "{name}");
            let usage = Usage { input: 1_000, ..Usage::default() };
            for tier in [None, Some("batch"), Some("flex"), Some("priority"), Some("fast")] {
                let bill = bill(price, &usage, tier).expect("priced");
                assert!(bill.total.0 > 0, "{name} {tier:?}");
            }
        }
    }
}

#[test]
fn a_model_is_found_by_its_name_its_alias_and_its_dated_name() {
    let table = builtin();
    for (provider, model, price) in [
        ("openai", "gpt-4.1", "2"),
        ("openai", "gpt-4.1-2025-04-14", "2"),
        ("openai", "gpt-4o-2024-05-13", "5"),
        ("openai", "gpt-4o-2024-11-20", "2.5"),
        ("openai", "gpt-5.6", "4"),
        ("openai", "gpt-5-chat-latest", "1.25"),
        ("azure-openai", "gpt-4.1", "2"),
        ("anthropic", "claude-sonnet-4-5-20250929", "3"),
        ("anthropic", "claude-opus-4-20250514", "15"),
        ("anthropic", "claude-3-5-haiku-latest", "0.8"),
        ("gemini", "models/gemini-2.5-pro", "1.25"),
        ("groq", "openai/gpt-oss-120b", "0.15"),
        ("together", "moonshotai/Kimi-K3", "3"),
        ("fireworks", "accounts/fireworks/models/kimi-k3", "3"),
        ("fireworks", "kimi-k3", "3"),
        ("mistral", "mistral-small-latest", "0.15"),
        ("xai", "grok-4-latest", "3"),
        ("dashscope", "qwen3-max", "1.2"),
    ] {
        assert_eq!(input(&table, provider, model, NOON).as_deref(), Some(price), "{provider}/{model}");
    }
}

#[test]
fn what_has_no_price_is_none_and_never_zero() {
    let table = builtin();
    for (provider, model) in [
        ("openai", "gpt-99"),
        ("ollama", "gpt-4.1"),
        ("nobody", "gpt-4.1"),
        ("openai", ""),
        ("openai", "ft:gpt-4.1:a::b"),
    ] {
        assert!(table.find(provider, model, NOON).is_none(), "{provider}/{model}");
    }
}

#[test]
fn an_announced_price_holds_from_its_day() {
    let table = builtin();
    let at = |at| input(&table, "gemini", "gemini-4-argon", at);
    assert_eq!(at(NOON + 9 * DAY).as_deref(), Some("2"), "30 November");
    assert_eq!(at(NOON + 10 * DAY).as_deref(), Some("4"), "1 December");
}

#[test]
fn peak_hours_cost_more() {
    let table = builtin();
    let friday_02 = NOON - DAY - 10 * 3_600;
    assert_eq!(input(&table, "deepseek", "deepseek-flash", friday_02).as_deref(), Some("0.3"));
    assert_eq!(input(&table, "deepseek", "deepseek-flash", friday_02 + DAY).as_deref(), Some("0.15"));
    assert_eq!(input(&table, "deepseek", "deepseek-v4-flash", NOON).as_deref(), Some("0.15"));
}

#[test]
fn case_11_the_built_in_prices_know_tiers_and_long_prompts() {
    let table = builtin();
    let price = table.find("openai", "gpt-5.5", NOON).expect("priced");
    let at = |input, tier| cost(price, &Usage { input, ..Usage::default() }, tier).map(|c| c.0);
    assert_eq!(at(1_000, None), Some(5_000_000));
    assert_eq!(at(1_000, Some("priority")), Some(12_500_000));
    assert_eq!(at(1_000, Some("fast")), Some(12_500_000));
    assert_eq!(at(1_000, Some("flex")), Some(2_500_000));
    assert_eq!(at(1_000, Some("batch")), Some(2_500_000));
    assert_eq!(at(300_000, None), Some(3_000_000_000));
    assert_eq!(at(300_000, Some("flex")), Some(1_500_000_000));
}

#[test]
fn an_override_goes_before_everything_and_covers_dated_names() {
    let mine = |dollars| Price::new(Rate(dollars), Rate(dollars));
    let table = builtin()
        .with_override("openai/GPT-4.1", mine(7))
        .with_override("my-model", mine(8))
        .with_override("groq/openai/gpt-oss-120b", mine(9));
    let rate = |provider, model| table.find(provider, model, NOON).and_then(|p| p.rates.named(Class::Input));
    assert_eq!(rate("openai", "gpt-4.1"), Some(Rate(7)));
    assert_eq!(rate("openai", "gpt-4.1-2025-04-14"), Some(Rate(7)));
    assert_eq!(rate("azure-openai", "gpt-4.1"), Some(Rate(2_000_000)));
    assert_eq!(rate("vllm", "My-Model"), Some(Rate(8)));
    assert_eq!(rate("groq", "openai/gpt-oss-120b"), Some(Rate(9)));
}

#[test]
fn a_table_on_top_replaces_a_model_and_leaves_the_rest() {
    let text = r#"{"gpt-4.1": {"litellm_provider": "openai", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}}"#;
    let table = builtin().overlaid(PriceTable::from_litellm_json(text).expect("a price map").table);
    assert_eq!(input(&table, "openai", "gpt-4.1", NOON).as_deref(), Some("1"));
    assert_eq!(input(&table, "openai", "gpt-4o", NOON).as_deref(), Some("2.5"));
    assert_eq!(table.version(), "2026-11-21+litellm");
}

#[test]
fn models_are_listed_without_aliases() {
    let table = builtin();
    let models: Vec<_> = table.models_of("deepseek").collect();
    assert_eq!(models, ["deepseek-chat", "deepseek-flash", "deepseek-v4-pro"]);
    assert_eq!(table.models_of("nobody").count(), 0);
}
