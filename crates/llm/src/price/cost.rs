//! What an answer cost: a usage times a price, each token billed once.

use tidegate_core::NanoUsd;

use super::tariff::{Class, Price, Rates};
use crate::usage::Usage;

/// So many tokens of a class at a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The class of token.
    pub class: Class,
    /// How many; each token of the usage is in one line only.
    pub tokens: u64,
    /// Pico-dollars: tokens × rate, exact.
    pub pico_usd: u128,
}

/// The lines of a cost and their sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// One line per class that has tokens.
    pub lines: Vec<Line>,
    /// The sum, rounded once to the nearest nano-dollar; stops at the largest amount.
    pub total: NanoUsd,
    /// False when the answer came from a service tier for which the price names no rates: the standard ones were used.
    pub tier_priced: bool,
}

/// The cost of a usage in a service tier (`None`: standard), or `None` where a class that has tokens has no rate.
/// The tier is the one that the provider says it served (wire case 11).
pub fn cost(price: &Price, usage: &Usage, tier: Option<&str>) -> Option<NanoUsd> {
    bill(price, usage, tier).map(|bill| bill.total)
}

/// Like [`cost`], with its lines.
pub fn bill(price: &Price, usage: &Usage, tier: Option<&str>) -> Option<Bill> {
    let named = tier.and_then(super::Tier::canonical);
    let tier = named.as_deref().and_then(|name| price.tier(name));
    let rates = price.rates_for(usage.input, tier);
    let mut lines = Vec::with_capacity(4);
    for (class, tokens) in split(usage, &rates) {
        if tokens > 0 {
            let rate = rates.of(class)?;
            lines.push(Line { class, tokens, pico_usd: u128::from(tokens) * u128::from(rate.0) });
        }
    }
    let pico = lines.iter().fold(0_u128, |sum, line| sum.saturating_add(line.pico_usd));
    let nano = pico.saturating_add(500) / 1_000;
    let total = NanoUsd(i64::try_from(nano).unwrap_or(i64::MAX));
    Some(Bill { lines, total, tier_priced: named.is_none() || tier.is_some() })
}

/// Splits the totals into classes that do not overlap. What cached tokens leave of the prompt is shared out to audio and
/// images: a vendor that counts a cached image in both counts would otherwise be paid twice (wire case 9). A part
/// that is larger than its whole is cut.
fn split(usage: &Usage, rates: &Rates) -> [(Class, u64); 9] {
    let mut prompt = usage.input;
    let cache_read = take(&mut prompt, usage.cache_read);
    let mut cache_write = take(&mut prompt, usage.cache_write);
    let cache_write_1h = take(&mut cache_write, usage.cache_write_1h);
    let input_audio = take_if_named(&mut prompt, usage.input_audio, rates, Class::InputAudio);
    let input_image = take_if_named(&mut prompt, usage.input_image, rates, Class::InputImage);
    let mut answer = usage.output;
    let reasoning = take(&mut answer, usage.reasoning);
    let output_audio = take(&mut answer, usage.output_audio);
    [
        (Class::Input, prompt),
        (Class::CacheRead, cache_read),
        (Class::CacheWrite, cache_write),
        (Class::CacheWrite1h, cache_write_1h),
        (Class::InputAudio, input_audio),
        (Class::InputImage, input_image),
        (Class::Output, answer),
        (Class::Reasoning, reasoning),
        (Class::OutputAudio, output_audio),
    ]
}

fn take(rest: &mut u64, wanted: u64) -> u64 {
    let taken = wanted.min(*rest);
    *rest -= taken;
    taken
}

/// Takes nothing for a class that has no rate of its own, so that what is left goes to one that has.
fn take_if_named(rest: &mut u64, wanted: u64, rates: &Rates, class: Class) -> u64 {
    if rates.named(class).is_some() { take(rest, wanted) } else { 0 }
}

#[cfg(test)]
#[path = "cost_tests.rs"]
mod tests;
