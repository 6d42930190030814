//! The LiteLLM price map: an object keyed by model, with dollars per token as JSON numbers.
//!
//! Source of the format: `model_prices_and_context_window.json` in github.com/BerriAI/litellm, whose entry
//! `sample_spec` describes it. Numbers are read from their text, so no digit is lost on the way.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::rate::Rate;
use super::table::{PriceTable, Scheduled};
use super::tariff::{Above, Class, Price, Rates, Tier};

/// What was read from a LiteLLM price map.
#[derive(Clone, Debug)]
pub struct LiteLlmPrices {
    /// The prices.
    pub table: PriceTable,
    /// Entries that were left out because they make no sense.
    pub skipped: Vec<SkippedEntry>,
}

/// An entry of a price map that was left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("price of `{entry}`: {problem}")]
pub struct SkippedEntry {
    /// Its key in the map.
    pub entry: String,
    /// What is wrong with it.
    pub problem: String,
}

/// A text that is no JSON object.
#[derive(Debug, thiserror::Error)]
#[error("not a price map: it must be a JSON object keyed by model")]
pub struct NotAPriceMap(#[from] serde_json::Error);

/// LiteLLM's provider names that are not ours; others only have `_` turned into `-`.
const PROVIDERS: [(&str, &str); 12] = [
    ("azure", "azure-openai"),
    ("azure_text", "azure-openai"),
    ("bigmodel", "zhipu"),
    ("codestral", "mistral"),
    ("cohere_chat", "cohere"),
    ("fireworks_ai", "fireworks"),
    ("fireworks_ai-embedding-models", "fireworks"),
    ("hosted_vllm", "vllm"),
    ("huggingface", "huggingface-router"),
    ("lm_studio", "lmstudio"),
    ("text-completion-openai", "openai"),
    ("together_ai", "together"),
];

/// Keys of token rates, the longer before those that they begin with.
const RATE_KEYS: [(&str, Class); 9] = [
    ("cache_creation_input_token_cost_above_1hr", Class::CacheWrite1h),
    ("cache_creation_input_token_cost", Class::CacheWrite),
    ("cache_read_input_token_cost", Class::CacheRead),
    ("input_cost_per_audio_token", Class::InputAudio),
    ("input_cost_per_image_token", Class::InputImage),
    ("input_cost_per_token", Class::Input),
    ("output_cost_per_audio_token", Class::OutputAudio),
    ("output_cost_per_reasoning_token", Class::Reasoning),
    ("output_cost_per_token", Class::Output),
];

/// Endings of keys that name a service tier. Other endings are of no concern here.
const TIERS: [&str; 6] = ["priority", "flex", "batches", "fast", "ultrafast", "balanced"];

type RawObject<'a> = BTreeMap<String, &'a RawValue>;

pub(super) fn parse_litellm(text: &str) -> Result<LiteLlmPrices, NotAPriceMap> {
    let map: RawObject<'_> = serde_json::from_str(text)?;
    let mut table = PriceTable::default();
    table.set_version("litellm".to_owned());
    let mut skipped = Vec::new();
    for (key, raw) in map {
        if key == "sample_spec" {
            continue;
        }
        match read_entry(raw.get()) {
            Ok(Some((provider, price))) => {
                let name = key.strip_prefix(&format!("{provider}/")).unwrap_or(&key);
                table.insert(&our_name(&provider), name, true, Scheduled { price, peak: None });
            }
            Ok(None) => {}
            Err(problem) => skipped.push(SkippedEntry { entry: key, problem }),
        }
    }
    Ok(LiteLlmPrices { table, skipped })
}

fn our_name(litellm: &str) -> String {
    let known = PROVIDERS.iter().find(|(theirs, _)| *theirs == litellm);
    known.map_or_else(|| litellm.replace('_', "-"), |(_, ours)| (*ours).to_owned())
}

/// LiteLLM's provider and the price, or nothing for a model that is not sold by the token. Nothing, too, for a model
/// whose rates are all zero: the map writes zero for "free" and for "unknown" alike.
fn read_entry(text: &str) -> Result<Option<(String, Price)>, String> {
    let fields: RawObject<'_> = serde_json::from_str(text).map_err(|_| "must be an object".to_owned())?;
    let mut price = Price {
        context_window: fields.get("max_input_tokens").and_then(|raw| tokens(raw)),
        max_output: fields.get("max_output_tokens").and_then(|raw| tokens(raw)),
        source: fields.get("source").and_then(|raw| string(raw)),
        ..Price::default()
    };
    for (key, raw) in &fields {
        if let Some(slot) = Slot::of_key(key)
            && let Some(rate) = rate(key, raw)?
        {
            slot.fill(&mut price, rate);
        }
    }
    if let Some(raw) = fields.get("tiered_pricing") {
        read_ranges(raw, &mut price)?;
    }
    price.above.sort_by_key(|a| a.tokens);
    price.tiers.iter_mut().for_each(|tier| tier.above.sort_by_key(|a| a.tokens));
    let free = Class::ALL.iter().all(|class| price.rates.named(*class).is_none_or(|rate| rate == Rate(0)));
    if price.rates.named(Class::Input).is_none() || free {
        return Ok(None);
    }
    let provider = fields.get("litellm_provider").and_then(|raw| string(raw));
    Ok(Some((provider.ok_or("litellm_provider is missing")?, price)))
}

/// Where a rate belongs.
struct Slot<'a> {
    class: Class,
    above: Option<u64>,
    tier: Option<&'a str>,
}

impl<'a> Slot<'a> {
    /// Reads `KEY[_above_Nk_tokens][_TIER]`.
    fn of_key(key: &'a str) -> Option<Self> {
        let (rest, class) =
            RATE_KEYS.iter().find_map(|(name, class)| Some((key.strip_prefix(name)?, *class)))?;
        let (rest, above) = match rest.strip_prefix("_above_").and_then(|r| r.split_once("k_tokens")) {
            Some((thousands, rest)) => (rest, Some(thousands.parse::<u64>().ok()?.checked_mul(1_000)?)),
            None => (rest, None),
        };
        let tier = match rest.strip_prefix('_') {
            Some(tier) => Some(TIERS.into_iter().find(|known| *known == tier)?),
            None if rest.is_empty() => None,
            None => return None,
        };
        Some(Self { class, above, tier })
    }

    fn fill(&self, price: &mut Price, rate: Rate) {
        let (rates, above) = match self.tier.and_then(Tier::canonical) {
            None => (&mut price.rates, &mut price.above),
            Some(name) => {
                let tier = tier_mut(&mut price.tiers, name);
                (&mut tier.rates, &mut tier.above)
            }
        };
        let slot = match self.above {
            None => rates,
            Some(tokens) => above_mut(above, tokens),
        };
        *slot = slot.with(self.class, rate);
    }
}

fn tier_mut(tiers: &mut Vec<Tier>, name: String) -> &mut Tier {
    let at = tiers.iter().position(|tier| tier.name == name).unwrap_or_else(|| {
        tiers.push(Tier { name, ..Tier::default() });
        tiers.len() - 1
    });
    &mut tiers[at]
}

fn above_mut(above: &mut Vec<Above>, tokens: u64) -> &mut Rates {
    let at = above.iter().position(|a| a.tokens == tokens).unwrap_or_else(|| {
        above.push(Above { tokens, rates: Rates::default() });
        above.len() - 1
    });
    &mut above[at].rates
}

/// `tiered_pricing`: one object per range of prompt lengths, each with all its rates. The first one is the standard price.
fn read_ranges(raw: &RawValue, price: &mut Price) -> Result<(), String> {
    let ranges: Vec<RawObject<'_>> =
        serde_json::from_str(raw.get()).map_err(|_| "tiered_pricing must be a list of objects".to_owned())?;
    for range in ranges {
        // Other lists of this name are by quality or by minute.
        let Some(from) = range.get("range").and_then(|raw| range_start(raw)) else { return Ok(()) };
        for (key, raw) in &range {
            let Some(Slot { class, above: None, tier: None }) = Slot::of_key(key) else { continue };
            if let Some(rate) = rate(key, raw)? {
                let above = (from > 0).then_some(from);
                Slot { class, above, tier: None }.fill(price, rate);
            }
        }
    }
    Ok(())
}

fn range_start(raw: &RawValue) -> Option<u64> {
    let bounds: Vec<&RawValue> = serde_json::from_str(raw.get()).ok()?;
    tokens(bounds.first()?)
}

fn rate(key: &str, raw: &RawValue) -> Result<Option<Rate>, String> {
    match raw.get() {
        "null" => Ok(None),
        text => match Rate::from_dollars_per_token(text) {
            Ok(rate) => Ok(Some(rate)),
            Err(problem) => Err(format!("{key} is {text}: {problem}")),
        },
    }
}

/// A whole number, which some entries write as `256000.0`.
fn tokens(raw: &RawValue) -> Option<u64> {
    let text = raw.get();
    text.split_once('.')
        .filter(|(_, zeros)| zeros.bytes().all(|b| b == b'0'))
        .map_or(text, |(whole, _)| whole)
        .parse()
        .ok()
}

fn string(raw: &RawValue) -> Option<String> {
    String::deserialize(&mut serde_json::Deserializer::from_str(raw.get())).ok()
}

#[cfg(test)]
#[path = "litellm_tests.rs"]
mod tests;
