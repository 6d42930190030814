//! A gateway with fake providers in all dialects, ready to be asked.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_core::Secret;
use tidegate_llm::price::PriceTable;
use tidegate_llm::{Dialect, Quirks};
use tidegate_net::{Connector, Drain, Origin, ServeLimits, listen, serve};
use tidegate_policy::access::Key;
use tidegate_policy::balance;
use tidegate_policy::budget::BudgetRules;
use tidegate_policy::health::HealthRules;
use tidegate_policy::hedge::HedgeRules;
use tidegate_policy::limit::Rule;
use tidegate_policy::{RetryRules, TimeLimits};
use tidegate_proxy::Gateway;
use tidegate_proxy::access_log::AccessLog;
use tidegate_proxy::desk::Desk;
use tidegate_proxy::meters::Meters;
use tidegate_proxy::snapshot::{Access, Auth, Line, ModelTable, Pool, PoolMember, Provider, Rules, Snapshot};
use tidegate_proxy::traffic::{Conduct, GateRules, KeyTable, MetricsSource, ProbeRules, Sticky};
use tidegate_store::Database;
use tidegate_store::database::Place;
use tidegate_store::keys::{Directory, Hasher};
use tidegate_store::ledger::Journal;
use tidegate_testkit::FakeProvider;
use tidegate_testkit::client::{Answer, Client};

use crate::reading::check_sound;
use crate::secrets::{traced_keys, watch_traces};

/// Names of the four providers, each of which is the same fake, spoken to in another dialect.
pub const PROVIDERS: [(&str, Dialect, &str); 4] = [
    ("chat", Dialect::OpenaiChat, "/v1"),
    ("responses", Dialect::OpenaiResponses, "/v1"),
    ("anthropic", Dialect::Anthropic, "/v1"),
    ("gemini", Dialect::Gemini, "/v1beta"),
];

/// Longest wait of any test for something that must happen.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A running gateway and its fake.
pub struct House {
    pub fake: FakeProvider,
    pub gateway: Arc<Gateway>,
    pub address: SocketAddr,
    pub drain: Drain,
    log: Arc<AccessLog>,
    written: Written,
    folder: TempDir,
}

/// What the access log wrote.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What differs from the usual house.
pub struct Plan {
    pub rules: Rules,
    pub limits: TimeLimits,
    /// Pools: name, targets with weights, fallbacks.
    #[allow(clippy::type_complexity)] // Tests write it as a literal.
    pub pools: Vec<(&'static str, Vec<(String, u32)>, Vec<&'static str>)>,
    /// More providers: name, dialect, base URL.
    pub more: Vec<(&'static str, Dialect, String)>,
    pub half_close: bool,
    /// Who may ask, and how much; with keys, the house has a directory.
    pub access: Access,
    pub edge: Option<Arc<tidegate_proxy::edge::Site>>,
    pub keys: Vec<(Secret, Key)>,
    /// What the gateway shows all providers.
    pub provider_keys: Vec<Secret>,
    /// How the gateway asks by itself.
    pub probe: Option<ProbeRules>,
    /// How pools choose, and when their targets count as ill: by default never.
    pub balance: balance::Rules,
    pub budget: Option<BudgetRules>,
    pub hedge: Option<HedgeRules>,
    pub gate: GateRules,
    /// Limits of what is used at each provider.
    pub provider_rules: Vec<Arc<Rule>>,
}

/// Rules by which no target is ever ill: tests let them fail again and again.
pub fn patient() -> HealthRules {
    HealthRules { failures: 0, rate: None, silence: None, slow_factor: None, ..HealthRules::default() }
}

impl Plan {
    fn conduct(&self) -> Conduct {
        Conduct::new(self.balance.clone(), Sticky::default(), self.budget, self.hedge)
    }
}

impl Default for Plan {
    fn default() -> Self {
        let retry = RetryRules { base: Duration::from_millis(5), ..RetryRules::default() };
        let rules = Rules { request_body: 1 << 20, retry, ..Rules::default() };
        Self {
            rules,
            limits: TimeLimits::default(),
            pools: Vec::new(),
            more: Vec::new(),
            half_close: false,
            access: Access::default(),
            edge: None,
            keys: Vec::new(),
            probe: None,
            provider_keys: vec![Secret::new("sk-provider-canary")],
            balance: balance::Rules { health: patient(), ..balance::Rules::default() },
            budget: None,
            hedge: None,
            provider_rules: Vec::new(),
            gate: GateRules::default(),
        }
    }
}

/// A house with one pool `p`, whose targets are tried in this order.
pub fn in_order(targets: &[&str]) -> Plan {
    // Weights that fix the order: the next target only comes when the one before has failed.
    let weights = [1_000_000_000, 1, 0, 0];
    let targets =
        targets.iter().zip(weights).map(|(target, weight)| ((*target).to_owned(), weight)).collect();
    Plan { pools: vec![("p", targets, vec![])], ..Plan::default() }
}

/// A house with these time limits.
pub fn within(limits: TimeLimits) -> Plan {
    Plan { limits, ..Plan::default() }
}

impl House {
    pub async fn start() -> Self {
        Self::start_with(Plan::default()).await
    }

    pub async fn start_with(plan: Plan) -> Self {
        watch_traces();
        let fake = FakeProvider::start().await.unwrap();
        let meters = Meters::default();
        let snapshot = Arc::new(snapshot(&plan, fake.addr(), &meters));
        let written = Written::default();
        let log = AccessLog::start(Box::new(written.clone())).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(&plan, folder.path()).await;
        let gateway = Gateway::new(snapshot, meters, log.clone(), desk);
        let listener = listen::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let drain = Drain::default();
        let limits = ServeLimits {
            allow_half_close: plan.half_close,
            extended_connect: true,
            ..ServeLimits::default()
        };
        tokio::spawn(serve(listener, gateway.clone(), limits, drain.clone()));
        Self { fake, gateway, address, drain, log, written, folder }
    }

    /// A client with a key that means nothing yet.
    pub fn client(&self) -> Client {
        Client::new(self.address).bearer("sk-caller-canary")
    }

    /// Asks a surface for a model. The answer keeps what every answer must: see `check_sound`.
    pub async fn ask(&self, surface: &str, model: &str, stream: bool) -> Answer {
        let (path, body) = ask(surface, model, stream);
        self.post(surface, &path, &body).await
    }

    /// The same with a path and a body of one's own.
    pub async fn post(&self, surface: &str, path: &str, body: &Value) -> Answer {
        self.post_with(self.client(), surface, path, body).await
    }

    /// The same with a client of one's own.
    pub async fn post_with(&self, client: Client, surface: &str, path: &str, body: &Value) -> Answer {
        let answer = vendor_headers(client, surface).post(path, body).await.unwrap();
        check_sound(surface, &answer);
        answer
    }

    /// Posts bytes that need not be JSON.
    pub async fn post_bytes(&self, surface: &str, path: &str, body: &[u8]) -> Answer {
        let client = vendor_headers(self.client(), surface).header("content-type", "application/json");
        let stream = client.send(Method::POST, path, Bytes::copy_from_slice(body)).await.unwrap();
        let answer = stream.whole().await.unwrap();
        check_sound(surface, &answer);
        answer
    }

    /// The log lines of all exchanges, of which there were `count`: each has exactly one, none is left open, and no key
    /// stands in any of them.
    pub fn ledger(&self, count: usize) -> Vec<Value> {
        let lines = self.log_lines();
        assert_eq!(lines.len(), count, "{lines:?}");
        assert_eq!(self.gateway.meters().in_flight().get(), 0, "an exchange is still open");
        for line in &lines {
            assert!(!line.to_string().contains("canary"), "{line}");
            assert!(line["outcome"].is_string() && line["request_id"].is_string(), "{line}");
        }
        assert_eq!(traced_keys(), Vec::<String>::new());
        lines
    }

    /// The rows of the ledger's journal, in the order in which they were written.
    pub fn rows(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        read_journal(&self.folder.path().join("journal"), &mut rows);
        rows
    }

    /// The log line of the only exchange.
    pub fn only_line(&self) -> Value {
        self.ledger(1).remove(0)
    }

    /// The log as it was written; nothing is written any more.
    pub fn log_text(&self) -> String {
        self.log.close();
        String::from_utf8_lossy(&self.written.0.lock().unwrap()).into_owned()
    }

    /// The log lines of all exchanges that have ended.
    pub fn log_lines(&self) -> Vec<Value> {
        self.log.close();
        let bytes = self.written.0.lock().unwrap();
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }
}

/// Reads every journal file below a folder.
fn read_journal(folder: &Path, rows: &mut Vec<Value>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            read_journal(&path, rows);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            rows.extend(text.lines().filter_map(|line| serde_json::from_str(line).ok()));
        }
    }
}

/// A desk with a journal that nobody folds, and with the plan's keys.
async fn desk(plan: &Plan, folder: &Path) -> Arc<Desk> {
    let mut desk = Arc::into_inner(Desk::bare()).unwrap();
    desk.journal = Some(Arc::new(Journal::open(&folder.join("journal"), 1 << 30).unwrap()));
    if !plan.keys.is_empty() {
        let database = Database::open(&Place::Sqlite(folder.join("house.db"))).await.unwrap();
        let hasher = Hasher::in_folder(folder).unwrap();
        let directory = Directory::open(database, hasher).await.unwrap();
        directory.set_fixed(plan.keys.clone());
        desk.directory = Some(directory);
    }
    Arc::new(desk)
}

fn snapshot(plan: &Plan, fake: SocketAddr, meters: &Meters) -> Snapshot {
    let connector = Arc::new(Connector::default());
    let mut providers: Vec<Arc<Provider>> = PROVIDERS
        .iter()
        .map(|(name, dialect, path)| {
            provider(name, *dialect, &format!("http://{fake}{path}"), &connector, plan)
        })
        .collect();
    // Nobody listens on port 1 of the loopback.
    providers.push(provider("down", Dialect::OpenaiChat, "http://127.0.0.1:1/v1", &connector, plan));
    for (name, dialect, url) in &plan.more {
        providers.push(provider(name, *dialect, url, &connector, plan));
    }
    let mut models = ModelTable::new(&providers, meters.clone(), Default::default());
    let conduct = Arc::new(plan.conduct());
    models.gate = plan.gate;
    for provider in &providers {
        models.set_alone(&provider.name, conduct.clone());
    }
    for (name, targets, fallback) in &plan.pools {
        let members = targets.iter().map(|(target, weight)| {
            let (provider, model) = target.split_once('/').unwrap();
            let provider = providers.iter().find(|known| *known.name == *provider).unwrap();
            let target = models.target(provider, model, None);
            target.live.gate.set_rules(&plan.gate);
            PoolMember { weight: *weight, ..PoolMember::plain(target) }
        });
        let members = members.collect();
        let fallback = fallback.iter().map(|name| (*name).to_owned()).collect();
        models.add_pool(Pool::new(name, members, fallback, conduct.clone()));
    }
    Snapshot {
        default_provider: providers.first().cloned(),
        models,
        providers,
        prices: PRICES.clone(),
        rules: plan.rules.clone(),
        access: plan.access.clone(),
        edge: plan.edge.clone(),
    }
}

/// Read once for all houses: it is the same in each.
static PRICES: LazyLock<Arc<PriceTable>> = LazyLock::new(|| {
    let rate = |dollars: u64| tidegate_llm::price::Rate(dollars * 1_000_000);
    let price = tidegate_llm::price::Price::new(rate(1), rate(2));
    Arc::new(PriceTable::builtin().unwrap().with_override("chat/text", price))
});

fn provider(
    name: &str,
    dialect: Dialect,
    base_url: &str,
    connector: &Arc<Connector>,
    plan: &Plan,
) -> Arc<Provider> {
    let (limits, keys) = (plan.limits, &plan.provider_keys);
    let (origin, path) = Origin::parse(base_url).unwrap();
    let (header, prefix) = match dialect {
        Dialect::Anthropic => ("x-api-key", ""),
        Dialect::Gemini => ("x-goog-api-key", ""),
        _ => ("authorization", "Bearer "),
    };
    let auth =
        keys.iter().filter_map(|key| Auth::new(HeaderName::from_static(header), prefix, key)).collect();
    let host = HeaderValue::from_str(&origin.host_header()).unwrap();
    let line = Line { dialect, lanes: connector.pool(&origin), path, host, auth };
    Arc::new(Provider {
        name: name.into(),
        price_name: name.to_owned(),
        lines: vec![line],
        metrics: metrics(connector, &origin),
        probe: plan.probe.clone(),
        keys: KeyTable::default().ring(&name.into(), keys),
        headers: Vec::new(),
        quirks: Quirks::default(),
        completions: dialect == Dialect::OpenaiChat,
        embeddings: dialect == Dialect::OpenaiChat,
        limits,
        rules: plan.provider_rules.clone(),
    })
}

fn metrics(connector: &Arc<Connector>, origin: &Origin) -> Vec<MetricsSource> {
    let host = HeaderValue::from_str(&origin.host_header()).unwrap();
    vec![MetricsSource { lanes: connector.pool(origin), host, path: "/metrics".to_owned(), with_key: true }]
}

/// A chat request in OpenAI's words.
pub fn chat(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "hello there"}]})
}

/// The same as a stream.
pub fn chat_stream(model: &str) -> Value {
    json!({"model": model, "stream": true, "messages": [{"role": "user", "content": "hello there"}]})
}

/// A request of any surface: path and body.
pub fn ask(surface: &str, model: &str, stream: bool) -> (String, Value) {
    match surface {
        "chat" => ("/v1/chat/completions".into(), if stream { chat_stream(model) } else { chat(model) }),
        "responses" => {
            ("/v1/responses".into(), json!({"model": model, "stream": stream, "input": "hello there"}))
        }
        "anthropic" => (
            "/v1/messages".into(),
            json!({"model": model, "stream": stream, "max_tokens": 500,
                "messages": [{"role": "user", "content": "hello there"}]}),
        ),
        "gemini" => {
            let action = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
            let body = json!({"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]});
            (format!("/v1beta/models/{model}:{action}"), body)
        }
        other => panic!("no surface {other}"),
    }
}

/// The headers by which a vendor's SDK is known.
fn vendor_headers(client: Client, surface: &str) -> Client {
    match surface {
        "anthropic" => client.header("anthropic-version", "2023-06-01"),
        "gemini" => client.header("x-goog-api-key", "sk-caller-canary"),
        _ => client,
    }
}
