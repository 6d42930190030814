//! What is counted, under the names of the Prometheus conventions. Handles are looked up once per snapshot; a request
//! only adds to atomics.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tidegate_llm::Usage;

/// Buckets for whole answers, in seconds (OpenTelemetry's GenAI buckets).
const DURATION: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// Buckets for first tokens, in seconds.
const FIRST_TOKEN: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    endpoint: &'static str,
    provider: String,
    model: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TargetLabels {
    provider: String,
    model: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    provider: String,
    model: String,
    r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    provider: String,
    model: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeyLabels {
    provider: String,
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    rule: String,
    what: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShedLabels {
    reason: &'static str,
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabels {
    route: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HedgeLabels {
    outcome: &'static str,
}

/// All meters of the process. Clones share the values; a reload keeps them.
#[derive(Clone, Debug)]
pub struct Meters {
    inner: Arc<Families>,
}

#[derive(Debug)]
struct Families {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    duration: Family<TargetLabels, Histogram, fn() -> Histogram>,
    first_token: Family<TargetLabels, Histogram, fn() -> Histogram>,
    tokens: Family<TokenLabels, Counter>,
    cost: Family<TargetLabels, Counter<f64, AtomicU64>>,
    attempts: Family<AttemptLabels, Counter>,
    in_flight: Gauge,
    malformed: Family<TargetLabels, Counter>,
    dropped_lines: Counter,
    lost_rows: Counter,
    limited: Family<LimitLabels, Counter>,
    keys_out: Family<KeyLabels, Counter>,
    shed: Family<ShedLabels, Counter>,
    hedges: Family<HedgeLabels, Counter>,
    hedges_sent: Counter,
    hedges_won: Counter,
    retries_unpaid: Counter,
    cache_uses: Family<CacheLabels, Counter>,
    cache_bytes: Family<RouteLabels, Counter>,
}

impl Default for Meters {
    fn default() -> Self {
        Self { inner: Arc::new(Families::new()) }
    }
}

impl Families {
    fn new() -> Self {
        let hedges = Family::<HedgeLabels, Counter>::default();
        let hedge = |outcome| hedges.get_or_create_owned(&HedgeLabels { outcome });
        let (hedges_sent, hedges_won) = (hedge("sent"), hedge("won"));
        let mut families = Self {
            registry: Registry::default(),
            requests: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(DURATION)),
            first_token: Family::new_with_constructor(|| Histogram::new(FIRST_TOKEN)),
            tokens: Family::default(),
            cost: Family::default(),
            attempts: Family::default(),
            in_flight: Gauge::default(),
            malformed: Family::default(),
            dropped_lines: Counter::default(),
            lost_rows: Counter::default(),
            limited: Family::default(),
            keys_out: Family::default(),
            shed: Family::default(),
            hedges,
            hedges_sent,
            hedges_won,
            retries_unpaid: Counter::default(),
            cache_uses: Family::default(),
            cache_bytes: Family::default(),
        };
        families.register();
        families.register_traffic();
        families.register_cache();
        families
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("ai_api_requests", "Requests answered, by HTTP status", self.requests.clone());
        r.register(
            "ai_api_request_duration_seconds",
            "From a request's arrival to the last byte of its answer",
            self.duration.clone(),
        );
        r.register(
            "ai_model_time_to_first_token_seconds",
            "From a request's arrival to the first content of a streamed answer",
            self.first_token.clone(),
        );
        r.register("ai_tokens_usage", "Tokens, by type", self.tokens.clone());
        r.register("ai_cost_usd", "Cost of the answers of priced models, in US dollars", self.cost.clone());
        r.register("ai_attempts", "Attempts at targets, by outcome", self.attempts.clone());
        r.register("ai_requests_in_flight", "Requests that are being answered", self.in_flight.clone());
        r.register(
            "ai_malformed_events",
            "Events inside providers' streams that could not be read and were skipped",
            self.malformed.clone(),
        );
        r.register(
            "ai_log_lines_dropped",
            "Lines of the access log that were dropped because its writing could not keep up",
            self.dropped_lines.clone(),
        );
        r.register(
            "tidegate_ledger_rows_lost",
            "Rows of the ledger that could not be written to its journal",
            self.lost_rows.clone(),
        );
        r.register(
            "tidegate_limited",
            "Requests that a limit of the config refused, or that got something else instead",
            self.limited.clone(),
        );
        r.register(
            "tidegate_credentials_out",
            "How often a key of a provider with several was set aside, by cause: refused, limited",
            self.keys_out.clone(),
        );
    }

    fn register_traffic(&mut self) {
        let r = &mut self.registry;
        r.register(
            "tidegate_shed",
            "Requests refused because there was more than can be carried, by cause and priority",
            self.shed.clone(),
        );
        r.register(
            "tidegate_hedges",
            "Second targets asked because the first was slow, and how many of them answered first",
            self.hedges.clone(),
        );
        r.register(
            "tidegate_retries_unpaid",
            "Further attempts that were not made because the retry budget was used up",
            self.retries_unpaid.clone(),
        );
    }
}

impl Families {
    fn register_cache(&mut self) {
        let r = &mut self.registry;
        r.register(
            "tidegate_cache_requests",
            "Requests of routes with a cache, by what it did with them",
            self.cache_uses.clone(),
        );
        r.register(
            "tidegate_cache_answered_bytes",
            "Bytes of bodies that were answered from the cache",
            self.cache_bytes.clone(),
        );
    }
}

impl Meters {
    /// Counts requests of a route for which its cache did that.
    pub fn cache_use(&self, route: &str, result: &'static str) -> Counter {
        self.inner.cache_uses.get_or_create_owned(&CacheLabels { route: route.to_owned(), result })
    }

    /// Counts bytes that a route's cache answered with.
    pub fn cache_bytes(&self, route: &str) -> Counter {
        self.inner.cache_bytes.get_or_create_owned(&RouteLabels { route: route.to_owned() })
    }

    /// The meters of one target.
    pub fn target(&self, provider: &str, model: &str) -> Arc<TargetMeters> {
        let labels = TargetLabels { provider: provider.to_owned(), model: model.to_owned() };
        let tokens = |kind| {
            let (provider, model) = (provider.to_owned(), model.to_owned());
            self.inner.tokens.get_or_create_owned(&TokenLabels { provider, model, r#type: kind })
        };
        let attempts = |outcome| {
            let (provider, model) = (provider.to_owned(), model.to_owned());
            self.inner.attempts.get_or_create_owned(&AttemptLabels { provider, model, outcome })
        };
        Arc::new(TargetMeters {
            all: self.clone(),
            provider: provider.to_owned(),
            model: model.to_owned(),
            duration: self.inner.duration.get_or_create_owned(&labels),
            first_token: self.inner.first_token.get_or_create_owned(&labels),
            input: tokens("input"),
            output: tokens("output"),
            cache_read: tokens("cache_read"),
            reasoning: tokens("reasoning"),
            cost: self.inner.cost.get_or_create_owned(&labels),
            good: attempts("good"),
            failed: attempts("failed"),
            malformed: self.inner.malformed.get_or_create_owned(&labels),
            requests: Mutex::default(),
        })
    }

    /// Counts an answered request that reached no target.
    pub fn count_refused(&self, endpoint: &'static str, status: u16) {
        let labels = RequestLabels { endpoint, provider: String::new(), model: String::new(), status };
        self.inner.requests.get_or_create(&labels).inc();
    }

    /// Counts a line that the access log had no room for.
    pub fn count_dropped_line(&self) {
        self.inner.dropped_lines.inc();
    }

    /// Counts rows of the ledger that could not be written.
    pub fn count_lost_rows(&self, rows: u64) {
        self.inner.lost_rows.inc_by(rows);
    }

    /// Counts a request that a limit refused or changed; `what` is `refused`, or what was given instead.
    pub fn count_limited(&self, rule: &str, what: &'static str) {
        self.inner.limited.get_or_create(&LimitLabels { rule: rule.to_owned(), what }).inc();
    }

    /// Counts a provider's key that was set aside; `cause` is `refused` or `limited`.
    pub fn count_key_out(&self, provider: &str, cause: &'static str) {
        self.inner.keys_out.get_or_create(&KeyLabels { provider: provider.to_owned(), cause }).inc();
    }

    /// Counts a request that was refused for want of room; `reason` as [`Shed::word`](crate::error::Shed::word) has it, `class` its
    /// priority.
    pub fn count_shed(&self, reason: &'static str, class: &'static str) {
        self.inner.shed.get_or_create(&ShedLabels { reason, class }).inc();
    }

    /// Counts a second target that was asked because the first was slow.
    pub fn count_hedge_sent(&self) {
        self.inner.hedges_sent.inc();
    }

    /// Counts a second target that answered first.
    pub fn count_hedge_won(&self) {
        self.inner.hedges_won.inc();
    }

    /// Counts a further attempt that the retry budget did not pay for.
    pub fn count_retry_unpaid(&self) {
        self.inner.retries_unpaid.inc();
    }

    /// The gauge of open requests.
    pub fn in_flight(&self) -> &Gauge {
        &self.inner.in_flight
    }

    /// All values in OpenMetrics text.
    pub fn render(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = text::encode(&mut out, &self.inner.registry);
        out
    }
}

/// The meters of one target, looked up once.
#[derive(Debug)]
pub struct TargetMeters {
    all: Meters,
    provider: String,
    model: String,
    duration: Histogram,
    first_token: Histogram,
    input: Counter,
    output: Counter,
    cache_read: Counter,
    reasoning: Counter,
    cost: Counter<f64, AtomicU64>,
    good: Counter,
    failed: Counter,
    malformed: Counter,
    /// Request counters by endpoint and status, as far as they were needed; few, so a list is fastest.
    requests: Mutex<Vec<(&'static str, u16, Counter)>>,
}

impl TargetMeters {
    /// Counts one attempt.
    pub fn count_attempt(&self, good: bool) {
        if good {
            self.good.inc()
        } else {
            self.failed.inc()
        };
    }

    /// Counts an answered request.
    pub fn count_request(&self, endpoint: &'static str, status: u16, seconds: f64, first_token: Option<f64>) {
        self.request_counter(endpoint, status).inc();
        self.duration.observe(seconds);
        if let Some(seconds) = first_token {
            self.first_token.observe(seconds);
        }
    }

    fn request_counter(&self, endpoint: &'static str, status: u16) -> Counter {
        let mut known = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.iter().find(|entry| (entry.0, entry.1) == (endpoint, status));
        if let Some((.., counter)) = found {
            return counter.clone();
        }
        let (provider, model) = (self.provider.clone(), self.model.clone());
        let labels = RequestLabels { endpoint, provider, model, status };
        let counter = self.all.inner.requests.get_or_create_owned(&labels);
        known.push((endpoint, status, counter.clone()));
        counter
    }

    /// Counts tokens and, for a priced model, money.
    pub fn count_usage(&self, usage: &Usage, dollars: Option<f64>) {
        self.input.inc_by(usage.input);
        self.output.inc_by(usage.output);
        self.cache_read.inc_by(usage.cache_read);
        self.reasoning.inc_by(usage.reasoning);
        if let Some(dollars) = dollars {
            self.cost.inc_by(dollars);
        }
    }

    /// Counts skipped events.
    pub fn count_malformed(&self, events: u64) {
        self.malformed.inc_by(events);
    }
}
