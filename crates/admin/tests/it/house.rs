//! An admin door with a fresh database, ready to be asked.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_admin::{Books, ConfigState, Door, Version};
use tidegate_core::Secret;
use tidegate_llm::Quirks;
use tidegate_llm::price::{Price, PriceTable, Rate};
use tidegate_policy::TimeLimits;
use tidegate_policy::limit::{Rule, Scope, Spec};
use tidegate_proxy::Gateway;
use tidegate_proxy::access_log::AccessLog;
use tidegate_proxy::desk::Desk;
use tidegate_proxy::meters::Meters;
use tidegate_proxy::snapshot::{Access, ModelTable, Pool, PoolMember, Provider, Rules, Snapshot};
use tidegate_store::Database;
use tidegate_store::counters::{Clock, Limiter};
use tidegate_store::database::Place;
use tidegate_store::keys::{AdminKey, Hasher, Keys};
use tidegate_store::ledger::{Folder, Journal, Retention, Row};
use tidegate_testkit::client::{Answer, Client};

/// The admin key of all houses.
pub const ADMIN: &str = "tga-canary-of-the-admin-key";

/// A running admin door.
pub struct House {
    pub address: SocketAddr,
    pub database: Database,
    pub limiter: Arc<Limiter>,
    pub gateway: Arc<Gateway>,
    folder: TempDir,
}

impl House {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&Place::Sqlite(folder.path().join("t.db"))).await.unwrap();
        let hasher = Hasher::given(&Secret::new("the secret of this test")).unwrap();
        hasher.confirm(&database).await.unwrap();
        let admin_key = AdminKey::given(&hasher, &Secret::new(ADMIN));
        let keys = Keys::new(database.clone(), hasher);
        let limiter = Limiter::in_memory(Clock::system());
        let books = Books { database: database.clone(), keys, limiter: limiter.clone(), admin_key };
        let gateway = gateway();
        Self { address: open_with(gateway.clone(), Some(books)).await, database, limiter, gateway, folder }
    }

    /// A client with the admin key.
    pub fn admin(&self) -> Client {
        self.stranger().bearer(ADMIN)
    }

    /// A client without a key.
    pub fn stranger(&self) -> Client {
        Client::new(self.address)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.admin().get(path).await.unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.admin().post(path, &body).await.unwrap()
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        send(&self.admin(), Method::PATCH, path, &body.to_string()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        send(&self.admin(), Method::DELETE, path, "").await
    }

    /// Makes a key and gives what was told of it.
    pub async fn make_key(&self, spec: Value) -> Value {
        let answer = self.post("/admin/v1/keys", spec).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    /// Makes a team and gives what was told of it.
    pub async fn make_team(&self, spec: Value) -> Value {
        let answer = self.post("/admin/v1/teams", spec).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    /// Writes rows into the ledger.
    pub async fn use_up(&self, rows: &[Row<'_>]) {
        let journal = Arc::new(Journal::open(self.folder.path(), 1 << 20).unwrap());
        for row in rows {
            journal.append(row).unwrap();
        }
        let folder = Folder::new(self.database.clone(), journal, Retention::default());
        while folder.fold().await.unwrap() > 0 {}
    }
}

/// Sends any request with a JSON body.
pub async fn send(client: &Client, method: Method, path: &str, body: &str) -> Answer {
    let client = client.clone().header("content-type", "application/json");
    client.send(method, path, Bytes::copy_from_slice(body.as_bytes())).await.unwrap().whole().await.unwrap()
}

/// The text behind a field of an answer.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The items of a page, by one of their fields.
pub fn all(answer: &Answer, field: &str) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["items"].as_array().unwrap().iter().map(|item| text(&item[field])).collect()
}

/// Opens a door; `None`: without an admin API.
pub async fn open(books: Option<Books>) -> SocketAddr {
    open_with(gateway(), books).await
}

async fn open_with(gateway: Arc<Gateway>, books: Option<Books>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let version = Version { name: "tidegate", version: "0.0.0", prices: "none".to_owned() };
    let door = Door { gateway, config: Arc::new(ConfigState::default()), version, books };
    tokio::spawn(tidegate_admin::serve(listener, door, std::future::pending()));
    address
}

fn gateway() -> Arc<Gateway> {
    let meters = Meters::default();
    let provider = Arc::new(Provider {
        name: "acme".into(),
        price_name: "acme".to_owned(),
        lines: Vec::new(),
        headers: Vec::new(),
        quirks: Quirks::default(),
        completions: false,
        embeddings: false,
        limits: TimeLimits::default(),
        rules: Vec::new(),
        keys: None,
        metrics: Vec::new(),
        probe: None,
    });
    let desk = Desk::bare();
    let mut models = ModelTable::new(std::slice::from_ref(&provider), meters.clone(), desk.live.clone());
    let target = models.target(&provider, "large", None);
    let member = PoolMember { weight: 3, ..PoolMember::plain(target) };
    models.add_pool(Pool::new("smart", vec![member], Vec::new(), Default::default()));
    models.add_known(&provider, "small");
    let price = Price::new(Rate(2_000_000), Rate(8_000_000));
    let prices =
        PRICES.get_or_init(|| PriceTable::builtin().unwrap().with_override("acme/large", price)).clone();
    let snapshot = Snapshot {
        default_provider: None,
        models,
        providers: vec![provider],
        prices: Arc::new(prices),
        rules: Rules::default(),
        access: Access { limits: vec![Arc::new(limit())], ..Access::default() },
        edge: None,
    };
    Gateway::new(Arc::new(snapshot), meters, AccessLog::off(), desk)
}

/// The limit of all houses' configs.
fn limit() -> Rule {
    let spec = json!({"of": "requests", "limit": 1000, "per": "minute", "name": "house"});
    serde_json::from_value::<Spec>(spec).unwrap().check("", Scope::Global).unwrap()
}

/// Read once for all houses.
static PRICES: OnceLock<PriceTable> = OnceLock::new();

/// A row of the ledger.
pub fn row(number: u32, model: &str, cost: i64) -> Row<'_> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Row {
        request_id: format!("{:032x}", number).into(),
        attempt: 1,
        last: true,
        ended: i64::try_from(now.as_micros()).unwrap() - 60_000_000,
        client: "127.0.0.1".into(),
        endpoint: "chat_completions".into(),
        model: model.into(),
        provider: "acme".into(),
        target_model: model.into(),
        outcome: "complete".into(),
        status: 200,
        tokens: tidegate_store::ledger::Tokens { input: 10, output: 5, ..Default::default() },
        cost: Some(cost),
        ..Row::default()
    }
}

/// What every refusal must be: a problem with this status.
pub fn check_problem(answer: &Answer, status: u16, at: &str) {
    assert_eq!(answer.status, status, "{at}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{at}");
    let problem = answer.json();
    assert_eq!(problem["status"], json!(status), "{at}");
    for field in ["type", "title", "detail"] {
        assert!(problem[field].is_string(), "{at}: {problem}");
    }
}

/// The fields that a refusal names.
pub fn wrong_fields(answer: &Answer) -> Vec<String> {
    check_problem(answer, 400, "fields");
    answer.json()["errors"].as_array().unwrap().iter().map(|error| text(&error["field"])).collect()
}
