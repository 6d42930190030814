//! The counters against a real Redis.

mod cluster;
mod delay;
mod equality;
mod failures;
mod hints;
mod together;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_core::Secret;
use tidegate_policy::limit::{Claim, Rule, Scope, Unit, Window};
use tidegate_testkit::servers::Redis;

use super::{Clock, Limiter, RedisPlace, RedisRules, RedisState};

const LEASE: Duration = Duration::from_secs(60);
/// Longest wait for something that must come.
const PATIENCE: Duration = Duration::from_secs(60);

fn rule(name: &str, unit: Unit, amount: i64, window: Window) -> Arc<Rule> {
    Arc::new(Rule { name: name.into(), scope: Scope::Global, unit, amount, window, models: Vec::new() })
}

fn claim(rule: &Arc<Rule>, amount: i64) -> Claim {
    Claim { rule: Arc::clone(rule), subject: "s".into(), amount }
}

fn minute() -> Window {
    Window::Sliding(Duration::from_secs(60))
}

/// The time limit of production is too tight for a machine on which all tests run at once; where nothing is to be slow.
fn patient() -> RedisRules {
    RedisRules { time_limit: Duration::from_secs(30), ..RedisRules::default() }
}

fn place(url: &str) -> RedisPlace {
    RedisPlace { url: Secret::new(url), prefix: "test".to_owned() }
}

/// A limiter for which Redis decides already.
async fn limiter(url: &str, rules: RedisRules) -> Arc<Limiter> {
    let limiter = Limiter::with_redis(&place(url), rules, Clock::system()).expect("a place");
    until("Redis decides", || limiter.health().redis == RedisState::Up).await;
    limiter
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "not in {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How the claims' counters stand in Redis.
async fn standings(limiter: &Arc<Limiter>, rules: &[&Arc<Rule>]) -> Vec<i64> {
    let start = Instant::now();
    loop {
        let before = limiter.health().fallback_decisions;
        let claims: Vec<Claim> = rules.iter().map(|rule| claim(rule, 0)).collect();
        let (decision, _) = limiter.reserve(claims, LEASE).await;
        if limiter.health().fallback_decisions == before {
            return decision.standings.iter().map(|standing| standing.remaining).collect();
        }
        assert!(start.elapsed() < PATIENCE, "Redis does not answer");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A connection to look into Redis.
async fn look(redis: &Redis) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(redis.url()).expect("an address");
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
    client.get_multiplexed_async_connection_with_config(&config).await.expect("Redis answers")
}
