//! From the written shape to a [`Snapshot`]: builds everything and finds, on the way, what cannot be. All problems are
//! collected; with an error among them the snapshot must not be used.

mod access;
mod doors;
mod models;
mod prices;
mod providers;
mod routes;
#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;

pub use access::FixedKey;
pub(crate) use access::requires_key;
pub use doors::{AcmePlan, DoorPlan, DoorTerms, Doors, TlsPlan};

use std::sync::Arc;
use std::time::SystemTime;

use tidegate_net::Connector;
use tidegate_proxy::edge::cache::CacheStore;
use tidegate_proxy::meters::Meters;
use tidegate_proxy::snapshot::{Rules, Snapshot};
use tidegate_proxy::traffic::LiveTable;

use crate::config::Loaded;
use crate::config::problem::{Problem, any_error};
use crate::environment::Environment;

/// What outlives a snapshot: the process keeps one set of each.
#[derive(Clone, Debug, Default)]
pub struct Lasting {
    /// Lanes to upstreams.
    pub connector: Arc<Connector>,
    /// Meters.
    pub meters: Meters,
    /// What is known of each target by now.
    pub live: Arc<LiveTable>,
    /// Answers that routes keep.
    pub cache: Arc<CacheStore>,
}

/// A checked config.
#[derive(Debug)]
pub struct Provisioned {
    /// What requests run by.
    pub snapshot: Arc<Snapshot>,
    /// Providers that are there because their key is in the environment.
    pub found: Vec<String>,
    /// The config's own keys, with their secrets.
    pub keys: Vec<FixedKey>,
    /// How the doors are to be served.
    pub doors: Doors,
    /// Everything that is wrong with the file, from reading on.
    pub problems: Vec<Problem>,
}

impl Provisioned {
    /// Whether it may be used.
    pub fn is_good(&self) -> bool {
        !any_error(&self.problems)
    }
}

/// Builds a snapshot for a look: nothing of it touches the running process.
pub fn check(loaded: &Loaded, environment: &Environment) -> Provisioned {
    provision(loaded, environment, &Lasting::default())
}

/// Builds a snapshot that shares lanes and meters with the process.
pub fn provision(loaded: &Loaded, environment: &Environment, lasting: &Lasting) -> Provisioned {
    let mut problems = loaded.problems.clone();
    let doors = doors::build(loaded, &mut problems);
    let prices = Arc::new(prices::build(loaded, &mut problems));
    let mut building = providers::Building { loaded, environment, lasting, problems };
    let providers = building.all();
    let found = building.found(&providers);
    let mut problems = building.problems;
    let parts = models::Parts { loaded, providers: &providers, prices: &prices, lasting };
    let models = models::build(&parts, &mut problems);
    let (access, keys) = access::build(loaded, &models, &mut problems);
    let edge = routes::build(loaded, lasting, &mut problems);
    forget_repeated(&mut problems);
    let snapshot = Snapshot {
        models,
        default_provider: providers.iter().find(|provider| speaks_openai(provider)).cloned(),
        providers,
        prices,
        rules: rules(loaded),
        access,
        edge,
    };
    Provisioned { snapshot: Arc::new(snapshot), found, keys, doors, problems }
}

/// What is wrong with each dialect of a provider may be the same thing.
fn forget_repeated(problems: &mut Vec<Problem>) {
    let mut told = Vec::new();
    problems.retain(|problem| {
        let this = (problem.title.clone(), problem.place.clone());
        let fresh = !told.contains(&this);
        told.push(this);
        fresh
    });
}

fn speaks_openai(provider: &tidegate_proxy::snapshot::Provider) -> bool {
    use tidegate_llm::Dialect;
    provider.line(Dialect::OpenaiChat).or_else(|| provider.line(Dialect::OpenaiResponses)).is_some()
}

fn rules(loaded: &Loaded) -> Rules {
    let config = &loaded.config;
    Rules {
        request_body: config.sizes.request_body.0 as usize,
        answer_body: config.sizes.answer_body.0 as usize,
        memory: config.overload.memory.map_or(u64::MAX, |size| size.0),
        strict: config.strict,
        usage_cost: config.usage_cost,
        litellm_headers: config.compat.litellm_headers,
        retry: config.retry.rules(),
    }
}

/// Seconds since 1970: prices depend on the day.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
