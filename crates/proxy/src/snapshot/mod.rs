//! The checked, immutable runtime configuration. A request takes one `Arc<Snapshot>` and uses it to its end; a reload
//! builds a whole new one and swaps it.

mod models;
mod provider;
mod suggest;

pub use models::{ModelTable, Pool, PoolMember, Resolved, UnknownModel, cut_name};
pub use provider::{Auth, Line, PriceOfTheMinute, Provider, Target, TargetPrice};
pub use suggest::nearest;

use std::sync::Arc;
use std::time::SystemTime;

use tidegate_core::NanoUsd;
use tidegate_llm::Usage;
use tidegate_llm::price::{PriceTable, cost};
use tidegate_policy::RetryRules;
use tidegate_policy::limit::Rule;

use crate::edge::Site;

/// Everything that requests need to know.
#[derive(Debug)]
pub struct Snapshot {
    /// What model names lead to.
    pub models: ModelTable,
    /// Providers by the order of the config; the built-in `demo` comes last.
    pub providers: Vec<Arc<Provider>>,
    /// Who gets requests that name no model (`/v1/files`, `/v1/batches`): the first provider that speaks OpenAI.
    pub default_provider: Option<Arc<Provider>>,
    /// Prices.
    pub prices: Arc<PriceTable>,
    /// Switches and bounds.
    pub rules: Rules,
    /// Who may ask, and how much.
    pub access: Access,
    /// The edge's routes; `None`: everything is the AI gateway's.
    pub edge: Option<Arc<Site>>,
}

impl Snapshot {
    /// The price at `target` at that time; `None` for an unpriced model.
    pub fn price_of(&self, target: &Target, at: SystemTime) -> Option<Arc<TargetPrice>> {
        let at = at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let look_up = || self.prices.find(&target.provider.price_name, &target.model, at).cloned();
        target.price.at(at, look_up)
    }

    /// What `usage` costs at `target` at that time; `None` for an unpriced model.
    pub fn cost_of(&self, target: &Target, usage: &Usage, at: SystemTime) -> Option<NanoUsd> {
        let price = self.price_of(target, at)?;
        cost(&price.price, usage, usage.service_tier.as_deref())
    }
}

/// Who may ask, and how much.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Every request needs a key; otherwise one without a key is welcome, and so is one with a foreign key.
    pub require_key: bool,
    /// Limits that hold for all; keys and teams have further ones.
    pub limits: Vec<Arc<Rule>>,
    /// What is done instead of a refusal when a limit is reached, in this order.
    pub when_limited: Vec<Instead>,
    /// What is done when all targets are down, in this order.
    pub when_down: Vec<Instead>,
}

/// What a caller gets instead of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instead {
    /// An answer from the cache.
    Cache,
    /// Another model's answer.
    Model(String),
    /// These words.
    Message(String),
}

/// Switches and bounds that hold for every request.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Largest request body, in bytes, after decompression.
    pub request_body: usize,
    /// Largest whole (not streamed) answer of a provider, in bytes.
    pub answer_body: usize,
    /// Most bytes that all bodies together may take in memory.
    pub memory: u64,
    /// Refuse what cannot be carried over, instead of naming it in `x-tidegate-dropped`.
    pub strict: bool,
    /// Put `cost` into `usage` of every answer.
    pub usage_cost: bool,
    /// Also send LiteLLM's header names.
    pub litellm_headers: bool,
    /// Tries and waits.
    pub retry: RetryRules,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            request_body: 32 << 20,
            answer_body: 64 << 20,
            memory: u64::MAX,
            strict: false,
            usage_cost: false,
            litellm_headers: false,
            retry: RetryRules::default(),
        }
    }
}
