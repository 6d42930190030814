//! Keys: made, looked at, listed, changed, rotated, revoked, written down.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_core::Secret;
use tidegate_store::keys::{Directory, Found, Hasher};

use crate::house::{House, all, check_problem, text, wrong_fields};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

async fn directory(house: &House) -> std::sync::Arc<Directory> {
    let hasher = Hasher::given(&Secret::new("the secret of this test")).unwrap();
    Directory::open(house.database.clone(), hasher).await.unwrap()
}

#[tokio::test]
async fn a_key_is_told_once_and_works_until_it_is_revoked() {
    let house = House::start().await;
    let directory = directory(&house).await;
    let made = house.make_key(json!({"name": "Anna's", "tags": ["a", "b"], "strict": true})).await;
    let (id, key) = (text(&made["id"]), text(&made["key"]));
    assert!(key.starts_with("tg-") && made["hint"].as_str().unwrap().starts_with(&key[..6]), "{made}");
    let Found::Key(found) = directory.find(&key, HERE).await else { panic!("not found") };
    assert_eq!(
        (&*found.id, found.strict, found.tags.as_slice()),
        (id.as_str(), true, &["a".to_owned(), "b".to_owned()][..])
    );
    let path = format!("/admin/v1/keys/{id}");
    let mut shown = house.get(&path).await.json();
    shown["key"] = made["key"].clone();
    assert_eq!(shown, made);
    assert_eq!(house.delete(&path).await.status, 204);
    directory.catch_up().await.unwrap();
    assert_eq!(directory.find(&key, HERE).await, Found::Unknown);
    for answer in [house.get(&path).await, house.delete(&path).await, house.patch(&path, json!({})).await] {
        check_problem(&answer, 404, "a key that is gone");
    }
    check_problem(&house.post(&format!("{path}/rotate"), json!({})).await, 404, "a key that is gone");
}

#[tokio::test]
async fn a_patch_changes_what_it_says_and_nothing_else() {
    let house = House::start().await;
    let limits =
        json!([{"of": "money", "limit": "12.50", "per": "month"}, {"of": "tokens", "limit": 5, "per": "1h"}]);
    let spec = json!({"name": "a", "tags": ["x"], "expires": "2099-01-01T00:00:00Z", "limits": limits, "metadata": {"a": "1", "b": "2"}});
    let made = house.make_key(spec).await;
    let path = format!("/admin/v1/keys/{}", text(&made["id"]));
    let patch = json!({"expires": null, "enabled": false, "metadata": {"a": null, "c": "3"}});
    let changed = house.patch(&path, patch).await.json();
    let mut expected = made.clone();
    let fields = expected.as_object_mut().unwrap();
    fields.remove("expires");
    fields.remove("key");
    fields.insert("enabled".to_owned(), json!(false));
    fields.insert("metadata".to_owned(), json!({"b": "2", "c": "3"}));
    fields.insert("changed".to_owned(), changed["changed"].clone());
    assert_eq!(Value::Object(fields.clone()), changed);
    // `null` gives a field its usual value; an empty patch changes nothing.
    let usual = house.patch(&path, json!({"enabled": null, "limits": null})).await.json();
    assert_eq!((&usual["enabled"], &usual["limits"]), (&json!(true), &json!([])));
    assert_eq!(house.patch(&path, json!({})).await.status, 200);
    check_problem(&crate::house::send(&house.admin(), http::Method::PATCH, &path, "").await, 400, "no patch");
    assert_eq!(wrong_fields(&house.patch(&path, json!({"name": null})).await), ["name"]);
    assert_eq!(wrong_fields(&house.patch(&path, json!({"id": "key_x", "hint": "y"})).await), ["id", "hint"]);
    assert_eq!(house.get(&path).await.json()["name"], "a");
}

#[tokio::test]
async fn patches_at_the_same_time_do_not_undo_each_other() {
    let house = House::start().await;
    let made = house.make_key(json!({"name": "a"})).await;
    let path = format!("/admin/v1/keys/{}", text(&made["id"]));
    let patches = (0..20).map(|number| {
        let (client, path) = (house.admin(), path.clone());
        tokio::spawn(async move {
            let body = json!({"metadata": {format!("m{number}"): "x"}}).to_string();
            crate::house::send(&client, http::Method::PATCH, &path, &body).await.status
        })
    });
    for patch in patches.collect::<Vec<_>>() {
        assert_eq!(patch.await.unwrap(), 200);
    }
    let shown = house.get(&path).await.json();
    assert_eq!(shown["metadata"].as_object().unwrap().len(), 20, "{shown}");
}

#[tokio::test]
async fn a_rotated_key_works_for_its_grace_time() {
    let house = House::start().await;
    let directory = directory(&house).await;
    let made = house.make_key(json!({"name": "a"})).await;
    let path = format!("/admin/v1/keys/{}/rotate", text(&made["id"]));
    let rotated = house.post(&path, json!({"grace": "1h"})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text());
    let rotated = rotated.json();
    let grace = rotated["old_until"].as_i64().unwrap() - rotated["changed"].as_i64().unwrap();
    assert_eq!(grace, 3_600);
    for key in [&made["key"], &rotated["key"]] {
        assert!(matches!(directory.find(key.as_str().unwrap(), HERE).await, Found::Key(_)));
    }
    let last = house.post(&path, json!({"grace": "0s"})).await.json();
    assert_eq!(last.get("old_until"), None);
    directory.catch_up().await.unwrap();
    for (key, works) in [(&made["key"], false), (&rotated["key"], false), (&last["key"], true)] {
        let found = directory.find(key.as_str().unwrap(), HERE).await;
        assert_eq!(matches!(found, Found::Key(_)), works);
    }
    // Without a body the grace time is a day.
    let usual = house
        .admin()
        .send(http::Method::POST, &path, bytes::Bytes::new())
        .await
        .unwrap()
        .whole()
        .await
        .unwrap();
    let usual = usual.json();
    assert_eq!(usual["old_until"].as_i64().unwrap() - usual["changed"].as_i64().unwrap(), 86_400);
    for bad in [
        json!({"grace": "91d"}),
        json!({"grace": 5}),
        json!({"grace": ""}),
        json!({"grace": "-1s"}),
        json!({"grace": null}),
    ] {
        assert_eq!(wrong_fields(&house.post(&path, bad).await), ["grace"]);
    }
    assert_eq!(wrong_fields(&house.post(&path, json!({"grace": "x", "speed": 1})).await), ["speed", "grace"]);
}

#[tokio::test]
async fn pages_stay_in_order_while_keys_come_and_go() {
    let house = House::start().await;
    let mut names: Vec<String> = Vec::new();
    for number in 0..7 {
        house.make_key(json!({"name": format!("k{number}")})).await;
        names.push(format!("k{number}"));
    }
    let (mut seen, mut path) = (Vec::new(), "/admin/v1/keys?limit=3".to_owned());
    let mut pages = 0;
    loop {
        let page = house.get(&path).await;
        seen.extend(all(&page, "name"));
        pages += 1;
        // One comes at the end, and the one that the cursor points to goes.
        house.make_key(json!({"name": format!("new{pages}")})).await;
        let last = page.json()["items"].as_array().unwrap().last().unwrap()["id"].clone();
        house.delete(&format!("/admin/v1/keys/{}", text(&last))).await;
        match page.json()["next"].as_str() {
            Some(next) if pages < 10 => path = format!("/admin/v1/keys?limit=3&cursor={next}"),
            _ => break,
        }
    }
    let mut once = seen.clone();
    once.dedup();
    assert_eq!(once, seen, "nothing twice");
    assert_eq!(seen[..7], names, "nothing lost, the oldest first");
    assert!(seen.contains(&"new1".to_owned()));
}

#[tokio::test]
async fn fault_73_filters_hold_in_the_database() {
    let house = House::start().await;
    let (red, blue) =
        (house.make_team(json!({"name": "red"})).await, house.make_team(json!({"name": "blue"})).await);
    for (name, team) in [("a", &red), ("b", &blue), ("c", &red)] {
        house.make_key(json!({"name": name, "team": team["id"]})).await;
    }
    house.make_key(json!({"name": "free"})).await;
    let of = |team: &Value| format!("/admin/v1/keys?team={}", text(&team["id"]));
    assert_eq!(all(&house.get(&of(&red)).await, "name"), ["a", "c"]);
    assert_eq!(all(&house.get(&of(&blue)).await, "name"), ["b"]);
    // The page is of the team, not the team's part of a page.
    let first = house.get(&format!("{}&limit=1", of(&red))).await;
    assert_eq!(all(&first, "name"), ["a"]);
    let next = text(&first.json()["next"]);
    assert_eq!(all(&house.get(&format!("{}&limit=1&cursor={next}", of(&red))).await, "name"), ["c"]);
    // A team's id is no key's, and the other way round.
    check_problem(&house.get(&format!("/admin/v1/keys/{}", text(&red["id"]))).await, 404, "a team as a key");
    let key = text(&house.get("/admin/v1/keys?limit=1").await.json()["items"][0]["id"]);
    check_problem(&house.get(&format!("/admin/v1/teams/{key}")).await, 404, "a key as a team");
    check_problem(&house.delete(&format!("/admin/v1/teams/{key}")).await, 404, "a key as a team");
}

#[tokio::test]
async fn sql_in_names_and_searches_is_just_text() {
    let house = House::start().await;
    let names = [
        "'; DROP TABLE keys; --",
        "\" OR 1=1 --",
        "100%",
        "a_b",
        "axb",
        "\\",
        "Robert'); DELETE FROM teams;--",
        "naïve ☃ 𝄞",
        "$1",
        "?",
        "{}",
    ];
    for name in names {
        let made = house.make_key(json!({"name": name, "tags": [name], "metadata": {name: name}})).await;
        assert_eq!(made["name"], name);
        assert_eq!(
            house.get(&format!("/admin/v1/keys/{}", text(&made["id"]))).await.json()["metadata"][name],
            name
        );
    }
    assert_eq!(all(&house.get("/admin/v1/keys").await, "name"), names);
    for (search, found) in [
        ("%27%3B", vec![names[0]]),
        ("%25", vec!["100%"]),
        ("a_b", vec!["a_b"]),
        ("%5C", vec!["\\"]),
        ("%27+OR+%271%27%3D%271", vec![]),
        ("%E2%98%83", vec![names[7]]),
        ("ROBERT", vec![names[6]]),
        ("key_", names.to_vec()),
    ] {
        assert_eq!(
            all(&house.get(&format!("/admin/v1/keys?search={search}")).await, "name"),
            found,
            "{search}"
        );
    }
    assert_eq!(all(&house.get("/admin/v1/keys?team=%27%20OR%201%3D1").await, "name"), Vec::<String>::new());
}

#[tokio::test]
async fn every_change_is_written_down() {
    let house = House::start().await;
    let team = text(&house.make_team(json!({"name": "t"})).await["id"]);
    let key = text(&house.make_key(json!({"name": "k", "team": team})).await["id"]);
    let path = format!("/admin/v1/keys/{key}");
    house.patch(&path, json!({"name": "k2"})).await;
    house.post(&format!("{path}/rotate"), json!({})).await;
    house.patch(&path, json!({"networks": ["nowhere"]})).await;
    house.delete(&path).await;
    house.patch(&format!("/admin/v1/teams/{team}"), json!({"enabled": false})).await;
    house.delete(&format!("/admin/v1/teams/{team}")).await;
    let audit = house.get("/admin/v1/audit").await;
    let deeds: Vec<_> = audit.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {}", text(&row["action"]), text(&row["kind"])))
        .collect();
    let expected =
        ["delete team", "update team", "delete key", "rotate key", "update key", "create key", "create team"];
    assert_eq!(deeds, expected);
    assert!(all(&audit, "actor").iter().all(|actor| actor == "admin@127.0.0.1"));
    let of_key = house.get(&format!("/admin/v1/audit?id={key}&limit=3")).await;
    assert_eq!(all(&of_key, "action"), ["delete", "rotate", "update"]);
    let next = text(&of_key.json()["next"]);
    let rest = house.get(&format!("/admin/v1/audit?id={key}&limit=3&cursor={next}")).await;
    assert_eq!(all(&rest, "action"), ["create"]);
    let update = &of_key.json()["items"][2]["detail"];
    assert_eq!((&update["before"]["name"], &update["after"]["name"]), (&json!("k"), &json!("k2")));
}

#[tokio::test]
async fn a_database_that_is_away_is_said_to_be() {
    let house = House::start().await;
    let made = house.make_key(json!({"name": "a"})).await;
    house.database.readers().close().await;
    house.database.writer().close().await;
    let path = format!("/admin/v1/keys/{}", text(&made["id"]));
    for answer in [
        house.get("/admin/v1/keys").await,
        house.get(&path).await,
        house.post("/admin/v1/keys", json!({"name": "b"})).await,
        house.patch(&path, json!({"name": "b"})).await,
        house.delete(&path).await,
        house.get("/admin/v1/usage").await,
        house.get("/admin/v1/audit").await,
        house.get("/admin/v1/teams").await,
    ] {
        check_problem(&answer, 503, "away");
        let wait = Duration::from_secs(answer.header("retry-after").unwrap().parse().unwrap());
        assert!(wait <= Duration::from_secs(30));
        assert!(!answer.text().to_lowercase().contains("pool"), "{}", answer.text());
    }
    assert_eq!(house.get("/admin/v1/models").await.status, 200);
}
