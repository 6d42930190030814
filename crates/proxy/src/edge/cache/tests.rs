//! The store by itself.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use tidegate_policy::edge::caching::CacheRules;

use super::key::Key;
use super::store::CacheStore;
use super::stored::{Head, Stored};

const NOW: i64 = 1_800_000_000;

fn map(lines: &[(&'static str, &str)]) -> HeaderMap {
    lines.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

fn stored(
    body: &'static str,
    answer: &[(&'static str, &str)],
    asked: &[(&'static str, &str)],
) -> Arc<Stored> {
    let head = Head { status: StatusCode::OK, headers: map(answer), times: (NOW, NOW) };
    Arc::new(head.with_body(Bytes::from_static(body.as_bytes()), &map(asked), &CacheRules::default()))
}

fn put(store: &CacheStore, key: &str, stored: &Arc<Stored>) {
    store.put(&key.into(), stored.clone(), store.tick());
}

fn has(store: &CacheStore, key: &str) -> bool {
    store.look(key, NOW, || unreachable!("it depends on nothing")).stored.is_some()
}

#[test]
fn what_was_not_used_lately_goes_first_and_the_bound_holds() {
    let answer = stored("0123456789", &[("cache-control", "max-age=60")], &[]);
    let one = CacheStore::new(u64::MAX);
    put(&one, "a", &answer);
    let each = one.used().0;
    let store = CacheStore::new(3 * each);
    for key in ["a", "b", "c"] {
        put(&store, key, &answer);
    }
    assert!(has(&store, "a"));
    put(&store, "d", &answer);
    assert_eq!(["a", "b", "c", "d"].map(|key| has(&store, key)), [true, false, true, true]);
    assert_eq!(store.used(), (3 * each, 3));
    store.set_budget(each);
    assert_eq!(store.used().1, 1);
    store.set_budget(0);
    assert_eq!(store.used(), (0, 0));
}

#[test]
fn an_answer_takes_the_place_of_the_one_for_the_same_variant_only() {
    let store = CacheStore::new(1 << 20);
    let vary = [("cache-control", "max-age=60"), ("vary", "x-v")];
    for (variant, body) in [("1", "one"), ("2", "two"), ("1", "new")] {
        put(&store, "k", &stored(body, &vary, &[("x-v", variant)]));
    }
    let look = |variant: &str| {
        let outward = map(&[("x-v", variant)]);
        store.look("k", NOW, || &outward).stored.map(|stored| stored.body.clone())
    };
    assert_eq!(look("1").as_deref(), Some(&b"new"[..]));
    assert_eq!(look("2").as_deref(), Some(&b"two"[..]));
    assert_eq!(look("3"), None);
    let before = store.used().0;
    for variant in 0..100 {
        put(&store, "k", &stored("x", &vary, &[("x-v", &variant.to_string())]));
    }
    assert!(store.used().0 < before * 32, "{:?}", store.used());
    assert_eq!((look("0"), look("99").is_some()), (None, true));
}

#[test]
fn rfc_9111_4_4_what_was_asked_for_before_a_write_is_not_kept_after_it() {
    let store = CacheStore::new(1 << 20);
    let answer = stored("old", &[("cache-control", "max-age=60")], &[]);
    let key: Key = "k".into();
    let asked = store.tick();
    store.forget(&key);
    store.put(&key, answer.clone(), asked);
    assert!(!has(&store, "k"));
    store.put(&key, answer, store.tick());
    assert!(has(&store, "k"));
}

#[test]
fn what_is_being_written_down_is_bounded_too() {
    let store = CacheStore::new(100);
    assert!(store.take_room(60));
    assert!(!store.take_room(50));
    assert!(store.take_room(40));
    store.give_room(60);
    assert!(store.take_room(50));
}

#[tokio::test]
async fn whoever_waits_is_woken_when_the_other_one_comes_back() {
    let store = CacheStore::new(1);
    let key: Key = "k".into();
    let flight = store.flights.go(&key).unwrap();
    let other = store.flights.go(&key).unwrap_err();
    drop(flight);
    super::flight::come_back(other).await;
    assert!(store.flights.go(&key).is_ok());
}
