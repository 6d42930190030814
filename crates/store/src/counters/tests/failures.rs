//! Redis slow, away, empty, read-only.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tidegate_policy::limit::{Amounts, Claim, Rule, Unit, Window};
use tidegate_testkit::servers::Redis;

use super::delay::Delay;
use super::{LEASE, claim, limiter, look, patient, place, rule, standings, until};
use crate::counters::{Clock, Limiter, OnFailure, RedisRules, RedisState};

const HOUR: Window = Window::Sliding(Duration::from_secs(3600));
/// More than that is only waited for somebody who never answers, or in five seconds: 250 ms, and what a busy machine adds.
const SLOWEST: Duration = Duration::from_secs(2);
/// When Redis is not asked, on a busy machine.
const AT_ONCE: Duration = Duration::from_millis(20);

/// A time limit that a Redis in good health keeps also on a busy machine.
fn strict() -> RedisRules {
    RedisRules { time_limit: Duration::from_millis(250), ..RedisRules::default() }
}

fn requests(limit: i64) -> Arc<Rule> {
    rule("requests", Unit::Requests, limit, HOUR)
}

/// How many of so many requests are let through; and the slowest decision.
async fn take(limiter: &Arc<Limiter>, rule: &Arc<Rule>, count: usize) -> (usize, Duration) {
    let (mut granted, mut slowest) = (0, Duration::ZERO);
    for _ in 0..count {
        let start = Instant::now();
        let (_, reservation) = limiter.reserve(vec![claim(rule, 1)], LEASE).await;
        slowest = slowest.max(start.elapsed());
        granted += usize::from(reservation.is_some());
    }
    (granted, slowest)
}

async fn three(url: &str, rules: RedisRules) -> Vec<Arc<Limiter>> {
    let mut limiters = Vec::new();
    for _ in 0..3 {
        limiters.push(limiter(url, rules).await);
    }
    for limiter in &limiters {
        until("all instances are known", || limiter.health().instances == 3).await;
    }
    limiters
}

async fn is(limiters: &[Arc<Limiter>], state: RedisState) {
    for limiter in limiters {
        until(&format!("Redis is {state:?}"), || limiter.health().redis == state).await;
    }
}

/// Makes Redis fail for these, and sees that no request waits for it.
async fn notice(what: &str, limiters: &[Arc<Limiter>], rule: &Arc<Rule>) -> usize {
    let (mut granted, mut slowest) = (0, Duration::ZERO);
    for limiter in limiters {
        while limiter.health().redis == RedisState::Up {
            let (more, time) = take(limiter, rule, 1).await;
            granted += more;
            slowest = slowest.max(time);
        }
    }
    println!("{what}: slowest decision before the breaker opened {slowest:?}");
    assert!(slowest < SLOWEST, "{what}: {slowest:?}");
    granted
}

async fn take_at_once(what: &str, limiters: &[Arc<Limiter>], rule: &Arc<Rule>, each: usize) -> usize {
    let (mut granted, mut times) = (0, Vec::new());
    for limiter in limiters {
        for _ in 0..each {
            let (more, time) = take(limiter, rule, 1).await;
            granted += more;
            times.push(time);
        }
    }
    times.sort();
    let (middle, slowest) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{what}: with the breaker open median {middle:?}, slowest {slowest:?}");
    assert!(middle < AT_ONCE, "{what}: {middle:?}");
    granted
}

/// A timer of the length that a request may wait for Redis, and of what a timer may be late by. It is set right after a request has set its
/// own and runs by the same clock, so that it tells the request's wait from that of a busy machine.
async fn too_long(rules: RedisRules) {
    tokio::time::sleep(rules.time_limit + Duration::from_millis(5)).await;
}

#[tokio::test]
async fn fault_90_behind_300_ms_of_delay_no_request_waits_for_more_than_the_time_limit() {
    let redis = Redis::start().await.expect("Redis starts");
    let delay = Delay::start(redis.port()).await;
    let rules = RedisRules::default();
    assert_eq!(rules.time_limit, Duration::from_millis(50));
    let limiter = Limiter::with_redis(&place(&delay.url()), rules, Clock::system()).expect("a place");
    let rule = requests(1_000_000);
    let mut waited = 0;
    for _ in 0..3 {
        delay.set(Duration::ZERO);
        until("Redis decides", || limiter.health().redis == RedisState::Up).await;
        delay.set(Duration::from_millis(300));
        // The first ones find out that it is slow, the others do not wait for it.
        while limiter.health().redis == RedisState::Up {
            tokio::select! {
                biased;
                (decision, _) = limiter.reserve(vec![claim(&rule, 1)], LEASE) => assert_eq!(decision.denial, None),
                () = too_long(rules) => panic!("a request waits for Redis"),
            }
            waited += 1;
        }
        for _ in 0..20 {
            let at_once = limiter.reserve(vec![claim(&rule, 1)], LEASE).now_or_never();
            let (decision, _) = at_once.expect("Redis is not asked");
            assert_eq!(decision.denial, None);
        }
    }
    assert!(waited > 0, "nobody found out that Redis is slow");
    assert!(limiter.health().fallback_decisions >= 60);
}

#[tokio::test]
async fn fault_90_redis_killed_and_restarted_empty_keeps_the_bound_and_forgets_nothing() {
    let mut redis = Redis::start().await.expect("Redis starts");
    let limiters = three(&redis.url(), patient()).await;
    let rule = requests(90);
    let (mut granted, _) = take(&limiters[0], &rule, 50).await;
    assert_eq!(granted, 50);
    redis.stop().await.expect("it ends");
    granted += notice("killed", &limiters, &rule).await;
    granted += take_at_once("killed", &limiters, &rule, 60).await;
    // The first has used more than its share of 30 already; the others go on to theirs.
    assert_eq!(granted, 50 + 30 + 30);
    assert!(limiters.iter().all(|limiter| limiter.health().fallback_decisions >= 60));
    let _redis = redis.start_again().await.expect("it starts again");
    is(&limiters, RedisState::Up).await;
    for limiter in &limiters {
        assert_eq!(take(limiter, &rule, 5).await.0, 0, "the window began anew");
    }
    // Redis knows of exactly what was let through.
    assert_eq!(take(&limiters[1], &requests(115), 20).await.0, 5);
}

#[tokio::test]
async fn fault_90_redis_stopped_by_a_signal_costs_no_more_than_the_time_limit_and_reconciles() {
    let redis = Redis::start().await.expect("Redis starts");
    let limiters = three(&redis.url(), strict()).await;
    let rule = requests(300);
    assert_eq!(take(&limiters[0], &rule, 10).await.0, 10);
    redis.pause().expect("a signal");
    let first = notice("SIGSTOP", &limiters, &rule).await;
    let then = take_at_once("SIGSTOP", &limiters, &rule, 20).await;
    assert_eq!(then, 60);
    redis.resume().expect("a signal");
    is(&limiters, RedisState::Up).await;
    for limiter in &limiters {
        until("Redis has been told", || limiter.health().waiting == 0).await;
    }
    let known = 300 - standings(&limiters[2], &[&rule]).await[0];
    let passed = 10 + first as i64 + then as i64;
    // A call that ran into the time limit may have been counted by Redis all the same.
    let failures: u64 = limiters.iter().map(|limiter| limiter.health().failures).sum();
    println!("SIGSTOP: {passed} let through, Redis counts {known}, {failures} failures");
    assert!((passed..=passed + failures as i64).contains(&known), "{known} of {passed}");
}

#[tokio::test]
async fn fault_90_redis_asleep_does_not_make_requests_wait() {
    let redis = Redis::start_with(&["--enable-debug-command", "yes"]).await.expect("Redis starts");
    let limiters = three(&redis.url(), strict()).await;
    let rule = requests(900);
    let mut look = look(&redis).await;
    let asleep =
        tokio::spawn(
            async move { redis::cmd("DEBUG").arg("SLEEP").arg(5).query_async::<()>(&mut look).await },
        );
    notice("DEBUG SLEEP", &limiters, &rule).await;
    let granted = take_at_once("DEBUG SLEEP", &limiters, &rule, 50).await;
    assert_eq!(granted, 150);
    asleep.await.expect("no panic").ok();
    is(&limiters, RedisState::Up).await;
}

#[tokio::test]
async fn fault_90_redis_300_ms_away_is_as_good_as_gone_until_it_is_near_again() {
    let redis = Redis::start().await.expect("Redis starts");
    let delay = Delay::start(redis.port()).await;
    let limiters = three(&delay.url(), strict()).await;
    let rule = requests(90);
    delay.set(Duration::from_millis(300));
    notice("300 ms", &limiters, &rule).await;
    take_at_once("300 ms", &limiters, &rule, 60).await;
    let (more, _) = take(&limiters[0], &rule, 100).await;
    assert_eq!(more, 0, "more than its share");
    assert_eq!(limiters[0].health().redis, RedisState::Down);
    delay.set(Duration::ZERO);
    is(&limiters, RedisState::Up).await;
    assert_eq!(take(&limiters[0], &rule, 10).await.0, 0, "the window began anew");
}

#[tokio::test]
async fn fault_90_a_read_only_redis_is_away() {
    let redis = Redis::start().await.expect("Redis starts");
    let limiter = limiter(&redis.url(), patient()).await;
    let (rule, mut look) = (requests(100), look(&redis).await);
    assert_eq!(take(&limiter, &rule, 10).await.0, 10);
    let mut role = redis::cmd("REPLICAOF");
    role.arg("127.0.0.1").arg(1).query_async::<()>(&mut look).await.expect("a replica");
    let first = notice("read-only", std::slice::from_ref(&limiter), &rule).await;
    assert_eq!(take(&limiter, &rule, 100).await.0, 90 - first);
    let mut role = redis::cmd("REPLICAOF");
    role.arg("NO").arg("ONE").query_async::<()>(&mut look).await.expect("a primary");
    is(std::slice::from_ref(&limiter), RedisState::Up).await;
    assert_eq!(take(&limiter, &requests(105), 10).await.0, 5);
}

#[tokio::test]
async fn fault_90_a_flushed_redis_is_told_again_what_was_used_and_is_held() {
    let redis = Redis::start().await.expect("Redis starts");
    let limiter = limiter(&redis.url(), patient()).await;
    let tokens = rule("tokens", Unit::Tokens, 1000, HOUR);
    let bucket =
        rule("bucket", Unit::Tokens, 1000, Window::Bucket { per: Duration::from_secs(86_400), burst: 1000 });
    let claims = |amount| vec![claim(&tokens, amount), claim(&bucket, amount)];
    let (_, settled) = limiter.reserve(claims(500), LEASE).await;
    settled.expect("granted").settle(&Amounts { input: 200, output: 100, money: 0 });
    let (_, held) = limiter.reserve(claims(400), LEASE).await;
    assert!(held.is_some());
    until("Redis has been told", || limiter.health().waiting == 0).await;
    let mut look = look(&redis).await;
    redis::cmd("FLUSHALL").query_async::<()>(&mut look).await.expect("flushed");
    redis::cmd("SCRIPT").arg("FLUSH").query_async::<()>(&mut look).await.expect("flushed");
    is(std::slice::from_ref(&limiter), RedisState::Down).await;
    is(std::slice::from_ref(&limiter), RedisState::Up).await;
    assert_eq!(standings(&limiter, &[&tokens, &bucket]).await, [300, 300]);
}

#[tokio::test]
async fn fault_90_who_prefers_it_is_denied_while_redis_is_away() {
    let mut redis = Redis::start().await.expect("Redis starts");
    let rules = RedisRules { on_failure: OnFailure::Deny, ..patient() };
    let limiter = limiter(&redis.url(), rules).await;
    let rule = requests(1000);
    assert_eq!(take(&limiter, &rule, 1).await.0, 1);
    redis.stop().await.expect("it ends");
    assert_eq!(take(&limiter, &rule, 10).await.0, 0);
    let (decision, reservation) = limiter.reserve(Vec::<Claim>::new(), LEASE).await;
    assert!(reservation.is_some(), "{decision:?}: what has no limit needs no Redis");
}

#[tokio::test]
async fn an_instance_that_starts_without_redis_uses_its_configured_share() {
    let mut redis = Redis::start().await.expect("Redis starts");
    redis.stop().await.expect("it ends");
    let rules = RedisRules { instances: Some(4), ..patient() };
    let limiter = Limiter::with_redis(&place(&redis.url()), rules, Clock::system()).expect("a place");
    assert_eq!(take(&limiter, &requests(100), 50).await.0, 25);
    let _redis = redis.start_again().await.expect("it starts again");
    is(std::slice::from_ref(&limiter), RedisState::Up).await;
    assert_eq!(take(&limiter, &requests(100), 100).await.0, 75);
}

#[tokio::test]
async fn what_is_settled_while_redis_is_away_is_told_later() {
    let redis = Redis::start().await.expect("Redis starts");
    let limiters = three(&redis.url(), strict()).await;
    let tokens = rule("tokens", Unit::Tokens, 100_000, HOUR);
    let (_, held) = limiters[0].reserve(vec![claim(&tokens, 20_000)], LEASE).await;
    redis.pause().expect("a signal");
    notice("settled while away", &limiters[..1], &requests(1 << 40)).await;
    let start = Instant::now();
    held.expect("granted").settle(&Amounts { input: 7_000, output: 1, money: 0 });
    for _ in 0..1000 {
        let (_, more) = limiters[0].reserve(vec![claim(&tokens, 5)], LEASE).await;
        more.expect("granted").settle(&Amounts { input: 1, output: 1, money: 0 });
    }
    assert!(start.elapsed() < 5 * SLOWEST, "{:?}", start.elapsed());
    redis.resume().expect("a signal");
    is(&limiters, RedisState::Up).await;
    until("Redis has been told", || limiters[0].health().waiting == 0).await;
    assert_eq!(standings(&limiters[1], &[&tokens]).await, [100_000 - 7_001 - 2_000]);
}
