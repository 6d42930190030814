//! Tests of the LiteLLM price map.

use super::*;
use crate::price::cost;
use crate::usage::Usage;

const MAP: &str = r#"{
  "sample_spec": {"input_cost_per_token": 0.0, "litellm_provider": "one of them", "max_input_tokens": "if known"},
  "gpt-5.5": {
    "litellm_provider": "openai", "mode": "chat", "source": "https://developers.openai.com/api/docs/pricing",
    "max_input_tokens": 1050000, "max_output_tokens": 128000,
    "input_cost_per_token": 5e-06, "output_cost_per_token": 3e-05, "cache_read_input_token_cost": 5e-07,
    "input_cost_per_token_above_272k_tokens": 1e-05, "output_cost_per_token_above_272k_tokens": 4.5e-05,
    "input_cost_per_token_flex": 2.5e-06, "output_cost_per_token_flex": 1.5e-05,
    "input_cost_per_token_above_272k_tokens_flex": 5e-06,
    "input_cost_per_token_priority": 1.25e-05, "input_cost_per_token_batches": null,
    "input_cost_per_token_cache_hit": 1, "search_context_cost_per_query": {"search_context_size_low": 0.01}
  },
  "claude-x": {
    "litellm_provider": "anthropic", "input_cost_per_token": 0.000003, "output_cost_per_token": 0.000015,
    "cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06,
    "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 1.2e-05,
    "cache_creation_input_token_cost_above_12hr": 1
  },
  "dashscope/qwen-flash": {
    "litellm_provider": "dashscope", "max_input_tokens": 997952.0,
    "tiered_pricing": [
      {"input_cost_per_token": 5e-08, "output_cost_per_token": 4e-07, "range": [0, 256000.0]},
      {"input_cost_per_token": 2.5e-07, "output_cost_per_token": 2e-06, "range": [256000.0, 1000000.0]}
    ]
  },
  "together_ai/moonshotai/Kimi-K3": {"litellm_provider": "together_ai", "input_cost_per_token": 3e-06},
  "free-or-unknown": {"litellm_provider": "openai", "input_cost_per_token": 0.0, "output_cost_per_token": 0},
  "tts-1": {"litellm_provider": "openai", "input_cost_per_character": 1.5e-05},
  "minus": {"litellm_provider": "openai", "input_cost_per_token": -1e-06},
  "text": {"litellm_provider": "openai", "input_cost_per_token": "cheap"},
  "nobody": {"input_cost_per_token": 1e-06},
  "list": []
}"#;

fn prices() -> LiteLlmPrices {
    parse_litellm(MAP).expect("a price map")
}

fn find<'a>(prices: &'a LiteLlmPrices, provider: &str, model: &str) -> &'a Price {
    prices.table.find(provider, model, 0).expect("priced")
}

#[test]
fn rates_thresholds_and_tiers_are_read() {
    let prices = prices();
    let price = find(&prices, "openai", "gpt-5.5");
    assert_eq!((price.context_window, price.max_output), (Some(1_050_000), Some(128_000)));
    assert_eq!(price.source.as_deref(), Some("https://developers.openai.com/api/docs/pricing"));
    let at = |input, tier| cost(price, &Usage { input, output: 1, ..Usage::default() }, tier).map(|c| c.0);
    assert_eq!(at(1, None), Some(35_000));
    assert_eq!(at(300_000, None), Some(300_000 * 10_000 + 45_000));
    assert_eq!(at(1, Some("flex")), Some(2_500 + 15_000));
    assert_eq!(at(300_000, Some("flex")), Some(300_000 * 5_000 + 45_000));
    assert_eq!(at(1, Some("priority")), Some(12_500 + 30_000));
    assert!(price.tier("batch").is_none());
}

#[test]
fn cache_writes_of_an_hour_are_read() {
    let prices = prices();
    let price = find(&prices, "anthropic", "claude-x-20260101");
    assert_eq!(price.rates.named(Class::CacheWrite1h), Some(Rate(6_000_000)));
    assert_eq!(price.rates_for(200_001, None).named(Class::CacheWrite1h), Some(Rate(12_000_000)));
}

#[test]
fn ranges_become_thresholds() {
    let prices = prices();
    let price = find(&prices, "dashscope", "qwen-flash");
    assert_eq!(price.context_window, Some(997_952));
    assert_eq!(price.rates_for(256_000, None).named(Class::Input), Some(Rate(50_000)));
    assert_eq!(price.rates_for(256_001, None).named(Class::Input), Some(Rate(250_000)));
}

#[test]
fn providers_get_our_names() {
    let prices = prices();
    assert_eq!(
        find(&prices, "together", "moonshotai/Kimi-K3").rates.named(Class::Input),
        Some(Rate(3_000_000))
    );
}

#[test]
fn bad_entries_are_named_and_cost_no_other_one() {
    let prices = prices();
    let said: Vec<_> = prices.skipped.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "price of `list`: must be an object",
            "price of `minus`: input_cost_per_token is -1e-06: a price cannot be negative",
            "price of `nobody`: litellm_provider is missing",
            "price of `text`: input_cost_per_token is \"cheap\": not a decimal number",
        ]
    );
    assert_eq!(prices.table.len(), 4);
}

#[test]
fn zero_and_other_units_are_unpriced() {
    let prices = prices();
    for model in ["free-or-unknown", "tts-1", "sample_spec"] {
        assert!(prices.table.find("openai", model, 0).is_none(), "{model}");
    }
}

#[test]
fn what_is_no_object_is_refused() {
    for text in ["[]", "", "{", "3"] {
        assert!(parse_litellm(text).is_err(), "{text}");
    }
}
