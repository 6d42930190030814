//! Several instances behind one Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tidegate_policy::limit::{Amounts, Claim, Rule, Unit, Window};
use tidegate_testkit::servers::Redis;
use tokio::task::JoinSet;

use super::{LEASE, claim, limiter, look, minute, patient, place, rule, standings, until};
use crate::counters::{Clock, Limiter, RedisState};

const HOUR: Window = Window::Sliding(Duration::from_secs(3600));

async fn three(redis: &Redis) -> Vec<Arc<Limiter>> {
    let mut limiters = Vec::new();
    for _ in 0..3 {
        limiters.push(limiter(&redis.url(), patient()).await);
    }
    limiters
}

/// What one of the 200 uses of each unit, no more than it claims.
fn used_of(number: i64) -> (Vec<i64>, Amounts) {
    let tokens = 100 + number * 37 % 150;
    let amounts = Amounts { input: tokens / 3, output: tokens / 4, money: tokens * 1_000_003 };
    (vec![1, tokens, tokens * 2_000_000], amounts)
}

/// 200 clients ask until there is nothing left; what was let through in all: requests, tokens, money.
async fn storm(limiters: &[Arc<Limiter>], rules: &[Arc<Rule>; 3]) -> [i64; 3] {
    let sums = Arc::new([const { AtomicI64::new(0) }; 3]);
    let mut clients = JoinSet::new();
    for number in 0..200 {
        let (limiter, rules) = (Arc::clone(&limiters[number % limiters.len()]), rules.clone());
        let sums = Arc::clone(&sums);
        clients.spawn(async move {
            for turn in 0.. {
                let (amounts, used) = used_of(number as i64 + turn * 11);
                let claims: Vec<Claim> =
                    rules.iter().zip(amounts).map(|(rule, amount)| claim(rule, amount)).collect();
                let (decision, reservation) = limiter.reserve(claims, LEASE).await;
                match (reservation, decision.denial.and_then(|denial| denial.wait)) {
                    (Some(reservation), _) => {
                        tokio::time::sleep(Duration::from_millis(turn as u64 % 3)).await;
                        for (sum, used) in sums.iter().zip([1, used.input + used.output, used.money]) {
                            sum.fetch_add(used, Ordering::Relaxed);
                        }
                        reservation.settle(&used);
                    }
                    // Others hold something that they may give back.
                    (None, None) => tokio::time::sleep(Duration::from_millis(2)).await,
                    (None, Some(_)) => return,
                }
            }
        });
    }
    clients.join_all().await;
    [0, 1, 2].map(|unit| sums[unit].load(Ordering::Relaxed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_87_three_instances_let_through_the_limit_and_never_more() {
    let redis = Redis::start().await.expect("Redis starts");
    let limiters = three(&redis).await;
    // In each turn another of the limits is the narrow one.
    for (narrow, amounts) in [
        (0, [1500, 1 << 40, 1 << 50]),
        (1, [1 << 40, 100_000, 1 << 50]),
        (2, [1 << 40, 1 << 40, 200_000_000_000]),
    ] {
        let [requests, tokens, money] = amounts;
        let rules = [
            rule(&format!("requests{narrow}"), Unit::Requests, requests, HOUR),
            rule(&format!("tokens{narrow}"), Unit::Tokens, tokens, HOUR),
            rule(&format!("money{narrow}"), Unit::Money, money, HOUR),
        ];
        let passed = storm(&limiters, &rules).await[narrow];
        println!("limit {} let through {passed}", amounts[narrow]);
        assert!(passed <= amounts[narrow], "{passed} of {}", amounts[narrow]);
        assert!(passed * 100 >= amounts[narrow] * 98, "only {passed} of {}", amounts[narrow]);
    }
    for limiter in &limiters {
        until("Redis has been told", || limiter.health().waiting == 0).await;
        assert_eq!(limiter.health().fallback_decisions, 0);
    }
    let leaked = held(&redis, "tokens1").await;
    assert_eq!(leaked, 0, "held for ever");
}

async fn held(redis: &Redis, name: &str) -> i64 {
    let mut look = look(redis).await;
    let keys: Vec<String> =
        redis::cmd("KEYS").arg(format!("*:h:{name}|*")).query_async(&mut look).await.expect("keys");
    let mut sum = 0;
    for key in keys {
        sum += redis::cmd("ZCARD").arg(key).query_async::<i64>(&mut look).await.expect("a number");
    }
    sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_86_of_200_at_once_one_gets_the_last_unit() {
    let redis = Redis::start().await.expect("Redis starts");
    let limiters = three(&redis).await;
    let last = rule("last", Unit::Tokens, 1, HOUR);
    let mut clients = JoinSet::new();
    for number in 0..200 {
        let (limiter, claims) = (Arc::clone(&limiters[number % 3]), vec![claim(&last, 1)]);
        clients.spawn(async move { limiter.reserve(claims, LEASE).await.1 });
    }
    let granted: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
    assert_eq!(granted.len(), 1);
}

#[tokio::test]
async fn a_reservation_costs_one_round_trip_for_all_limits() {
    let redis = Redis::start().await.expect("Redis starts");
    let limiter = limiter(&redis.url(), patient()).await;
    let units = [Unit::Requests, Unit::Tokens, Unit::Money, Unit::Concurrent, Unit::OutputTokens];
    let windows = [
        minute(),
        HOUR,
        minute(),
        Window::Open,
        Window::Bucket { per: Duration::from_secs(60), burst: 1 << 40 },
    ];
    let rules: Vec<_> = units
        .into_iter()
        .zip(windows)
        .map(|(unit, window)| rule(&format!("{unit:?}"), unit, 1 << 40, window))
        .collect();
    let mut look = look(&redis).await;
    redis::cmd("CONFIG").arg("RESETSTAT").query_async::<()>(&mut look).await.expect("reset");
    let start = Instant::now();
    let mut held = Vec::new();
    for _ in 0..200 {
        let claims: Vec<Claim> = rules.iter().map(|rule| claim(rule, 1)).collect();
        held.extend(limiter.reserve(claims, LEASE).await.1);
    }
    let stats: String =
        redis::cmd("INFO").arg("commandstats").query_async(&mut look).await.expect("statistics");
    let line = |command: &str| stats.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:")));
    let calls: u32 = line("evalsha")
        .and_then(|line| line.split_once("calls=")?.1.split(',').next()?.parse().ok())
        .expect("the scripts ran");
    println!("{:?}", line("evalsha"));
    assert_eq!(held.len(), 200);
    // Beats come once a second, from nobody but this limiter.
    let beats = 2 + start.elapsed().as_secs() as u32;
    assert!((200..=200 + beats).contains(&calls), "{stats}");
    assert_eq!(line("eval"), None);
    drop(held);
    until("Redis has been told", || limiter.health().waiting == 0).await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut look).await.expect("keys");
    assert!(keys.len() >= 8, "{keys:?}");
    for key in keys {
        let left: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut look).await.expect("a time");
        assert!(left > 0, "{key} stays for ever");
        assert!(key.starts_with("tg:{test}:"), "{key} is on another node");
    }
}

#[tokio::test]
async fn what_a_killed_process_held_is_free_after_its_lease() {
    let redis = Redis::start().await.expect("Redis starts");
    let open = rule("open", Unit::Concurrent, 2, Window::Open);
    let lease = Duration::from_secs(3);
    let (url, claims) = (redis.url(), vec![claim(&open, 1)]);
    let other = claims.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let reservation =
            runtime.block_on(async { limiter(&url, patient()).await.reserve(other, lease).await.1 });
        // Nothing of it runs any more, as if the process had been killed.
        runtime.shutdown_background();
        std::mem::forget(reservation.expect("granted"));
    })
    .join()
    .expect("no panic");
    let survivor = limiter(&redis.url(), patient()).await;
    let (_, mine) = survivor.reserve(claims.clone(), lease).await;
    assert!(mine.is_some());
    assert!(survivor.reserve(claims.clone(), lease).await.1.is_none(), "the dead one's is held");
    let start = Instant::now();
    let second = loop {
        if let (_, Some(second)) = survivor.reserve(claims.clone(), lease).await {
            break second;
        }
        assert!(start.elapsed() < 4 * lease, "held for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    // What lives is held on: long after its first lease it still is.
    tokio::time::sleep(2 * lease).await;
    assert!(survivor.reserve(claims, lease).await.1.is_none(), "a living reservation ran out");
    drop((mine, second));
}

#[tokio::test]
async fn what_was_granted_to_a_caller_that_went_away_is_let_go() {
    let redis = Redis::start().await.expect("Redis starts");
    let limiter = limiter(&redis.url(), patient()).await;
    let tokens = rule("tokens", Unit::Tokens, 100, HOUR);
    drop(limiter.reserve(vec![claim(&tokens, 100)], LEASE).await);
    until("Redis has been told", || limiter.health().waiting == 0).await;
    redis.pause().expect("a signal");
    let asked = limiter.reserve(vec![claim(&tokens, 100)], LEASE);
    assert!(tokio::time::timeout(Duration::from_millis(50), asked).await.is_err());
    redis.resume().expect("a signal");
    let (decision, reservation) = loop {
        let (decision, reservation) = limiter.reserve(vec![claim(&tokens, 100)], LEASE).await;
        if reservation.is_some() || limiter.health().waiting == 0 {
            break (decision, reservation);
        }
    };
    assert!(
        reservation.is_some() || limiter.reserve(vec![claim(&tokens, 100)], LEASE).await.1.is_some(),
        "{decision:?}"
    );
}

#[tokio::test]
async fn fault_88_an_instance_whose_clock_is_an_hour_off_shares_the_same_windows() {
    let redis = Redis::start().await.expect("Redis starts");
    let right = limiter(&redis.url(), patient()).await;
    let wrong = Clock::by_hand(Clock::system().now() + 3_600_000_000);
    let wrong = Limiter::with_redis(&place(&redis.url()), patient(), wrong).expect("a place");
    until("Redis decides", || wrong.health().redis == RedisState::Up).await;
    let tokens = rule("tokens", Unit::Tokens, 100, HOUR);
    for limiter in [&wrong, &right] {
        let (_, reservation) = limiter.reserve(vec![claim(&tokens, 50)], LEASE).await;
        reservation.expect("granted").settle(&Amounts { input: 40, output: 0, money: 0 });
        until("Redis has been told", || limiter.health().waiting == 0).await;
    }
    let (decision, _held) = right.reserve(vec![claim(&tokens, 20)], LEASE).await;
    assert_eq!((decision.denial, decision.standings[0].remaining), (None, 0));
    let (decision, _) = wrong.reserve(vec![claim(&tokens, 1)], LEASE).await;
    assert!(decision.denial.is_some());
    assert!(decision.standings[0].reset <= Duration::from_secs(3700), "{decision:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_reservation_is_let_go_while_the_rest_stays_held() {
    let redis = Redis::start().await.expect("Redis starts");
    let shared = limiter(&redis.url(), patient()).await;
    for limiter in [Limiter::in_memory(Clock::system()), shared] {
        let rules = ["kept", "gone"].map(|name| rule(name, Unit::Tokens, 1000, HOUR));
        let claims: Vec<Claim> = rules.iter().map(|rule| claim(rule, 600)).collect();
        let (_, reservation) = limiter.reserve(claims, LEASE).await;
        let mut reservation = reservation.expect("it is granted");
        reservation.release_from(1);
        let left = async || {
            until("Redis has been told", || limiter.health().waiting == 0).await;
            standings(&limiter, &[&rules[0], &rules[1]]).await
        };
        assert_eq!(left().await, [400, 1000]);
        reservation.settle(&Amounts { input: 30, ..Amounts::default() });
        assert_eq!(left().await, [970, 1000]);
    }
}
