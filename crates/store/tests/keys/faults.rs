//! Keys that are no keys: malformed, guessed, similar, stolen hashes.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use sqlx::Row;
use tidegate_core::Secret;
use tidegate_store::keys::{AuditFilter, Found, KeyFilter};

use crate::place::{HERE, Home, named, on_both};

on_both!(
    fault_68_malformed_keys_are_unknown_without_a_question,
    fault_69_wrong_keys_from_one_network_ask_little_and_are_slowed_down,
    fault_69_known_keys_work_while_their_network_guesses,
    fault_69_many_right_keys_at_once_are_not_taken_for_guesses,
    fault_70_keys_with_a_shared_beginning_are_strangers,
    fault_71_a_stored_hash_is_no_key_and_is_told_nowhere,
);

async fn fault_68_malformed_keys_are_unknown_without_a_question(home: Home) {
    let here = home.instance().await;
    let (_, secret) = here.keys.create(&named("good"), "x").await.unwrap();
    let good = secret.expose();
    let bad = [
        String::new(),
        "' OR '1'='1".to_owned(),
        "x".repeat(10 * 1024),
        format!("tg-{}", "x".repeat(1024 * 1024)),
        format!("{good}\0"),
        format!("\0{good}"),
        format!(" {good}"),
        format!("{good}\n"),
        good.replacen("tg-", "TG-", 1),
        good.replacen("tg-", "tｇ-", 1),
        good[..45].to_owned(),
        format!("{good}A"),
        format!("tg-{}", "é".repeat(21) + "A"),
        format!("tg-{}", "+".repeat(43)),
    ];
    for presented in &bad {
        assert_eq!(here.directory.find_known(presented), Some(Found::Unknown), "{:.60}", presented);
    }
    assert_eq!(here.directory.stats().questions, 0);
    assert!(matches!(here.find(good).await, Found::Key(_)));
}

/// A well-formed key that nobody has.
fn guess(number: usize) -> String {
    format!("tg-{number:043}")
}

async fn fault_69_wrong_keys_from_one_network_ask_little_and_are_slowed_down(home: Home) {
    let here = Arc::new(home.instance().await);
    let lanes: Vec<_> = (0..200)
        .map(|lane| {
            let here = here.clone();
            tokio::spawn(async move {
                let from = IpAddr::V4(Ipv4Addr::new(192, 0, 2, lane as u8));
                let mut found = Vec::new();
                for number in 0..50 {
                    found.push(here.directory.find(&guess(lane * 50 + number), from).await);
                }
                found
            })
        })
        .collect();
    let (mut unknown, mut slowed, mut unavailable) = (0, 0, 0);
    for lane in lanes {
        for found in lane.await.unwrap() {
            match found {
                Found::Unknown => unknown += 1,
                Found::SlowDown { wait } => {
                    assert!((1..=60).contains(&wait.as_secs()));
                    slowed += 1;
                }
                // A busy machine may not answer in time.
                Found::Unavailable => unavailable += 1,
                Found::Key(key) => panic!("{key:?}"),
            }
        }
    }
    assert_eq!((unknown, unknown + slowed + unavailable), (20, 10_000));
    assert!(here.directory.stats().questions <= 20 + unavailable);
    assert_eq!(here.directory.stats().slowed, slowed);
    // Others are asked for as ever.
    let elsewhere = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
    assert_eq!(here.directory.find(&guess(10_001), elsewhere).await, Found::Unknown);
}

async fn fault_69_known_keys_work_while_their_network_guesses(home: Home) {
    let here = home.instance().await;
    let (_, secret) = here.keys.create(&named("good"), "x").await.unwrap();
    let (_, cold) = here.keys.create(&named("cold"), "x").await.unwrap();
    assert!(matches!(here.find(secret.expose()).await, Found::Key(_)));
    // The same wrong key again and again is a mistake in somebody's program, not guessing.
    for _ in 0..100 {
        assert_eq!(here.find(&guess(0)).await, Found::Unknown);
    }
    assert!(matches!(here.find(cold.expose()).await, Found::Key(_)));
    for number in 1..30 {
        here.find(&guess(number)).await;
    }
    assert!(matches!(here.find(&guess(99)).await, Found::SlowDown { .. }));
    assert!(matches!(here.find(secret.expose()).await, Found::Key(_)));
    assert_eq!(here.find(&guess(0)).await, Found::Unknown);
}

async fn fault_69_many_right_keys_at_once_are_not_taken_for_guesses(home: Home) {
    let here = Arc::new(home.instance().await);
    let mut secrets = Vec::new();
    for number in 0..100 {
        secrets.push(here.keys.create(&named(&number.to_string()), "x").await.unwrap().1);
    }
    let asking = secrets.into_iter().map(|secret| {
        let here = here.clone();
        tokio::spawn(async move { here.find(secret.expose()).await })
    });
    for answer in asking.collect::<Vec<_>>() {
        assert!(matches!(answer.await.unwrap(), Found::Key(_)));
    }
}

async fn fault_70_keys_with_a_shared_beginning_are_strangers(home: Home) {
    let here = home.instance().await;
    let (key, secret) = here.keys.create(&named("good"), "x").await.unwrap();
    assert_eq!(here.id_of(&secret).await, Some(key.id));
    let good = secret.expose();
    for shared in [20, 30, 45] {
        let (beginning, rest) = good.split_at(shared);
        let other: String = rest.chars().map(|sign| if sign == 'A' { 'B' } else { 'A' }).collect();
        assert_eq!(here.find(&format!("{beginning}{other}")).await, Found::Unknown, "{shared}");
    }
}

async fn fault_71_a_stored_hash_is_no_key_and_is_told_nowhere(home: Home) {
    let here = home.instance().await;
    let (made, secret) = here.keys.create(&named("good"), "x").await.unwrap();
    let row =
        sqlx::query("SELECT hash, hint, spec FROM keys").fetch_one(here.database.readers()).await.unwrap();
    let hash: String = row.get(0);
    assert_eq!(hash.len(), 64);
    here.directory.set_fixed(vec![(Secret::new("sk-other"), Default::default())]);
    for presented in [hash.clone(), format!("tg-{hash}"), format!("tg-{}", &hash[..43])] {
        assert_eq!(here.directory.find(&presented, HERE).await, Found::Unknown);
    }
    let (rotated, second) =
        here.keys.rotate(&made.id, std::time::Duration::from_secs(60), "x").await.unwrap();
    let told = [
        serde_json::to_string(&made).unwrap(),
        serde_json::to_string(&rotated).unwrap(),
        serde_json::to_string(&here.keys.list(&KeyFilter::default()).await.unwrap()).unwrap(),
        serde_json::to_string(&here.keys.audit(&AuditFilter::default()).await.unwrap()).unwrap(),
        format!("{:?} {:?} {:?}", here.keys, here.directory, made),
    ]
    .concat();
    for hidden in [secret.expose(), second.expose(), &hash, &hash[..16], crate::place::SECRET] {
        assert!(!told.contains(hidden), "{hidden} is in {told}");
    }
}
