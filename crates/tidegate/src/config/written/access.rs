//! Who may ask and how much: keys, teams, limits, and where they are kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Key, Period, PriorityWord, Size, StoreUrl};

/// A team.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TeamEntry {
    /// Models that its keys may ask for, as they write them or as `provider/model`, with `*`; by default all.
    pub models: Vec<String>,
    /// Limits that its keys share (`by: team`, the default here) or that each of them has (`by: key`).
    pub limits: Vec<LimitEntry>,
}

/// A key for callers.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// The key itself: `"${CI_KEY}"` takes it from the environment or `.env`. At least 16 characters.
    pub key: Key,
    /// The name of its team in `teams`.
    pub team: Option<String>,
    /// Words to add usage up by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Models that it may ask for, as callers write them or as `provider/model`, with `*`; by default all.
    #[serde(default)]
    pub models: Vec<String>,
    /// Endpoints that it may be used for, by their words in the log (`chat_completions`, `embeddings`), with `*`; by default all.
    #[serde(default)]
    pub routes: Vec<String>,
    /// Networks that it may be used from: `10.0.0.0/8`; by default all.
    #[serde(default)]
    pub networks: Vec<String>,
    /// When it stops working: `2027-01-31T00:00:00Z`.
    pub expires: Option<String>,
    /// Refuses requests that cannot be carried over to the target's dialect whole.
    #[serde(default)]
    pub strict: bool,
    /// How much its requests matter when there is not room for all.
    #[serde(default)]
    pub priority: PriorityWord,
    /// May choose target and strategy of a request by the headers `x-tidegate-target` and `x-tidegate-strategy`.
    #[serde(default)]
    pub overrides: bool,
    /// Its own limits (`by: key` is the default here).
    #[serde(default)]
    pub limits: Vec<LimitEntry>,
}

/// A limit.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitEntry {
    /// Its name, told to callers who are limited; by default made of the rest: `key-requests-minute`.
    pub name: Option<String>,
    /// Whose use is added up: every subject has a counter of its own. In the config's own `limits` the default is `global`.
    pub by: Option<LimitScope>,
    /// What is counted.
    pub of: LimitUnit,
    /// How much; for `money` in US dollars.
    pub limit: f64,
    /// In which time: `second`, `minute`, `hour`, `day`, `week`, `month`, or a duration such as `30s`. Not for `concurrent`.
    pub per: Option<String>,
    /// How time is looked at: `sliding`, the last so much time at any moment; `calendar`, since the minute or month began (UTC);
    /// `bucket`, filled evenly. By default `calendar` from `day` on and for money, else `sliding`.
    pub window: Option<LimitWindow>,
    /// What a full `bucket` holds; by default `limit`.
    pub burst: Option<f64>,
    /// Only requests for these models, with `*`; by default all.
    #[serde(default)]
    pub models: Vec<String>,
}

/// Whose use is added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum LimitScope {
    /// Everybody's together.
    Global,
    /// Of each endpoint.
    Route,
    /// Of each team.
    Team,
    /// Of each key.
    Key,
    /// Of each end user of a key (`user`, `safety_identifier`, `metadata.user_id`).
    User,
    /// Of each client address; of IPv6 addresses the /64.
    Ip,
    /// Of each model, as callers write it.
    Model,
    /// Of each provider.
    Provider,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum LimitUnit {
    /// Requests.
    Requests,
    /// Prompt tokens.
    InputTokens,
    /// Answer tokens.
    OutputTokens,
    /// Both.
    Tokens,
    /// US dollars.
    Money,
    /// Requests that are being answered.
    Concurrent,
}

/// How time is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum LimitWindow {
    /// The last so much time, at any moment.
    Sliding,
    /// Since the current minute, day or month began, in UTC.
    Calendar,
    /// A bucket that fills up evenly.
    Bucket,
}

/// What is done instead of a refusal.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum InsteadEntry {
    /// `cache`: an answer that is kept.
    Word(InsteadWord),
    /// Another model's answer, or a fixed one.
    Terms(InsteadTerms),
}

/// An answer that needs no further word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum InsteadWord {
    /// An answer that is kept; nothing is kept yet.
    Cache,
}

/// Another model's answer, or a fixed one; one of the two.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InsteadTerms {
    /// Ask this model, if its limits have room.
    pub model: Option<String>,
    /// Answer with these words.
    pub message: Option<String>,
}

/// Redis.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum RedisEntry {
    /// Its URL.
    Url(StoreUrl),
    /// With terms of its own.
    Terms(RedisTerms),
}

impl RedisEntry {
    /// The terms, with defaults where only the URL is written.
    pub fn terms(&self) -> RedisTerms {
        match self {
            Self::Url(url) => RedisTerms {
                url: url.clone(),
                prefix: default_prefix(),
                time_limit: default_time_limit(),
                on_failure: OnFailure::Share,
                instances: None,
            },
            Self::Terms(terms) => terms.clone(),
        }
    }
}

/// Redis, and how it is used.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedisTerms {
    /// `redis://user:password@host:6379/0`, `rediss://…` with TLS, or `redis+cluster://host1:6379,host2:6379`.
    pub url: StoreUrl,
    /// Keeps several gateways apart that share one Redis.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// The longest that a request waits for Redis; then the instance decides alone.
    #[serde(default = "default_time_limit")]
    pub time_limit: Period,
    /// While Redis is slow or away: `share`, each instance grants its share of every limit; `deny`, nothing that is limited passes.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// How many instances share the limits; by default those are counted that Redis has seen of late.
    #[schemars(range(min = 1, max = 10_000))]
    pub instances: Option<u32>,
}

fn default_prefix() -> String {
    "tidegate".to_owned()
}

fn default_time_limit() -> Period {
    Period(std::time::Duration::from_millis(50))
}

/// What holds while Redis is slow or away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum OnFailure {
    /// Each instance grants its share.
    #[default]
    Share,
    /// Nothing that is limited passes.
    Deny,
}

/// The ledger.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LedgerEntry {
    /// Off, nothing is written down: there is no usage, and budgets begin anew with every start.
    pub enabled: bool,
    /// Days that rows are kept; sums are kept for ever.
    #[schemars(range(min = 1, max = 3650))]
    pub retention_days: u32,
    /// The most that may wait in the journal for a database that is away. Beyond it new requests are refused with 503.
    pub journal: Size,
}

impl Default for LedgerEntry {
    fn default() -> Self {
        Self { enabled: true, retention_days: 90, journal: Size(1 << 30) }
    }
}
