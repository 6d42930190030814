//! The limits in force.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_policy::limit::{Amounts, Claim};
use tidegate_store::keys::KeySpec;

use crate::house::{House, all, check_problem, text, wrong_fields};

#[tokio::test]
async fn limits_of_teams_and_keys_are_listed_page_by_page() {
    let house = House::start().await;
    for number in 0..3 {
        let limits = json!([{"of": "money", "limit": "0.1", "per": "month", "name": format!("t{number}")}]);
        house.make_team(json!({"name": format!("team {number}"), "limits": limits})).await;
        let limits = json!([
            {"of": "concurrent", "limit": 2, "name": format!("k{number}")},
            {"of": "tokens", "limit": 7, "per": "90s", "window": "bucket", "burst": 9, "by": "user", "name": format!("b{number}")},
        ]);
        house.make_key(json!({"name": "k", "limits": limits})).await;
    }
    house.make_key(json!({"name": "without limits"})).await;
    let (mut items, mut path) = (Vec::new(), "/admin/v1/limits?limit=2".to_owned());
    for _ in 0..10 {
        let page = house.get(&path).await;
        items.extend(page.json()["items"].as_array().unwrap().clone());
        let Some(next) = page.json()["next"].as_str().map(str::to_owned) else { break };
        path = format!("/admin/v1/limits?limit=2&cursor={next}");
    }
    let names: Vec<_> =
        items.iter().map(|item| text(&item["name"]).rsplit(':').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["house", "t0", "t1", "t2", "k0", "b0", "k1", "b1", "k2", "b2"]);
    let shown = |place: usize, field: &str| items[place + 1][field].clone();
    assert_eq!((&items[0]["place"], &items[0]["owner"]), (&json!("config"), &Value::Null));
    assert_eq!(
        [shown(0, "limit"), shown(0, "per"), shown(0, "window"), shown(0, "by")],
        [json!("0.1"), json!("month"), json!("calendar"), json!("team")]
    );
    assert_eq!(
        [shown(3, "limit"), shown(3, "per"), shown(3, "window")],
        [json!(2), Value::Null, Value::Null]
    );
    assert_eq!(
        [shown(4, "limit"), shown(4, "per"), shown(4, "burst"), shown(4, "by")],
        [json!(7), json!("90s"), json!(9), json!("user")]
    );
    assert_eq!(wrong_fields(&house.get("/admin/v1/limits?cursor=elsewhere").await), ["cursor"]);
    assert_eq!(wrong_fields(&house.get("/admin/v1/limits?cursor=keys.!").await), ["cursor"]);
}

#[tokio::test]
async fn the_limits_of_one_key_are_its_own_and_its_teams() {
    let house = House::start().await;
    let limit = |name: &str| json!([{"of": "requests", "limit": 5, "per": "minute", "name": name}]);
    let team = house.make_team(json!({"name": "t", "limits": limit("of-team")})).await;
    house.make_team(json!({"name": "other", "limits": limit("of-other-team")})).await;
    let key = house.make_key(json!({"name": "k", "team": team["id"], "limits": limit("of-key")})).await;
    house.make_key(json!({"name": "other", "limits": limit("of-other-key")})).await;
    let page = house.get(&format!("/admin/v1/limits?key={}", text(&key["id"]))).await;
    assert_eq!(all(&page, "place"), ["config", "team", "key"]);
    let items = page.json()["items"].clone();
    assert_eq!([&items[1]["owner"], &items[2]["owner"]], [&team["id"], &key["id"]]);
    assert_eq!(items[0]["standing"]["remaining"], 1000);
    check_problem(&house.get("/admin/v1/limits?key=key_x").await, 404, "no such key");
}

#[tokio::test]
async fn the_limits_of_one_key_say_how_its_counters_stand() {
    let house = House::start().await;
    let limits = json!([
        {"of": "money", "limit": "2.5", "per": "month", "name": "budget"},
        {"of": "requests", "limit": 5, "per": "hour", "by": "model", "name": "of-each-model"},
    ]);
    let key = house.make_key(json!({"name": "k", "limits": limits})).await;
    let spec: KeySpec = serde_json::from_value(json!({"name": "k", "limits": limits})).unwrap();
    let id = text(&key["id"]);
    let rule = spec.to_key(&id, None).unwrap().limits[0].clone();
    let claim = Claim { rule, subject: id.as_str().into(), amount: 2_000_000_000 };
    let (decision, reservation) = house.limiter.reserve(vec![claim], Duration::from_secs(60)).await;
    assert_eq!(decision.denial, None);
    reservation.unwrap().settle(&Amounts { money: 125_000_000, ..Amounts::default() });
    let page = house.get(&format!("/admin/v1/limits?key={id}")).await.json();
    assert_eq!(page["items"][1]["standing"]["remaining"], "2.375", "{page}");
    assert!(page["items"][1]["standing"]["reset"].as_f64().unwrap() > 0.0);
    assert_eq!(page["items"][2]["standing"], Value::Null, "there is a counter for each model");
}
