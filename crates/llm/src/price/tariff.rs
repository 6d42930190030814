//! What a model costs: rates per class of token, long prompts, service tiers.

use super::calendar::Day;
use super::rate::Rate;

/// A class of tokens that has its own rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Prompt text that no cache held.
    Input,
    /// Prompt tokens read from the provider's cache.
    CacheRead,
    /// Prompt tokens written to the cache for its usual lifetime.
    CacheWrite,
    /// Prompt tokens written to the cache for an hour.
    CacheWrite1h,
    /// Prompt audio.
    InputAudio,
    /// Prompt images.
    InputImage,
    /// Answer text.
    Output,
    /// Reasoning tokens.
    Reasoning,
    /// Answer audio.
    OutputAudio,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 9] = [
        Self::Input,
        Self::CacheRead,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::InputAudio,
        Self::InputImage,
        Self::Output,
        Self::Reasoning,
        Self::OutputAudio,
    ];

    /// The name in the price file and in reports: `input`, `cache_read`, …
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CacheRead => "cache_read",
            Self::CacheWrite => "cache_write",
            Self::CacheWrite1h => "cache_write_1h",
            Self::InputAudio => "input_audio",
            Self::InputImage => "input_image",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::OutputAudio => "output_audio",
        }
    }

    /// The class of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// The class whose rate holds where a vendor names none for this one.
    const fn otherwise(self) -> Option<Self> {
        match self {
            Self::Input | Self::Output => None,
            Self::CacheWrite1h => Some(Self::CacheWrite),
            Self::CacheRead | Self::CacheWrite | Self::InputAudio | Self::InputImage => Some(Self::Input),
            Self::Reasoning | Self::OutputAudio => Some(Self::Output),
        }
    }
}

/// One rate per [`Class`]; `None` where the vendor names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates([Option<Rate>; Class::ALL.len()]);

impl Rates {
    /// These rates with one more or another.
    #[must_use]
    pub fn with(mut self, class: Class, rate: Rate) -> Self {
        self.0[class as usize] = Some(rate);
        self
    }

    /// The rate that the vendor names for a class.
    pub fn named(&self, class: Class) -> Option<Rate> {
        self.0[class as usize]
    }

    /// The rate that holds for a class: its own, or that of the class it belongs to (cached, image and audio prompts
    /// fall back to `input`, the one-hour cache to `cache_write`, reasoning and audio answers to `output`).
    pub fn of(&self, class: Class) -> Option<Rate> {
        self.named(class).or_else(|| class.otherwise().and_then(|other| self.of(other)))
    }

    /// Whether no rate is named.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// These rates, with those that `other` names in their place.
    #[must_use]
    pub fn overlaid(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|i| other.0[i].or(self.0[i])))
    }

    /// Every rate times so many hundredths.
    #[must_use]
    pub fn percent(&self, percent: u32) -> Self {
        Self(self.0.map(|rate| rate.map(|r| r.percent(percent))))
    }
}

/// Rates of the whole request once its prompt is longer than a number of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Above {
    /// The rates hold when the prompt has more tokens than this.
    pub tokens: u64,
    /// The rates that differ.
    pub rates: Rates,
}

/// Rates of a service tier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tier {
    /// The tier's name, as [`Tier::canonical`] writes it.
    pub name: String,
    /// The rates that differ from the standard ones.
    pub rates: Rates,
    /// Rates of long prompts in this tier, shortest first.
    pub above: Vec<Above>,
}

impl Tier {
    /// The one spelling of a tier's name, or `None` for the standard tier: `batches` is `batch`; `default`, `auto`,
    /// `standard`, `standard_only`, `on_demand` and the empty name are standard. Vendors differ in letter case
    /// (Gemini writes `PRIORITY`).
    pub fn canonical(name: &str) -> Option<String> {
        // What nearly every answer says; the rest is for the few.
        if matches!(name, "default" | "standard") {
            return None;
        }
        let name = name.to_ascii_lowercase();
        let name = name.strip_prefix("service_tier_").unwrap_or(&name);
        match name {
            "" | "default" | "auto" | "standard" | "standard_only" | "on_demand" | "unspecified" => None,
            "batches" => Some("batch".to_owned()),
            other => Some(other.to_owned()),
        }
    }
}

/// What a model costs, and what it can hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// The standard rates.
    pub rates: Rates,
    /// Rates of long prompts, shortest first; they hold for every token of the request.
    pub above: Vec<Above>,
    /// Service tiers.
    pub tiers: Vec<Tier>,
    /// Tokens that prompt and answer may have together; from a LiteLLM map, those that the prompt may have.
    pub context_window: Option<u64>,
    /// Tokens that an answer may have.
    pub max_output: Option<u64>,
    /// The day from which the vendor charges this, where it is known.
    pub valid_from: Option<Day>,
    /// Where the price was read.
    pub source: Option<String>,
}

impl Price {
    /// A price with these two rates and nothing else.
    pub fn new(input: Rate, output: Rate) -> Self {
        let rates = Rates::default().with(Class::Input, input).with(Class::Output, output);
        Self { rates, ..Self::default() }
    }

    /// The tier of that name, if it has rates of its own.
    pub fn tier(&self, name: &str) -> Option<&Tier> {
        let name = Tier::canonical(name)?;
        self.tiers.iter().find(|tier| tier.name == name)
    }

    /// The rates that hold for a prompt of so many tokens. Later ones overlay earlier ones: standard, the tier,
    /// long prompts, long prompts of the tier. So a tier that names no rate for long prompts pays their standard rate.
    pub fn rates_for(&self, prompt_tokens: u64, tier: Option<&Tier>) -> Rates {
        let long = |rates: Rates, above: &[Above]| {
            above.iter().filter(|a| prompt_tokens > a.tokens).fold(rates, |rates, a| rates.overlaid(&a.rates))
        };
        match tier {
            None => long(self.rates, &self.above),
            Some(tier) => long(long(self.rates.overlaid(&tier.rates), &self.above), &tier.above),
        }
    }

    /// The same price with every rate times so many hundredths.
    #[must_use]
    pub fn percent(&self, percent: u32) -> Self {
        let above = |above: &[Above]| {
            above.iter().map(|a| Above { tokens: a.tokens, rates: a.rates.percent(percent) }).collect()
        };
        let tier =
            |t: &Tier| Tier { name: t.name.clone(), rates: t.rates.percent(percent), above: above(&t.above) };
        Self {
            rates: self.rates.percent(percent),
            above: above(&self.above),
            tiers: self.tiers.iter().map(tier).collect(),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_without_a_rate_falls_back() {
        let rates = Price::new(Rate(3), Rate(15)).rates.with(Class::CacheWrite, Rate(4));
        assert_eq!(rates.of(Class::CacheRead), Some(Rate(3)));
        assert_eq!(rates.of(Class::CacheWrite1h), Some(Rate(4)));
        assert_eq!(rates.of(Class::Reasoning), Some(Rate(15)));
        assert_eq!(Rates::default().of(Class::Reasoning), None);
    }

    #[test]
    fn tier_names_have_one_spelling() {
        assert_eq!(Tier::canonical("PRIORITY").as_deref(), Some("priority"));
        assert_eq!(Tier::canonical("batches").as_deref(), Some("batch"));
        assert_eq!(Tier::canonical("default"), None);
    }

    #[test]
    fn class_indices_are_the_order_of_all() {
        for (i, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, i);
        }
    }
}
