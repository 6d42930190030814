//! Providers and targets as the data plane sees them.

use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderName, HeaderValue};
use tidegate_core::Secret;
use tidegate_llm::price::{Class, Price};
use tidegate_llm::{Dialect, Quirks};
use tidegate_net::LanePool;
use tidegate_policy::TimeLimits;
use tidegate_policy::limit::Rule;

use crate::traffic::{Conduct, KeyRing, Live, MetricsSource, ProbeRules};

/// Where one dialect of a provider is spoken.
#[derive(Clone, Debug)]
pub struct Line {
    /// The dialect.
    pub dialect: Dialect,
    /// The lanes there.
    pub lanes: Arc<LanePool>,
    /// Path in front of the dialect's own path, without a final slash: `/v1`.
    pub path: String,
    /// Value of the `Host` header.
    pub host: HeaderValue,
    /// How the keys are shown, in the order of the provider's [`Provider::keys`]; empty when none is needed.
    pub auth: Vec<Auth>,
}

/// How a provider is shown the key.
#[derive(Clone, Debug)]
pub struct Auth {
    /// `authorization`, `x-api-key`, `x-goog-api-key`, `api-key`.
    pub header: HeaderName,
    /// The whole value, marked sensitive.
    pub value: HeaderValue,
}

impl Auth {
    /// `header: prefix + key`. `None` when the key cannot be a header value.
    pub fn new(header: HeaderName, prefix: &str, key: &Secret) -> Option<Self> {
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", key.expose())).ok()?;
        value.set_sensitive(true);
        Some(Self { header, value })
    }
}

/// A company or server that speaks one or more dialects.
#[derive(Debug)]
pub struct Provider {
    /// Its name in the config: `openai`.
    pub name: Arc<str>,
    /// The row of the provider table whose prices hold: `openai` for a provider `my-openai` of that type.
    pub price_name: String,
    /// Where it speaks which dialect; the preferred one first. Empty for the built-in `demo`.
    pub lines: Vec<Line>,
    /// Which of its keys are good now; `None` where there is one at most.
    pub keys: Option<Arc<KeyRing>>,
    /// Where it tells its load, for pools with the strategy `load`.
    pub metrics: Vec<MetricsSource>,
    /// How its targets are asked by the gateway itself; `None`: they are not.
    pub probe: Option<ProbeRules>,
    /// More headers for every request.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Its differences from the dialect's book.
    pub quirks: Quirks,
    /// Whether it serves `/completions`.
    pub completions: bool,
    /// Whether it serves `/embeddings`.
    pub embeddings: bool,
    /// Time limits of attempts there.
    pub limits: TimeLimits,
    /// Limits of what is used there.
    pub rules: Vec<Arc<Rule>>,
}

impl Provider {
    /// The line for a caller of `dialect`: that dialect itself where it is spoken (bytes pass through), else the preferred
    /// one. `None` for the built-in `demo`.
    pub fn line_for(&self, dialect: Dialect) -> Option<&Line> {
        self.lines.iter().find(|line| line.dialect == dialect).or_else(|| self.lines.first())
    }

    /// The line that speaks exactly this dialect.
    pub fn line(&self, dialect: Dialect) -> Option<&Line> {
        self.lines.iter().find(|line| line.dialect == dialect)
    }

    /// Whether this is the built-in provider `demo`.
    pub fn is_demo(&self) -> bool {
        self.lines.is_empty()
    }
}

/// Provider + model + credential: what an attempt is made at.
#[derive(Debug)]
pub struct Target {
    /// Who answers.
    pub provider: Arc<Provider>,
    /// The model's name there.
    pub model: String,
    /// `provider/model`, for headers, logs and metrics.
    pub label: Arc<str>,
    /// The same as a header's value.
    pub label_value: HeaderValue,
    /// Time limits of attempts at this model.
    pub limits: TimeLimits,
    /// The most output tokens that the model gives, if known.
    pub max_output_tokens: Option<u64>,
    /// Its price of the moment.
    pub price: PriceOfTheMinute,
    /// What is known of it by now.
    pub live: Arc<Live>,
    /// How it is treated when it is asked for by its own name.
    pub alone: Arc<Conduct>,
    /// Its own meters; targets that were not configured share one set per provider, so that labels stay bounded.
    pub meters: Arc<crate::meters::TargetMeters>,
}

/// What a target's model costs, as looked up and as the ledger writes it.
#[derive(Debug)]
pub struct TargetPrice {
    /// The price.
    pub price: Price,
    /// Its standard rates in billionths of a dollar per million tokens, `input/output/cache_read/cache_write`.
    pub unit_prices: String,
}

impl TargetPrice {
    fn new(price: Price) -> Self {
        let classes = [Class::Input, Class::Output, Class::CacheRead, Class::CacheWrite];
        let [input, output, cache_read, cache_write] =
            classes.map(|class| price.rates.of(class).map_or(0, |rate| rate.0));
        Self { price, unit_prices: format!("{input}/{output}/{cache_read}/{cache_write}") }
    }
}

/// A price that is looked up at most once a minute: a look-up tries several spellings, and prices change with the hour.
#[derive(Debug, Default)]
pub struct PriceOfTheMinute(Mutex<Option<(u64, Option<Arc<TargetPrice>>)>>);

impl PriceOfTheMinute {
    /// The price at `unix_seconds`, by `look_up` if the last one is older.
    pub fn at(&self, unix_seconds: u64, look_up: impl FnOnce() -> Option<Price>) -> Option<Arc<TargetPrice>> {
        let minute = unix_seconds / 60;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((of, price)) if *of == minute => price.clone(),
            _ => {
                let price = look_up().map(TargetPrice::new).map(Arc::new);
                *known = Some((minute, price.clone()));
                price
            }
        }
    }
}
