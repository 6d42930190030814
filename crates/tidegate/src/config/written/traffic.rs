//! Traffic: how targets are chosen, when one is given up, and what happens when there is more than all can carry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Period, Size};

/// How a target is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StrategyWord {
    /// By chance, in proportion to the weights.
    #[default]
    Weighted,
    /// The first one that is well; the others in their order.
    Priority,
    /// One after the other, by weight.
    RoundRobin,
    /// The one with the fewest requests in flight for its weight.
    LeastConnections,
    /// The better of two drawn by chance: time to the first token (peak EWMA) times requests in flight.
    Latency,
    /// The cheapest one that is well.
    Cost,
    /// The one whose provider leaves the most of its own rate limits, by its headers.
    Headroom,
    /// The same one for the same `sticky` subject, as long as it is not overburdened.
    Sticky,
    /// The one whose own metrics tell of the shortest queue and the emptiest cache.
    Load,
}

/// Whose requests go to the same target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StickyWord {
    /// Prompts that begin alike, so that the provider's prompt cache hits.
    #[default]
    Prompt,
    /// The end user, as the request names it.
    User,
    /// The session: `x-session-id`, or what the request calls `prompt_cache_key`.
    Session,
    /// The caller's key.
    Key,
}

/// A second try at another target while the first one is slow.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HedgeEntry {
    /// The second try begins when the first has taken longer than this share of all requests, in percent.
    #[schemars(range(min = 50, max = 99))]
    pub percentile: u32,
    /// Most second tries, in percent of the requests.
    #[schemars(range(min = 1, max = 50))]
    pub budget: u32,
}

impl Default for HedgeEntry {
    fn default() -> Self {
        Self { percentile: 95, budget: 5 }
    }
}

/// When a target counts as ill, and how it comes back. What is left out is inherited: a provider's from the top.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HealthEntry {
    /// Failures in a row that open a target's circuit breaker; 0: any number. At the top: 5.
    #[schemars(range(max = 1000))]
    pub failures: Option<u32>,
    /// Share of failures among the last 10 seconds' attempts that opens it, in percent; from 20 attempts on; 0: any share. At the top: 20.
    #[schemars(range(max = 100))]
    pub failure_rate: Option<u32>,
    /// Opens it when several streams wait and nothing at all has been heard from the target for so long, or for five times its usual time
    /// to the first token if that is longer. At the top: 3s.
    pub silence: Option<Period>,
    /// How long it stays open before a trial; doubles with each trial that fails, to ten times as long. At the top: 30s.
    pub open: Option<Period>,
    /// Over which time a target's share grows back after it was ill. At the top: 10s.
    pub slow_start: Option<Period>,
    /// A time to the first token above this counts as a failure. At the top: off.
    pub slow: Option<Period>,
    /// Asks the target from time to time by itself, so that an idle one is known to be well. At the top: off.
    pub probe: Option<ProbeEntry>,
}

/// How a target is asked by itself.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProbeEntry {
    /// A path to GET at the provider (`/health`); left out, a completion of one token is asked for.
    pub path: Option<String>,
    /// How often.
    pub every: Period,
    /// Longest wait for the answer.
    pub time_limit: Period,
    /// Which answers to `path` are good: `200`, `2xx`, `200-204`. By default all that are no errors.
    pub status: Option<StatusEntry>,
    /// So many failures in a row take the target out. By default 3.
    #[schemars(range(min = 1, max = 1000))]
    pub fall: Option<u32>,
    /// So many good answers in a row bring it back. By default 2.
    #[schemars(range(min = 1, max = 1000))]
    pub rise: Option<u32>,
}

/// One status or several, any of which will do.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum StatusEntry {
    /// One.
    One(StatusWord),
    /// Several.
    Several(Vec<StatusWord>),
}

/// A status.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum StatusWord {
    /// `200`.
    Number(u16),
    /// `2xx`, `200-204`.
    Text(String),
}

impl StatusEntry {
    /// All of them, as they are written.
    pub fn words(&self) -> Vec<String> {
        let all = match self {
            Self::One(word) => std::slice::from_ref(word),
            Self::Several(words) => words,
        };
        let written = all.iter().map(|word| match word {
            StatusWord::Number(status) => status.to_string(),
            StatusWord::Text(text) => text.clone(),
        });
        written.collect()
    }
}

impl Default for ProbeEntry {
    fn default() -> Self {
        let seconds = |seconds| Period(std::time::Duration::from_secs(seconds));
        Self { path: None, every: seconds(10), time_limit: seconds(5), status: None, fall: None, rise: None }
    }
}

/// What happens when there is more work than can be carried.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OverloadEntry {
    /// Requests at once at one target: `adaptive` holds requests back once the target becomes slow or refuses, `strict` always keeps as few
    /// under way as it does at once (for back ends of your own whose answers take about as long as each other), a number holds it, `off`
    /// does not bound it. A target can have a `max_concurrent` of its own.
    pub concurrency: ConcurrencyEntry,
    /// The waiting room in front of a target that has no room.
    pub queue: QueueEntry,
    /// Bytes that bodies may take in memory; near it new work is refused, low priority first. By default off.
    pub memory: Option<Size>,
}

/// Requests at once at one target.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum ConcurrencyEntry {
    /// `adaptive`, `strict` or `off`.
    Word(ConcurrencyWord),
    /// So many.
    Number(#[schemars(range(min = 1, max = 100_000))] u32),
}

impl Default for ConcurrencyEntry {
    fn default() -> Self {
        Self::Word(ConcurrencyWord::Adaptive)
    }
}

/// Without a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConcurrencyWord {
    /// Learnt; not in the way as long as the target is well.
    Adaptive,
    /// Learnt; always as tight as it can be.
    Strict,
    /// Not bounded.
    Off,
}

/// The waiting room.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QueueEntry {
    /// Requests that may wait for one target.
    #[schemars(range(max = 1_000_000))]
    pub places: u32,
    /// Longest wait. A request that is not likely to get its turn by then is refused at once, with the wait in `retry-after`.
    pub wait: Period,
}

impl Default for QueueEntry {
    fn default() -> Self {
        Self { places: 1000, wait: Period(std::time::Duration::from_secs(10)) }
    }
}

/// How much a request matters when there is not room for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PriorityWord {
    /// Refused last.
    Critical,
    /// Before the usual.
    High,
    /// The usual.
    #[default]
    Normal,
    /// Refused first: background work.
    Low,
}
