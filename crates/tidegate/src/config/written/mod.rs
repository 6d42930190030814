//! The written shape of the config: one root type, whose doc comments are the reference (`docs/config.md`), the JSON
//! schema and what `tidegate check` knows of keys and types.

mod model;
mod named;
mod price;
mod provider;
mod scalar;
mod serving;

pub use model::{Model, ModelPool, TargetEntry, TargetTerms};
pub use named::Named;
pub use price::PriceEntry;
pub use provider::{Dialects, ProviderEntry, QuirksEntry, WireDialect};
pub use scalar::{Address, BaseUrl, Dollars, Key, Period, Size};
pub(super) use scalar::{check_format, format_words};
pub use serving::{Admin, Compat, Insecure, Limits, Listen, Retry, TimeLimitsEntry};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The settings of `tidegate.yaml`. Every key is optional; an empty file is a good one.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Doors for callers. A change of addresses needs a restart; all else is taken over while running.
    pub listen: Vec<Listen>,
    /// The operators' door: health, metrics, version. Keep it off the public network.
    pub admin: Admin,
    /// Who answers: `NAME: { … }`. A known name (see [providers.md](providers.md)) brings base URL, dialect,
    /// authentication and the vendor's quirks, so that `openai: {}` is enough. Any other server needs `base_url`.
    ///
    /// `NAME/model` then works as a model name, whatever the model. The provider `demo` with its model `demo/echo` is
    /// always there.
    pub providers: Named<ProviderEntry>,
    /// Also takes every known provider whose key is in the environment or in `.env`, beside those listed under
    /// `providers`. Without a config file this is how providers are found.
    pub auto_providers: bool,
    /// Names of your own for models: an alias (`cheap: deepseek/deepseek-chat`), several targets with weights and
    /// fallbacks, or a pattern with one `*` (`"gpt-*": "openai/gpt-*"`). Where a name is both here and at a provider,
    /// this one holds.
    pub models: Named<Model>,
    /// Prices by `provider/model`, or by `model` for every provider that has it. They go before all others.
    pub prices: Named<PriceEntry>,
    /// Further price lists, laid over the built-in ones in this order: JSON files in LiteLLM's format or in the format
    /// of the built-in list. Relative paths start at the config file.
    pub price_files: Vec<String>,
    /// Bounds on what is held in memory.
    pub limits: Limits,
    /// How long each stage of an attempt may take; providers and models can set their own.
    pub time_limits: TimeLimitsEntry,
    /// How often and how patiently a request is tried again. A client's own retries are noticed: then every target is
    /// tried once and none twice.
    pub retry: Retry,
    /// Refuses a request with 400 when something in it cannot be said in the target's dialect. Off, it is left out and
    /// named in the answer's header `x-tidegate-dropped`.
    pub strict: bool,
    /// Puts the cost in US dollars into `usage.cost` of every answer. The header `x-tidegate-cost-usd` is always there.
    pub usage_cost: bool,
    /// Extras for people who move over from other gateways.
    pub compat: Compat,
    /// Where the access log goes, one JSON object per line: `stdout`, `off`, or the path of a file that is appended to.
    /// Needs a restart.
    pub access_log: String,
    /// Settings that open the gateway wider than is safe by default.
    pub insecure: Insecure,
    /// After SIGTERM: how long open requests and streams may take to finish. Needs a restart.
    pub drain: Period,
    /// Worker threads; by default as many as there are processor cores. Needs a restart.
    #[schemars(range(min = 1, max = 1024))]
    pub workers: Option<usize>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![Listen::default()],
            admin: Admin::default(),
            providers: Named::default(),
            auto_providers: true,
            models: Named::default(),
            prices: Named::default(),
            price_files: Vec::new(),
            limits: Limits::default(),
            time_limits: TimeLimitsEntry::default(),
            retry: Retry::default(),
            strict: false,
            usage_cost: false,
            compat: Compat::default(),
            access_log: "stdout".to_owned(),
            insecure: Insecure::default(),
            drain: Period(std::time::Duration::from_secs(300)),
            workers: None,
        }
    }
}
