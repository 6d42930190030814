//! Prices.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidegate_llm::price::{Class, Price, Rates};

use super::Dollars;

/// What a model costs, in US dollars per million tokens. A rate that is left out is that of the class it belongs to: cached
/// and image prompts cost `input`, reasoning costs `output`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PriceEntry {
    /// Prompt tokens.
    pub input: Option<Dollars>,
    /// Answer tokens.
    pub output: Option<Dollars>,
    /// Prompt tokens that the provider's cache had.
    pub cache_read: Option<Dollars>,
    /// Prompt tokens written to the provider's cache.
    pub cache_write: Option<Dollars>,
    /// Prompt tokens written to the provider's cache for an hour.
    pub cache_write_1h: Option<Dollars>,
    /// Audio in the prompt.
    pub input_audio: Option<Dollars>,
    /// Images in the prompt.
    pub input_image: Option<Dollars>,
    /// Reasoning tokens.
    pub reasoning: Option<Dollars>,
    /// Audio in the answer.
    pub output_audio: Option<Dollars>,
    /// Tokens that prompt and answer may have together; shown by `/v1/models`.
    #[schemars(range(min = 1))]
    pub context_window: Option<u64>,
    /// Tokens that an answer may have. Used where a dialect wants a limit and the caller gave none.
    #[schemars(range(min = 1))]
    pub max_output: Option<u64>,
}

impl PriceEntry {
    /// The rates that are named.
    pub fn rates(&self) -> impl Iterator<Item = (Class, Dollars)> {
        Class::ALL.into_iter().filter_map(|class| Some((class, self.rate(class)?)))
    }

    fn rate(&self, class: Class) -> Option<Dollars> {
        match class {
            Class::Input => self.input,
            Class::CacheRead => self.cache_read,
            Class::CacheWrite => self.cache_write,
            Class::CacheWrite1h => self.cache_write_1h,
            Class::InputAudio => self.input_audio,
            Class::InputImage => self.input_image,
            Class::Output => self.output,
            Class::Reasoning => self.reasoning,
            Class::OutputAudio => self.output_audio,
        }
    }

    /// The same for the price table; the context window of `known` stays where none is given here.
    pub fn price(&self, known: Option<&Price>) -> Price {
        let rates =
            self.rates().fold(Rates::default(), |rates, (class, dollars)| rates.with(class, dollars.0));
        Price {
            rates,
            context_window: self.context_window.or(known.and_then(|price| price.context_window)),
            max_output: self.max_output.or(known.and_then(|price| price.max_output)),
            source: Some("the config file".to_owned()),
            ..Price::default()
        }
    }
}
