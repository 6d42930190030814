//! Teams: made, looked at, listed, changed, deleted.

use serde_json::json;

use crate::house::{House, all, check_problem, text, wrong_fields};

#[tokio::test]
async fn a_team_is_made_changed_and_deleted() {
    let house = House::start().await;
    let made = house.make_team(json!({"name": "red", "models": ["acme/*"]})).await;
    let path = format!("/admin/v1/teams/{}", text(&made["id"]));
    assert_eq!(house.get(&path).await.json(), made);
    let limits = json!([{"of": "requests", "limit": 10, "per": "minute"}]);
    let changed = house.patch(&path, json!({"limits": limits, "models": null})).await.json();
    assert_eq!(
        (&changed["limits"], &changed["models"], &changed["name"]),
        (&limits, &json!([]), &json!("red"))
    );
    let key = house.make_key(json!({"name": "k", "team": "red"})).await;
    assert_eq!(key["team"], made["id"], "a team can be given by its name");
    check_problem(&house.delete(&path).await, 409, "a team with keys");
    assert_eq!(house.delete(&format!("/admin/v1/keys/{}", text(&key["id"]))).await.status, 204);
    assert_eq!(house.delete(&path).await.status, 204);
    check_problem(&house.get(&path).await, 404, "a team that is gone");
    check_problem(&house.patch(&path, json!({})).await, 404, "a team that is gone");
}

#[tokio::test]
async fn a_name_belongs_to_one_team() {
    let house = House::start().await;
    house.make_team(json!({"name": "red"})).await;
    let blue = house.make_team(json!({"name": "blue"})).await;
    check_problem(&house.post("/admin/v1/teams", json!({"name": "red"})).await, 409, "taken");
    let path = format!("/admin/v1/teams/{}", text(&blue["id"]));
    check_problem(&house.patch(&path, json!({"name": "red"})).await, 409, "taken");
    assert_eq!(house.patch(&path, json!({"name": "blue"})).await.status, 200);
    assert_eq!(
        wrong_fields(&house.post("/admin/v1/keys", json!({"name": "k", "team": "none"})).await),
        ["team"]
    );
}

#[tokio::test]
async fn teams_are_listed_and_found() {
    let house = House::start().await;
    for name in ["Red", "blue", "dark red", "'; DROP TABLE teams; --"] {
        house.make_team(json!({"name": name})).await;
    }
    assert_eq!(all(&house.get("/admin/v1/teams?search=red").await, "name"), ["Red", "dark red"]);
    let page = house.get("/admin/v1/teams?limit=3").await;
    assert_eq!(all(&page, "name"), ["Red", "blue", "dark red"]);
    let rest = house.get(&format!("/admin/v1/teams?limit=3&cursor={}", text(&page.json()["next"]))).await;
    assert_eq!(all(&rest, "name"), ["'; DROP TABLE teams; --"]);
    assert!(rest.json()["next"].is_null());
}
