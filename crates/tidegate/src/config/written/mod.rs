//! The written shape of the config: one root type, whose doc comments are the reference (`docs/config.md`), the JSON
//! schema and what `tidegate check` knows of keys and types.

mod access;
mod cache;
mod model;
mod named;
mod price;
mod provider;
mod routes;
mod scalar;
mod serving;
mod tls;
mod traffic;
mod upstream;

pub use access::{
    InsteadEntry, InsteadTerms, InsteadWord, KeyEntry, LedgerEntry, LimitEntry, LimitScope, LimitUnit,
    LimitWindow, OnFailure, RedisEntry, RedisTerms, TeamEntry,
};
pub use cache::{CacheEntry, CacheKeyWord, CacheTerms, HttpCacheEntry};
pub use model::{Model, ModelPool, TargetEntry, TargetTerms};
pub use named::Named;
pub use price::PriceEntry;
pub use provider::{Dialects, ProviderEntry, QuirksEntry, WireDialect};
pub use routes::{
    AiEntry, AiWord, BasicEntry, CompressEntry, CorsEntry, HeaderChanges, HstsEntry, MatchEntry,
    RedirectEntry, RedirectTerms, RespondEntry, RewriteEntry, RouteEntry, RouteHeaders, RouteTimes, Words,
};
pub use scalar::{Address, BaseUrl, Dollars, DoorAddress, Key, Period, Size, StoreUrl};
pub(super) use scalar::{check_format, format_words};
pub use serving::{
    Admin, Compat, HttpsEntry, Insecure, Listen, ProxyProtocolEntry, Retry, Sizes, TimeLimitsEntry,
};
pub use tls::{
    AcmeEntry, CertificateEntry, ChallengeWord, ClientCertificatesEntry, TlsEntry, TlsTerms, TlsVersionWord,
    TlsWord,
};
pub use traffic::{
    ConcurrencyEntry, ConcurrencyWord, HealthEntry, HedgeEntry, OverloadEntry, PriorityWord, ProbeEntry,
    QueueEntry, StatusEntry, StatusWord, StickyWord, StrategyWord,
};
pub use upstream::{
    BufferingEntry, BufferingTerms, BufferingWord, ProtocolWord, ServerEntry, ServerStrategy, ServerTerms,
    UpstreamEntry,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The settings of `tidegate.yaml`. Every key is optional; an empty file is a good one.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Doors for callers. All changes are taken over while running: connections that are open keep their terms.
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
    /// Asks every caller for a key. By default only where there is a door beyond loopback, or where the config has `keys`.
    pub require_key: Option<bool>,
    /// Keys for callers, by name. Further ones are made with `tidegate keys create` or on the admin door.
    pub keys: Named<KeyEntry>,
    /// Teams, by name: what their keys share.
    pub teams: Named<TeamEntry>,
    /// Limits that hold for all callers; keys and teams can have further ones. All that concern a request must have room for it.
    pub limits: Vec<LimitEntry>,
    /// What a caller gets instead of a 429 when a limit is reached, in this order; the answer then has `x-tidegate-degraded`.
    pub when_limited: Vec<InsteadEntry>,
    /// Where keys, ledger and secrets are kept: a directory. By default `tidegate` in `$XDG_DATA_HOME`, or in
    /// `~/.local/share`. Needs a restart.
    pub data: Option<String>,
    /// A Postgres database that several instances share: `postgres://user:password@host/name`. By default an SQLite file in
    /// `data`. Needs a restart.
    pub database: Option<StoreUrl>,
    /// A Redis for the counters of all limits, so that they hold across instances. By default each instance counts for itself.
    /// Needs a restart.
    pub redis: Option<RedisEntry>,
    /// The record of every attempt and its cost. Needs a restart.
    pub ledger: LedgerEntry,
    /// The edge: paths and hosts that are proxied, served from files, redirected or answered by themselves. The most specific route wins: a host
    /// before any host, an exact path before a regex, a regex before a prefix, a long prefix before a short one; then more conditions, then
    /// what was written first. What no route takes goes to the AI gateway, as everything does without `routes`.
    pub routes: Vec<RouteEntry>,
    /// Servers behind names, for `proxy` in `routes`.
    pub upstreams: Named<UpstreamEntry>,
    /// Pages that are shown in place of the routes' plain errors, by status: `502: ./502.html`. Relative to the config file.
    pub error_pages: Named<String>,
    /// Adds headers that make browsers careful to all answers: no sniffing of types, no foreign frames, short referrers.
    pub security_headers: bool,
    /// Tells browsers that came by TLS to come by TLS only (`Strict-Transport-Security`, RFC 6797); brings `security_headers` along.
    pub hsts: Option<HstsEntry>,
    /// Where answers are kept for `cache` in `routes`.
    pub http_cache: HttpCacheEntry,
    /// Proxies in front of the gateway whose `X-Forwarded-For` is believed: `10.0.0.0/8`.
    pub trusted_proxies: Vec<String>,
    /// Bounds on what is held in memory.
    pub sizes: Sizes,
    /// How long each stage of an attempt may take; providers and models can set their own.
    pub time_limits: TimeLimitsEntry,
    /// How often and how patiently a request is tried again. A client's own retries are noticed: then every target is
    /// tried once and none twice.
    pub retry: Retry,
    /// When a target counts as ill, and how it comes back; providers can set their own.
    pub health: HealthEntry,
    /// What happens when there is more work than can be carried.
    pub overload: OverloadEntry,
    /// The region that this instance is in; targets of the same region are asked first.
    pub region: Option<String>,
    /// What a caller gets when all targets of a model are down, in this order; the answer then has `x-tidegate-degraded`. By default
    /// what `when_limited` says.
    pub when_down: Option<Vec<InsteadEntry>>,
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
    /// What a line of it holds: `json`; `combined`, as nginx and Apache write it; or a text with nginx's variables, such as
    /// `$remote_addr "$request" $status rt=$request_time urt=$upstream_response_time`.
    pub access_log_format: String,
    /// Settings that open the gateway wider than is safe by default.
    pub insecure: Insecure,
    /// After SIGTERM: how long open requests and streams may take to finish.
    pub drain: Period,
    /// Where the process writes its id: `/run/tidegate/tidegate.pid`. `tidegate upgrade` finds it there. Relative to the config file. Needs a
    /// restart or an upgrade.
    pub pid_file: Option<String>,
    /// Worker threads; by default as many as there are processor cores. Needs a restart.
    #[schemars(range(min = 1, max = 1024))]
    pub workers: Option<usize>,
}

impl Config {
    /// How many threads work.
    pub fn worker_count(&self) -> usize {
        self.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }
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
            require_key: None,
            keys: Named::default(),
            teams: Named::default(),
            limits: Vec::new(),
            when_limited: Vec::new(),
            data: None,
            database: None,
            redis: None,
            ledger: LedgerEntry::default(),
            routes: Vec::new(),
            upstreams: Named::default(),
            error_pages: Named::default(),
            security_headers: false,
            hsts: None,
            http_cache: HttpCacheEntry::default(),
            trusted_proxies: Vec::new(),
            sizes: Sizes::default(),
            time_limits: TimeLimitsEntry::default(),
            retry: Retry::default(),
            health: HealthEntry::default(),
            overload: OverloadEntry::default(),
            region: None,
            when_down: None,
            strict: false,
            usage_cost: false,
            compat: Compat::default(),
            access_log: "stdout".to_owned(),
            access_log_format: "json".to_owned(),
            insecure: Insecure::default(),
            drain: Period(std::time::Duration::from_secs(300)),
            pid_file: None,
            workers: None,
        }
    }
}
