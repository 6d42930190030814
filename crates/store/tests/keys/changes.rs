//! What changes on one instance is seen on all.

use std::time::{Duration, Instant};

use tidegate_store::keys::{Found, KeySpec, TeamSpec};

use crate::place::{Home, Instance, named, on_both};

on_both!(
    a_key_revoked_on_one_instance_stops_on_another_within_a_second,
    a_team_switched_off_stops_its_keys,
    a_rotated_key_works_for_its_grace_time,
    a_lost_audit_makes_everything_be_asked_anew,
    keys_from_the_config_live_beside_the_others,
    a_thousand_waiting_requests_ask_once,
    no_change_is_missed_when_many_happen_at_once,
);

/// Waits for the other instance's own reading; a second is the promise.
async fn soon(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < Duration::from_secs(1), "{what}: not within a second");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn is_known(instance: &Instance, secret: &str) -> bool {
    instance.directory.find_known(secret).is_some()
}

async fn a_key_revoked_on_one_instance_stops_on_another_within_a_second(home: Home) {
    let (one, other) = (home.instance().await, home.instance().await);
    let (key, secret) = one.keys.create(&named("leaked"), "x").await.unwrap();
    let (kept, kept_secret) = one.keys.create(&named("kept"), "x").await.unwrap();
    assert_eq!(other.id_of(&secret).await, Some(key.id.clone()));
    assert_eq!(other.id_of(&kept_secret).await, Some(kept.id));
    assert!(is_known(&other, secret.expose()));
    one.keys.delete(&key.id, "x").await.unwrap();
    soon("revoked", async || other.find(secret.expose()).await == Found::Unknown).await;
    assert!(is_known(&other, kept_secret.expose()), "a key that had not changed was forgotten");
}

async fn a_team_switched_off_stops_its_keys(home: Home) {
    let (one, other) = (home.instance().await, home.instance().await);
    let mut team = TeamSpec { name: "blue".into(), ..TeamSpec::default() };
    let id = one.keys.create_team(&team, "x").await.unwrap().id;
    let spec = KeySpec { team: Some(id.clone()), ..named("hers") };
    let (_, secret) = one.keys.create(&spec, "x").await.unwrap();
    let is_on = async || match other.find(secret.expose()).await {
        Found::Key(key) => key.team.as_ref().unwrap().enabled,
        found => panic!("{found:?}"),
    };
    assert!(is_on().await);
    team.enabled = false;
    one.keys.update_team(&id, &team, "x").await.unwrap();
    soon("switched off", async || !is_on().await).await;
}

async fn a_rotated_key_works_for_its_grace_time(home: Home) {
    let here = home.instance().await;
    let (key, first) = here.keys.create(&named("old"), "x").await.unwrap();
    assert!(here.id_of(&first).await.is_some());
    let (record, second) = here.keys.rotate(&key.id, Duration::from_secs(2), "x").await.unwrap();
    here.directory.catch_up().await.unwrap();
    assert!(record.old_until.is_some() && record.hint != key.hint);
    assert_eq!(here.id_of(&first).await, Some(key.id.clone()));
    assert_eq!(here.id_of(&second).await, Some(key.id.clone()));
    let begin = Instant::now();
    while here.find(first.expose()).await != Found::Unknown {
        assert!(begin.elapsed() < Duration::from_secs(4), "the old key never stops");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(here.id_of(&second).await, Some(key.id.clone()));

    // Without grace it stops at once, and so does one that was rotated out before.
    let (_, third) = here.keys.rotate(&key.id, Duration::from_secs(600), "x").await.unwrap();
    let (_, fourth) = here.keys.rotate(&key.id, Duration::ZERO, "x").await.unwrap();
    here.directory.catch_up().await.unwrap();
    for gone in [&first, &second, &third] {
        assert_eq!(here.find(gone.expose()).await, Found::Unknown);
    }
    assert_eq!(here.id_of(&fourth).await, Some(key.id));
}

async fn a_lost_audit_makes_everything_be_asked_anew(home: Home) {
    let here = home.instance().await;
    let (_, secret) = here.keys.create(&named("a"), "x").await.unwrap();
    here.directory.catch_up().await.unwrap();
    assert!(here.id_of(&secret).await.is_some());
    // As after the restore of a backup: the key is gone, and nothing says so.
    sqlx::query("DELETE FROM keys").execute(here.database.writer()).await.unwrap();
    sqlx::query("DELETE FROM audit").execute(here.database.writer()).await.unwrap();
    soon("the restore", async || here.find(secret.expose()).await == Found::Unknown).await;
    // And it goes on from there.
    let (key, secret) = here.keys.create(&named("b"), "x").await.unwrap();
    assert!(here.id_of(&secret).await.is_some());
    here.keys.delete(&key.id, "x").await.unwrap();
    soon("revoked", async || here.find(secret.expose()).await == Found::Unknown).await;
}

async fn keys_from_the_config_live_beside_the_others(home: Home) {
    use tidegate_core::Secret;
    use tidegate_policy::access::Key;

    let here = home.instance().await;
    let (_, made) = here.keys.create(&named("made"), "x").await.unwrap();
    let fixed = Key { id: "config".into(), enabled: true, ..Key::default() };
    here.directory.set_fixed(vec![(Secret::new("sk-my-own"), fixed)]);
    assert!(matches!(here.directory.find_known("sk-my-own"), Some(Found::Key(key)) if &*key.id == "config"));
    assert_eq!(here.directory.find_known("sk-my-owN"), Some(Found::Unknown));
    assert!(here.id_of(&made).await.is_some());
    here.directory.set_fixed(Vec::new());
    assert_eq!(here.directory.find_known("sk-my-own"), Some(Found::Unknown));
    assert!(here.id_of(&made).await.is_some());
}

async fn a_thousand_waiting_requests_ask_once(home: Home) {
    let here = home.instance().await;
    let (key, secret) = here.keys.create(&named("busy"), "x").await.unwrap();
    let here = std::sync::Arc::new(here);
    let asking: Vec<_> = (0..1000)
        .map(|_| {
            let (here, secret) = (here.clone(), secret.clone());
            tokio::spawn(async move { here.id_of(&secret).await })
        })
        .collect();
    for answer in asking {
        assert_eq!(answer.await.unwrap().as_ref(), Some(&key.id));
    }
    assert_eq!(here.directory.stats().questions, 1);
}

async fn no_change_is_missed_when_many_happen_at_once(home: Home) {
    let (one, other) = (home.instance().await, home.instance().await);
    let mut made = Vec::new();
    for number in 0..200 {
        let (key, secret) = one.keys.create(&named(&number.to_string()), "x").await.unwrap();
        assert_eq!(other.id_of(&secret).await.as_ref(), Some(&key.id));
        made.push((key.id, secret));
    }
    let lanes: Vec<_> = made
        .chunks(20)
        .map(|lane| {
            let (keys, ids) = (one.keys.clone(), lane.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>());
            tokio::spawn(async move {
                for id in ids {
                    keys.delete(&id, "x").await.unwrap();
                }
            })
        })
        .collect();
    while lanes.iter().any(|lane| !lane.is_finished()) {
        other.directory.catch_up().await.unwrap();
    }
    other.directory.catch_up().await.unwrap();
    for (_, secret) in &made {
        // Twenty wrong keys on, the network counts as guessing.
        let found = other.find(secret.expose()).await;
        assert!(matches!(found, Found::Unknown | Found::SlowDown { .. }), "{found:?}");
    }
}
