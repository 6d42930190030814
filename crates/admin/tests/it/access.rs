//! Who comes in: nobody without the admin key, on no path, by no trick.

use http::Method;
use serde_json::{Value, json};
use sqlx::Row as _;
use tidegate_testkit::client::Client;

use crate::house::{ADMIN, House, check_problem, open, send};

/// Every method on every path of the document, with a real id in it; then some that do not exist.
async fn routes(house: &House) -> Vec<(Method, String)> {
    let key = house.make_key(json!({"name": "victim"})).await;
    let team = house.make_team(json!({"name": "victim"})).await;
    let document = house.get("/admin/v1/openapi.json").await.json();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let id = if path.contains("/teams/") { &team["id"] } else { &key["id"] };
        let path = path.replace("{id}", id.as_str().unwrap());
        for method in methods.as_object().unwrap().keys() {
            routes.push((method.to_ascii_uppercase().parse().unwrap(), path.clone()));
        }
    }
    assert!(routes.len() >= 18, "{routes:?}");
    let unknown =
        ["/admin", "/admin/", "/admin/v1/", "/admin/v1/none", "/admin/v2/keys", "/admin/v1/keys/a/b/c"];
    for path in unknown {
        routes.push((Method::GET, path.to_owned()));
        routes.push((Method::DELETE, path.to_owned()));
    }
    routes.push((Method::PUT, "/admin/v1/keys".to_owned()));
    routes.push((Method::OPTIONS, "/admin/v1/keys".to_owned()));
    routes
}

#[tokio::test]
async fn fault_72_no_route_opens_without_the_admin_key() {
    let house = House::start().await;
    let caller = house.make_key(json!({"name": "caller"})).await;
    let caller = caller["key"].as_str().unwrap();
    let nobody = house.stranger();
    let wrong = format!("{ADMIN}x");
    let clients = [
        (401, nobody.clone()),
        (401, nobody.clone().bearer(&wrong)),
        (401, nobody.clone().bearer("")),
        (401, nobody.clone().header("x-admin-key", &ADMIN[..10])),
        (401, nobody.clone().header("authorization", ADMIN)),
        (401, nobody.clone().header("authorization", &format!("Basic {ADMIN}"))),
        (401, nobody.clone().header("cookie", &format!("x-admin-key={ADMIN}; authorization=Bearer {ADMIN}"))),
        (401, nobody.clone().header("x-api-key", ADMIN)),
        (401, nobody.clone().header("x-forwarded-for", "127.0.0.1").header("x-original-url", "/health")),
        // The first header decides: a second one is no second chance.
        (401, nobody.clone().bearer(&wrong).header("x-admin-key", ADMIN)),
        (403, nobody.clone().bearer(caller)),
        (403, nobody.clone().header("x-admin-key", caller)),
        (403, nobody.clone().bearer(caller).header("x-admin-key", ADMIN)),
    ];
    for (method, path) in routes(&house).await {
        for (status, client) in &clients {
            let answer = send(client, method.clone(), &path, r#"{"name":"burglar"}"#).await;
            if method == Method::HEAD {
                assert_eq!(answer.status, *status);
            } else {
                check_problem(&answer, *status, &format!("{method} {path}"));
            }
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
            assert_eq!(answer.header("www-authenticate").is_some(), *status == 401, "{method} {path}");
        }
    }
    // And nothing was done: no further key or team, both victims are there.
    assert_eq!(house.get("/admin/v1/keys").await.json()["items"].as_array().unwrap().len(), 2);
    assert_eq!(house.get("/admin/v1/teams").await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn fault_72_headers_that_override_the_method_are_ignored() {
    let house = House::start().await;
    let key = house.make_key(json!({"name": "stays"})).await;
    let path = format!("/admin/v1/keys/{}", key["id"].as_str().unwrap());
    for header in ["x-http-method-override", "x-http-method", "x-method-override", "_method"] {
        let answer = house.admin().header(header, "DELETE").get(&path).await.unwrap();
        assert_eq!((answer.status.as_u16(), &answer.json()["name"]), (200, &json!("stays")), "{header}");
        let posted = send(&house.admin().header(header, "DELETE"), Method::POST, &path, "{}").await;
        check_problem(&posted, 405, header);
        // Nor is a path read from a header.
        let other = house.stranger().header("x-rewrite-url", "/health").header(header, "GET");
        check_problem(&other.get(&path).await.unwrap(), 401, header);
    }
    let query = house.get(&format!("{path}?_method=DELETE")).await;
    check_problem(&query, 400, "_method");
    assert_eq!(house.get(&path).await.status, 200);
}

#[tokio::test]
async fn the_key_opens_by_either_header() {
    let house = House::start().await;
    for client in [
        house.stranger().bearer(ADMIN),
        house.stranger().header("authorization", &format!("bearer  {ADMIN} ")),
        house.stranger().header("x-admin-key", ADMIN),
    ] {
        let answer = client.get("/admin/v1").await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["openapi"]),
            (200, &json!("/admin/v1/openapi.json"))
        );
    }
}

#[tokio::test]
async fn paths_that_only_look_open_are_shut() {
    let house = House::start().await;
    for path in
        ["/admin/v1/keys?/health", "/admin/v1/../../health", "/admin/v1/%2e%2e/health", "/admin/v1//keys"]
    {
        check_problem(&house.stranger().get(path).await.unwrap(), 401, path);
    }
    // These do not begin with `/admin`, and lead nowhere.
    for path in
        ["/%61dmin/v1/keys", "//admin/v1/keys", "/ADMIN/v1/keys", "/health/../admin/v1/keys", "/health/"]
    {
        assert_eq!(house.stranger().get(path).await.unwrap().status, 404, "{path}");
    }
    for path in ["/health", "/ready", "/livez", "/readyz", "/metrics", "/version"] {
        assert_eq!(house.stranger().get(path).await.unwrap().status, 200, "{path}");
    }
}

#[tokio::test]
async fn guessing_is_slowed_down_and_an_old_key_is_no_guess() {
    let house = House::start().await;
    let show = |key: String| {
        let client = house.stranger().bearer(&key);
        async move { client.get("/admin/v1").await.unwrap() }
    };
    for _ in 0..50 {
        check_problem(&show("tga-old".to_owned()).await, 401, "the same old key");
        check_problem(&show("tg-caller".to_owned()).await, 403, "a caller's key");
        check_problem(&house.stranger().get("/admin/v1").await.unwrap(), 401, "no key");
    }
    assert_eq!(house.get("/admin/v1").await.status, 200);
    for number in 0..19 {
        check_problem(&show(format!("tga-{number}")).await, 401, "a guess");
    }
    let slowed = show("tga-one-more".to_owned()).await;
    check_problem(&slowed, 429, "too many guesses");
    let seconds: u64 = slowed.header("retry-after").unwrap().parse().unwrap();
    assert!((30..=61).contains(&seconds), "{seconds}");
    // Who guesses does not learn that he was right, either.
    check_problem(&house.get("/admin/v1").await, 429, "the right key");
    // What is open stays open.
    assert_eq!(house.stranger().get("/health").await.unwrap().status, 200);
}

#[tokio::test]
async fn without_a_store_there_is_no_admin_api() {
    let client = Client::new(open(None).await);
    check_problem(&client.get("/admin/v1/keys").await.unwrap(), 404, "no store");
    check_problem(&client.clone().bearer(ADMIN).get("/admin/v1").await.unwrap(), 404, "no store");
    assert_eq!(client.get("/health").await.unwrap().status, 200);
}

/// Whether a text stands anywhere in a value.
fn holds(value: &Value, text: &str) -> bool {
    value.to_string().contains(text)
}

#[tokio::test]
async fn fault_71_no_answer_holds_a_secret_or_a_hash() {
    let house = House::start().await;
    let made =
        house.make_key(json!({"name": "a", "limits": [{"of": "requests", "limit": 1, "per": "day"}]})).await;
    let id = made["id"].as_str().unwrap();
    let rotated = house.post(&format!("/admin/v1/keys/{id}/rotate"), json!({"grace": "1h"})).await.json();
    let secrets = [made["key"].as_str().unwrap(), rotated["key"].as_str().unwrap()];
    assert_ne!(secrets[0], secrets[1]);
    let hashes = stored_hashes(&house).await;
    assert_eq!(hashes.len(), 2);
    house.patch(&format!("/admin/v1/keys/{id}"), json!({"name": "b"})).await;
    let wrong = house.patch(&format!("/admin/v1/keys/{id}"), json!({"key": secrets[1], "hash": "x"})).await;
    let paths = [
        "/admin/v1",
        "/admin/v1/keys",
        "/admin/v1/limits",
        "/admin/v1/audit",
        "/admin/v1/usage",
        "/admin/v1/models",
        "/admin/v1/targets",
        "/admin/v1/openapi.json",
        "/metrics",
        "/version",
    ];
    let mut answers = vec![wrong.text()];
    for path in paths.map(str::to_owned).into_iter().chain([
        format!("/admin/v1/keys/{id}"),
        format!("/admin/v1/limits?key={id}"),
        format!("/admin/v1/keys?search={}", secrets[1]),
    ]) {
        answers.push(house.get(&path).await.text());
    }
    for answer in answers {
        let told = Value::from(answer.as_str());
        for secret in secrets.iter().copied().chain(hashes.iter().map(String::as_str)).chain([ADMIN]) {
            // The hint's ten characters are all that may be seen.
            assert!(!holds(&told, &secret[8..secret.len() - 4]), "{answer}");
        }
    }
    // A stored hash is no key.
    for hash in &hashes {
        let answer = house.stranger().bearer(hash).get("/admin/v1/keys").await.unwrap();
        check_problem(&answer, 401, "a hash");
    }
}

/// The hashes that stand in the database.
async fn stored_hashes(house: &House) -> Vec<String> {
    let rows =
        sqlx::query("SELECT hash FROM keys UNION SELECT old_hash FROM keys WHERE old_hash IS NOT NULL");
    let rows = rows.fetch_all(house.database.readers()).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}
