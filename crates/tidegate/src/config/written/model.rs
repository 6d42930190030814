//! Names of models.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HedgeEntry, StickyWord, StrategyWord, TimeLimitsEntry};

/// What a model's name leads to.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Model {
    /// One target (`deepseek/deepseek-chat`) or another name of this list.
    Alias(String),
    /// Several targets with equal weight.
    Targets(Vec<TargetEntry>),
    /// Targets, weights, fallbacks.
    Pool(ModelPool),
}

/// Targets, weights, fallbacks.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ModelPool {
    /// Who answers: `provider/model`, or `{ target: provider/model, weight: 10 }`. Requests are shared out by `strategy`;
    /// when one fails before its first token, the next one gets the request.
    pub targets: Vec<TargetEntry>,
    /// Names to go on with, in order, when all targets have failed: names of this list, or `provider/model`.
    pub fallback: Vec<String>,
    /// How a target is chosen.
    pub strategy: StrategyWord,
    /// Whose requests go to the same target, with the strategy `sticky`.
    pub sticky: StickyWord,
    /// Asks a second target while the first one is slower than nearly always, and takes the answer that comes first. Off by default.
    pub hedge: Option<HedgeEntry>,
    /// Time limits of attempts at these targets.
    pub time_limits: TimeLimitsEntry,
}

/// A target.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum TargetEntry {
    /// `provider/model`, weight 1.
    Plain(String),
    /// With terms of its own.
    Terms(TargetTerms),
}

/// A target with a weight and time limits of its own.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetTerms {
    /// `provider/model`.
    pub target: String,
    /// Its share of the requests, relative to the other targets' weights; 0 is for fail-over only.
    #[serde(default = "one")]
    #[schemars(range(max = 1_000_000))]
    pub weight: u32,
    /// Targets of a lower tier come first; a higher one is used when all of the lower ones are out.
    #[serde(default)]
    #[schemars(range(max = 1000))]
    pub tier: u32,
    /// The region that it is in. Targets of the gateway's own region come first, then by measured distance.
    #[serde(default)]
    pub region: Option<String>,
    /// Most requests at once, in place of `overload.concurrency`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_concurrent: Option<u32>,
    /// Time limits of attempts at this target.
    #[serde(default)]
    pub time_limits: TimeLimitsEntry,
}

fn one() -> u32 {
    1
}

impl TargetEntry {
    /// `provider/model`.
    pub fn target(&self) -> &str {
        match self {
            Self::Plain(target) => target,
            Self::Terms(terms) => &terms.target,
        }
    }

    /// The share of the requests.
    pub fn weight(&self) -> u32 {
        match self {
            Self::Plain(_) => 1,
            Self::Terms(terms) => terms.weight,
        }
    }

    /// Its terms, if it has some.
    pub fn terms(&self) -> Option<&TargetTerms> {
        match self {
            Self::Plain(_) => None,
            Self::Terms(terms) => Some(terms),
        }
    }

    /// Own time limits.
    pub fn time_limits(&self) -> Option<&TimeLimitsEntry> {
        match self {
            Self::Plain(_) => None,
            Self::Terms(terms) => Some(&terms.time_limits),
        }
    }
}
