//! What instances tell each other of breakers that have opened.

use super::*;
use crate::counters::{Hints, Open};

fn hints(url: &str, name: &str) -> Hints {
    Hints::new(&place(url), patient().time_limit, name).expect("a place")
}

#[tokio::test]
async fn an_instance_hears_what_has_opened_elsewhere_and_not_of_itself() {
    let redis = Redis::start().await.expect("a Redis");
    let (mut one, mut other) = (hints(&redis.url(), "one"), hints(&redis.url(), "other"));
    let open = |target: &str, until| Open { target: target.to_owned(), until };
    assert_eq!(one.exchange(&[open("a/b", 2_000), open("a/c", 900)], 1_000).await, []);
    assert_eq!(other.exchange(&[], 1_000).await, [open("a/b", 2_000)]);
    assert_eq!(other.exchange(&[], 2_000).await, [], "it is over");
}

#[tokio::test]
async fn without_redis_nothing_is_heard_and_nobody_waits_long() {
    let mut lonely =
        Hints::new(&place("redis://127.0.0.1:1"), Duration::from_millis(50), "one").expect("a place");
    assert_eq!(lonely.exchange(&[Open { target: "a/b".to_owned(), until: 5 }], 1).await, []);
}
