//! How targets stand, what is done to them by hand, and why they were chosen.

use serde_json::{Value, json};
use tidegate_core::RequestId;
use tidegate_policy::balance::{Strategy, Why};
use tidegate_proxy::clock::micros;
use tidegate_proxy::traffic::Decision;

use crate::house::{House, check_problem, text, wrong_fields};

async fn state(house: &House, place: usize) -> Value {
    house.get("/admin/v1/targets").await.json()["items"][place]["state"].clone()
}

#[tokio::test]
async fn targets_tell_how_they_stand() {
    let house = House::start().await;
    let fresh = state(&house, 0).await;
    assert_eq!((&fresh["standing"], &fresh["share"]), (&json!("ready"), &json!(1.0)));
    assert_eq!((&fresh["in_flight"], &fresh["first_token_ms"]), (&json!(0), &Value::Null));
    assert_eq!(state(&house, 1).await, Value::Null, "nobody has asked it");
    let live = house.gateway.desk().live.find("acme/large").unwrap();
    let now = micros();
    let _ = live.gauge.health().limited(Some(now + 60_000_000), now);
    let limited = state(&house, 0).await;
    assert_eq!(limited["standing"], "limited");
    let until = limited["until"].as_i64().unwrap();
    assert!((60..=61).contains(&(until - now / 1_000_000)), "{until}");
}

#[tokio::test]
async fn targets_are_opened_and_closed_by_hand_and_the_audit_log_says_by_whom() {
    let house = House::start().await;
    for label in ["acme/large", "acme/small"] {
        let opened = house.post("/admin/v1/targets/open", json!({"target": label})).await;
        assert_eq!(opened.status, 200, "{}", opened.text());
        assert_eq!(opened.json()["label"], label);
        assert_eq!(opened.json()["state"]["standing"], "held");
        assert_eq!(opened.json()["state"]["opened"], 1);
    }
    assert_eq!(state(&house, 1).await["standing"], "held");
    let closed = house.post("/admin/v1/targets/close", json!({"target": "acme/large"})).await;
    assert_eq!((closed.status.as_u16(), &closed.json()["state"]["standing"]), (200, &json!("ready")));
    assert_eq!(state(&house, 0).await["share"], 1.0);
    assert_eq!(state(&house, 1).await["standing"], "held", "the other one stays out");
    let audit = house.get("/admin/v1/audit").await.json();
    let deeds: Vec<_> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            assert_eq!(
                (&row["kind"], text(&row["actor"]).split('@').next()),
                (&json!("target"), Some("admin"))
            );
            (text(&row["action"]), text(&row["id"]))
        })
        .collect();
    let deed = |action: &str, id: &str| (action.to_owned(), id.to_owned());
    assert_eq!(deeds, [deed("close", "acme/large"), deed("open", "acme/small"), deed("open", "acme/large")]);
    let one = house.get("/admin/v1/audit?id=acme/small").await.json();
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn closing_by_hand_forgets_a_limit_and_a_refused_credential() {
    let house = House::start().await;
    let live = house.gateway.desk().live.find("acme/large").unwrap();
    let _ = live.gauge.health().credential_out();
    let _ = live.gauge.health().limited(None, micros());
    assert_eq!(state(&house, 0).await["standing"], "credential");
    house.post("/admin/v1/targets/close", json!({"target": "acme/large"})).await;
    assert_eq!(state(&house, 0).await["standing"], "ready");
}

#[tokio::test]
async fn what_is_held_by_hand_outlives_a_reload_that_does_not_name_it() {
    let house = House::start().await;
    house.post("/admin/v1/targets/open", json!({"target": "acme/small"})).await;
    house.gateway.desk().live.tidy();
    assert_eq!(state(&house, 1).await["standing"], "held");
    house.post("/admin/v1/targets/close", json!({"target": "acme/small"})).await;
    house.gateway.desk().live.tidy();
    assert_eq!(state(&house, 1).await, Value::Null);
}

#[tokio::test]
async fn a_switch_of_no_target_changes_nothing() {
    let house = House::start().await;
    for action in ["open", "close"] {
        let path = format!("/admin/v1/targets/{action}");
        for target in ["smart", "acme", "acme/huge", "other/large", "acme/lar\u{0}ge"] {
            let answer = house.post(&path, json!({"target": target})).await;
            check_problem(&answer, 404, target);
        }
        assert_eq!(wrong_fields(&house.post(&path, json!({"target": 5})).await), ["target"]);
        assert_eq!(
            wrong_fields(&house.post(&path, json!({"target": "acme/large", "for": "1h"})).await),
            ["for"]
        );
        check_problem(&house.post(&path, json!({})).await, 400, "no target");
    }
    assert_eq!(house.get("/admin/v1/audit").await.json()["items"], json!([]));
}

fn decided(number: u128, pool: &str, why: Why) -> Decision {
    Decision {
        at: 1_795_257_900_125_000,
        exchange: RequestId::from_parts(1_795_257_900_125, number),
        pool: pool.into(),
        strategy: Strategy::Latency,
        target: (why != Why::Nobody).then(|| "acme/large".into()),
        why,
        usable: (u32::from(why != Why::Nobody), 3),
        is_panic: false,
    }
}

#[tokio::test]
async fn the_last_decisions_are_told_with_their_reasons() {
    let house = House::start().await;
    let decisions = &house.gateway.desk().decisions;
    for number in 0..1200 {
        decisions.add(decided(number, "other", Why::Only));
    }
    decisions.add(decided(1, "smart", Why::Quicker { than: 2 }));
    decisions.add(decided(2, "smart", Why::Nobody));
    let listed = house.get("/admin/v1/decisions").await.json()["items"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 100);
    let (nobody, quicker) = (&listed[0], &listed[1]);
    assert_eq!((&nobody["target"], &nobody["usable"], &nobody["of"]), (&Value::Null, &json!(0), &json!(3)));
    assert_eq!((&quicker["target"], &quicker["strategy"]), (&json!("acme/large"), &json!("latency")));
    assert_eq!((&quicker["reason"], &quicker["at"]), (&json!("quicker"), &json!(1_795_257_900.125)));
    assert_eq!(quicker["words"], "the quicker of two that were drawn");
    assert_eq!(text(&quicker["request_id"]).len(), 32);
    let count = async |query: &str| {
        let page = house.get(&format!("/admin/v1/decisions?{query}")).await.json();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(count("pool=smart").await, 2);
    assert_eq!(count("pool=smart&limit=1").await, 1);
    assert_eq!(count("limit=1000").await, 1000, "no more are kept");
    assert_eq!(count("pool=none").await, 0);
    assert_eq!(wrong_fields(&house.get("/admin/v1/decisions?limit=0").await), ["limit"]);
}
