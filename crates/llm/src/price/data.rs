//! The price file of this build: its shape, and how it is read.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::calendar::{BadDay, PeakHours};
use super::rate::{BadRate, Rate};
use super::table::{PriceTable, Scheduled};
use super::tariff::{Above, Class, Price, Rates, Tier};

/// What is wrong with a price file.
#[derive(Debug, thiserror::Error)]
pub enum PriceFileError {
    /// Not JSON of the expected shape.
    #[error("the price file cannot be read")]
    Shape(#[from] serde_json::Error),
    /// An entry says something that cannot be.
    #[error("price of `{entry}`: {problem}")]
    Entry {
        /// `provider/model`.
        entry: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// `data/prices.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The day on which the prices were read.
    version: String,
    /// For readers; this code knows one unit only.
    #[serde(rename = "unit")]
    _unit: String,
    /// Where the facts come from.
    #[serde(rename = "attribution")]
    _attribution: String,
    /// Providers that charge what another one charges.
    same_prices: HashMap<String, String>,
    models: Vec<Entry>,
}

/// One model's price. Several entries of one model differ in `valid_from`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    provider: String,
    model: String,
    #[serde(default)]
    aliases: Vec<String>,
    valid_from: Option<String>,
    source: String,
    context_window: Option<u64>,
    max_output: Option<u64>,
    price: ClassRates,
    #[serde(default)]
    above: LongRates,
    #[serde(default)]
    tiers: BTreeMap<String, TierEntry>,
    peak: Option<Peak>,
}

/// Class → dollars per million tokens.
type ClassRates = BTreeMap<String, String>;
/// Prompt tokens → rates of longer prompts. The keys are numbers; as text they survive the untagged [`TierEntry`].
type LongRates = BTreeMap<String, ClassRates>;

/// A service tier: so many hundredths of the standard rates, the same as another tier, or rates of its own.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum TierEntry {
    Percent {
        percent: u32,
    },
    SameAs {
        same_as: String,
    },
    Own {
        price: ClassRates,
        #[serde(default)]
        above: LongRates,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Peak {
    hours_utc: Vec<(u8, u8)>,
    weekdays_only: bool,
    percent: u32,
}

/// Why an entry is bad.
#[derive(Debug, thiserror::Error)]
enum BadEntry {
    #[error("`{0}` is no class of tokens")]
    Class(String),
    #[error("{class} `{text}`: {problem}")]
    Rate { class: String, text: String, problem: BadRate },
    #[error("above: `{0}` is no number of tokens")]
    Tokens(String),
    #[error("valid_from: {0}")]
    Day(#[from] BadDay),
    #[error("it names no rate for `input`")]
    NoInput,
    #[error("its tier `{0}` is the same as one that has no rates of its own")]
    SameAs(String),
    #[error("peak hours must be ranges within a day")]
    Peak,
}

pub(super) fn parse_price_file(text: &str) -> Result<PriceTable, PriceFileError> {
    let file: File = serde_json::from_str(text)?;
    let mut table = PriceTable::default();
    table.set_version(file.version);
    table.set_same_prices(file.same_prices);
    for entry in file.models {
        let scheduled = entry.scheduled().map_err(|problem| PriceFileError::Entry {
            entry: format!("{}/{}", entry.provider, entry.model),
            problem: problem.to_string(),
        })?;
        for alias in &entry.aliases {
            table.insert(&entry.provider, alias, false, scheduled.clone());
        }
        table.insert(&entry.provider, &entry.model, true, scheduled);
    }
    Ok(table)
}

impl Entry {
    fn scheduled(&self) -> Result<Scheduled, BadEntry> {
        let mut price = Price {
            rates: rates(&self.price)?,
            above: long_rates(&self.above)?,
            tiers: Vec::new(),
            context_window: self.context_window,
            max_output: self.max_output,
            valid_from: self.valid_from.as_deref().map(str::parse).transpose()?,
            source: Some(self.source.clone()),
        };
        if price.rates.named(Class::Input).is_none() {
            return Err(BadEntry::NoInput);
        }
        for (name, tier) in &self.tiers {
            price.tiers.push(self.tier(name, tier, &price)?);
        }
        let peak = self.peak.as_ref().map(|peak| peak.apply(&price)).transpose()?;
        Ok(Scheduled { price, peak })
    }

    fn tier(&self, name: &str, tier: &TierEntry, standard: &Price) -> Result<Tier, BadEntry> {
        let name = name.to_owned();
        match tier {
            TierEntry::Percent { percent } => {
                let scaled = standard.percent(*percent);
                Ok(Tier { name, rates: scaled.rates, above: scaled.above })
            }
            TierEntry::SameAs { same_as } => match self.tiers.get(same_as) {
                None | Some(TierEntry::SameAs { .. }) => Err(BadEntry::SameAs(name)),
                Some(other) => self.tier(&name, other, standard),
            },
            TierEntry::Own { price, above } => {
                Ok(Tier { name, rates: rates(price)?, above: long_rates(above)? })
            }
        }
    }
}

impl Peak {
    fn apply(&self, price: &Price) -> Result<(PeakHours, Price), BadEntry> {
        if self.hours_utc.iter().any(|&(from, to)| from >= to || to > 24) {
            return Err(BadEntry::Peak);
        }
        let hours = PeakHours { hours_utc: self.hours_utc.clone(), weekdays_only: self.weekdays_only };
        Ok((hours, price.percent(self.percent)))
    }
}

fn rates(named: &ClassRates) -> Result<Rates, BadEntry> {
    named.iter().try_fold(Rates::default(), |rates, (name, text)| {
        let class = Class::from_name(name).ok_or_else(|| BadEntry::Class(name.clone()))?;
        let rate = Rate::from_dollars_per_million(text).map_err(|problem| BadEntry::Rate {
            class: name.clone(),
            text: text.clone(),
            problem,
        })?;
        Ok(rates.with(class, rate))
    })
}

fn long_rates(above: &LongRates) -> Result<Vec<Above>, BadEntry> {
    let mut longer = Vec::with_capacity(above.len());
    for (tokens, named) in above {
        let tokens = tokens.parse().map_err(|_| BadEntry::Tokens(tokens.clone()))?;
        longer.push(Above { tokens, rates: rates(named)? });
    }
    longer.sort_by_key(|a| a.tokens);
    Ok(longer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(models: &str) -> String {
        format!(
            r#"{{"version": "v", "unit": "", "attribution": "", "same_prices": {{}}, "models": [{models}]}}"#
        )
    }

    fn problem(entry: &str) -> String {
        let text = file(&format!(r#"{{"provider": "p", "model": "m", "source": "s", {entry}}}"#));
        parse_price_file(&text).expect_err("a bad entry").to_string()
    }

    #[test]
    fn errors_name_the_entry() {
        assert_eq!(problem(r#""price": {"inptu": "1"}"#), "price of `p/m`: `inptu` is no class of tokens");
        assert_eq!(
            problem(r#""price": {"input": "-1"}"#),
            "price of `p/m`: input `-1`: a price cannot be negative"
        );
        assert_eq!(problem(r#""price": {"output": "1"}"#), "price of `p/m`: it names no rate for `input`");
        assert_eq!(
            problem(r#""valid_from": "today", "price": {"input": "1"}"#),
            "price of `p/m`: valid_from: not a day of the form 2026-11-21"
        );
        assert_eq!(
            problem(r#""price": {"input": "1"}, "tiers": {"fast": {"same_as": "priority"}}"#),
            "price of `p/m`: its tier `fast` is the same as one that has no rates of its own"
        );
        assert_eq!(
            problem(
                r#""price": {"input": "1"}, "peak": {"hours_utc": [[4, 1]], "weekdays_only": false, "percent": 200}"#
            ),
            "price of `p/m`: peak hours must be ranges within a day"
        );
        assert!(problem(r#""price": {"input": "1"}, "pirce": 1"#).contains("cannot be read"));
    }
}
