//! All known prices, and how to find one.

use std::collections::{BTreeMap, HashMap};

use super::calendar::{Day, PeakHours};
use super::data::{PriceFileError, parse_price_file};
use super::litellm::{LiteLlmPrices, NotAPriceMap, parse_litellm};
use super::names::candidates;
use super::tariff::Price;

/// Prices by provider and model. Providers go by the names of [`crate::provider::all`].
#[derive(Clone, Debug, Default)]
pub struct PriceTable {
    version: String,
    /// Provider → model or alias, in lower case → its prices.
    models: HashMap<String, BTreeMap<String, Schedule>>,
    /// Providers that charge what another one charges.
    same_prices: HashMap<String, String>,
    /// `model` or `provider/model`, in lower case.
    overrides: HashMap<String, Price>,
}

/// The prices of one model over time, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Schedule {
    /// Under its own name, not under an alias.
    pub(super) canonical: bool,
    pub(super) prices: Vec<Scheduled>,
}

/// A price, from its `valid_from` on, and what is charged instead at peak hours.
#[derive(Clone, Debug, Default)]
pub(super) struct Scheduled {
    pub(super) price: Price,
    pub(super) peak: Option<(PeakHours, Price)>,
}

impl Schedule {
    /// The price at a moment: the latest one that has begun. One without a day has always held.
    fn at(&self, unix_seconds: u64) -> Option<&Price> {
        let today = Day::of_unix_seconds(unix_seconds);
        let begun = |s: &&Scheduled| s.price.valid_from.is_none_or(|day| day <= today);
        let latest = self.prices.iter().filter(begun).max_by_key(|s| s.price.valid_from)?;
        match &latest.peak {
            Some((hours, price)) if hours.contains(unix_seconds) => Some(price),
            _ => Some(&latest.price),
        }
    }
}

impl PriceTable {
    /// The prices that come with this build (`data/prices.json`).
    ///
    /// # Errors
    /// [`PriceFileError`] if the file is damaged; a test keeps it whole.
    pub fn builtin() -> Result<Self, PriceFileError> {
        Self::from_json(include_str!("../../data/prices.json"))
    }

    /// Reads a file of the shape of `data/prices.json`.
    ///
    /// # Errors
    /// [`PriceFileError`], which names the entry.
    pub fn from_json(text: &str) -> Result<Self, PriceFileError> {
        parse_price_file(text)
    }

    /// Reads a price map in LiteLLM's format. Entries that make no sense are left out and named in the result, so that
    /// one bad entry of a file with thousands does not cost all the others.
    ///
    /// # Errors
    /// [`NotAPriceMap`] when the text is no JSON object of objects.
    pub fn from_litellm_json(text: &str) -> Result<LiteLlmPrices, NotAPriceMap> {
        parse_litellm(text)
    }

    /// This table with all prices of another one on top: where both know a model, the other's prices hold.
    #[must_use]
    pub fn overlaid(mut self, other: Self) -> Self {
        for (provider, models) in other.models {
            self.models.entry(provider).or_default().extend(models);
        }
        self.same_prices.extend(other.same_prices);
        self.overrides.extend(other.overrides);
        self.version =
            [self.version, other.version].into_iter().filter(|v| !v.is_empty()).collect::<Vec<_>>().join("+");
        self
    }

    /// This table with a price that goes before all others, dated variants of the model included. `name` is
    /// `provider/model`, or a `model` at any provider.
    #[must_use]
    pub fn with_override(mut self, name: &str, price: Price) -> Self {
        self.overrides.insert(name.to_ascii_lowercase(), price);
        self
    }

    /// Which prices these are, to be kept beside every cost. Tables that were laid over each other join with `+`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The price of a model at a moment (seconds since 1970-01-01 UTC), or `None` when it has none.
    ///
    /// Tried in turn: the name as it is, without resource prefix, without version marks (`-2025-04-14`, `-20250929`,
    /// `-latest`); for each, the provider's models and their aliases. Overrides go first.
    pub fn find(&self, provider: &str, model: &str, unix_seconds: u64) -> Option<&Price> {
        let names = candidates(model);
        self.overridden(provider, &names).or_else(|| self.listed(provider, &names, unix_seconds)).or_else(
            || {
                let other = self.same_prices.get(provider)?;
                self.listed(other, &names, unix_seconds)
            },
        )
    }

    fn overridden(&self, provider: &str, names: &[String]) -> Option<&Price> {
        if self.overrides.is_empty() {
            return None;
        }
        let provider = provider.to_ascii_lowercase();
        names.iter().find_map(|name| {
            self.overrides.get(&format!("{provider}/{name}")).or_else(|| self.overrides.get(name.as_str()))
        })
    }

    fn listed(&self, provider: &str, names: &[String], unix_seconds: u64) -> Option<&Price> {
        let models = self.models.get(provider)?;
        names.iter().find_map(|name| models.get(name)?.at(unix_seconds))
    }

    /// The names of a provider's models, aliases left out, in alphabetical order.
    pub fn models_of(&self, provider: &str) -> impl Iterator<Item = &str> {
        let models = self.models.get(provider).into_iter().flatten();
        models.filter(|(_, schedule)| schedule.canonical).map(|(name, _)| name.as_str())
    }

    /// How many models have a price.
    pub fn len(&self) -> usize {
        self.models.values().flat_map(BTreeMap::values).filter(|schedule| schedule.canonical).count()
    }

    /// Whether no model has a price.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.overrides.is_empty()
    }

    pub(super) fn set_version(&mut self, version: String) {
        self.version = version;
    }

    pub(super) fn set_same_prices(&mut self, same: HashMap<String, String>) {
        self.same_prices = same;
    }

    /// Adds a price under a name. A name that is a model's own is never taken over by an alias.
    pub(super) fn insert(&mut self, provider: &str, name: &str, canonical: bool, scheduled: Scheduled) {
        let models = self.models.entry(provider.to_owned()).or_default();
        let schedule = models.entry(name.to_ascii_lowercase()).or_default();
        if canonical && !schedule.canonical {
            *schedule = Schedule { canonical, prices: Vec::new() };
        }
        if canonical == schedule.canonical {
            schedule.prices.push(scheduled);
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
