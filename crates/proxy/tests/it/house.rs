//! A gateway with fake providers in all dialects, ready to be asked.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use tidegate_core::Secret;
use tidegate_llm::price::PriceTable;
use tidegate_llm::{Dialect, Quirks};
use tidegate_net::{Connector, Drain, Origin, ServeLimits, listen, serve};
use tidegate_policy::TimeLimits;
use tidegate_proxy::Gateway;
use tidegate_proxy::access_log::AccessLog;
use tidegate_proxy::meters::Meters;
use tidegate_proxy::snapshot::{Auth, Line, ModelTable, Pool, PoolMember, Provider, Rules, Snapshot};
use tidegate_testkit::FakeProvider;
use tidegate_testkit::client::Client;

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
    pub pools: Vec<(&'static str, Vec<(String, u32)>, Vec<&'static str>)>,
    pub half_close: bool,
}

impl Default for Plan {
    fn default() -> Self {
        let rules = Rules { request_body: 1 << 20, ..Rules::default() };
        Self { rules, limits: TimeLimits::default(), pools: Vec::new(), half_close: false }
    }
}

impl House {
    pub async fn start() -> Self {
        Self::start_with(Plan::default()).await
    }

    pub async fn start_with(plan: Plan) -> Self {
        let fake = FakeProvider::start().await.unwrap();
        let meters = Meters::default();
        let snapshot = Arc::new(snapshot(&plan, fake.addr(), &meters));
        let written = Written::default();
        let log = AccessLog::start(Box::new(written.clone())).unwrap();
        let gateway = Gateway::new(snapshot, meters, log.clone());
        let listener = listen::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let drain = Drain::default();
        let limits = ServeLimits { allow_half_close: plan.half_close, ..ServeLimits::default() };
        tokio::spawn(serve(listener, gateway.clone(), limits, drain.clone()));
        Self { fake, gateway, address, drain, log, written }
    }

    /// A client with a key that means nothing yet.
    pub fn client(&self) -> Client {
        Client::new(self.address).bearer("sk-caller-canary")
    }

    /// The log lines of all exchanges that have ended.
    pub fn log_lines(&self) -> Vec<Value> {
        self.log.close();
        let bytes = self.written.0.lock().unwrap();
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }
}

fn snapshot(plan: &Plan, fake: SocketAddr, meters: &Meters) -> Snapshot {
    let connector = Arc::new(Connector::default());
    let mut providers: Vec<Arc<Provider>> = PROVIDERS
        .iter()
        .map(|(name, dialect, path)| {
            provider(name, *dialect, &format!("http://{fake}{path}"), &connector, plan.limits)
        })
        .collect();
    // Nobody listens on port 1 of the loopback.
    providers.push(provider("down", Dialect::OpenaiChat, "http://127.0.0.1:1/v1", &connector, plan.limits));
    let mut models = ModelTable::new(&providers, meters.clone());
    for (name, targets, fallback) in &plan.pools {
        let members = targets.iter().map(|(target, weight)| {
            let (provider, model) = target.split_once('/').unwrap();
            let provider = providers.iter().find(|known| known.name == provider).unwrap();
            PoolMember { target: models.target(provider, model, None), weight: *weight }
        });
        let members = members.collect();
        let fallback = fallback.iter().map(|name| (*name).to_owned()).collect();
        models.add_pool(Pool { name: (*name).to_owned(), members, fallback });
    }
    Snapshot {
        default_provider: providers.first().cloned(),
        models,
        providers,
        prices: Arc::new(prices()),
        rules: plan.rules.clone(),
    }
}

fn prices() -> PriceTable {
    let rate = |dollars: u64| tidegate_llm::price::Rate(dollars * 1_000_000);
    let price = tidegate_llm::price::Price::new(rate(1), rate(2));
    PriceTable::builtin().unwrap().with_override("chat/text", price)
}

fn provider(
    name: &str,
    dialect: Dialect,
    base_url: &str,
    connector: &Arc<Connector>,
    limits: TimeLimits,
) -> Arc<Provider> {
    let (origin, path) = Origin::parse(base_url).unwrap();
    let (header, prefix) = match dialect {
        Dialect::Anthropic => ("x-api-key", ""),
        Dialect::Gemini => ("x-goog-api-key", ""),
        _ => ("authorization", "Bearer "),
    };
    let auth = Auth::new(HeaderName::from_static(header), prefix, &Secret::new("sk-provider-canary"));
    let host = HeaderValue::from_str(&origin.host_header()).unwrap();
    let line = Line { dialect, lanes: connector.pool(&origin), path, host, auth };
    Arc::new(Provider {
        name: name.to_owned(),
        price_name: name.to_owned(),
        lines: vec![line],
        headers: Vec::new(),
        quirks: Quirks::default(),
        completions: dialect == Dialect::OpenaiChat,
        embeddings: dialect == Dialect::OpenaiChat,
        limits,
    })
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
