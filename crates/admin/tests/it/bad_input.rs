//! Input that no honest client sends: refused by name, never 5xx.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::house::{House, check_problem, send, text, wrong_fields};

#[tokio::test]
async fn every_wrong_field_is_named() {
    let house = House::start().await;
    let long = "x".repeat(201);
    for (body, fields) in [
        (json!({}), vec!["name"]),
        (json!({"name": ""}), vec!["name"]),
        (json!({"name": long}), vec!["name"]),
        (json!({"name": "a\u{0}b"}), vec!["name"]),
        (json!({"name": "a", "colour": 1, "budget": 2}), vec!["colour", "budget"]),
        (json!({"name": 1, "tags": {}, "enabled": "no"}), vec!["name", "tags", "enabled"]),
        (
            json!({"name": "a", "networks": ["10.0.0.0/33", "x"], "expires": "soon"}),
            vec!["networks[0]", "networks[1]", "expires"],
        ),
        (
            json!({"name": "a", "limits": [{"of": "requests", "limit": -1, "per": "minute"}]}),
            vec!["limits[0].limit"],
        ),
        (
            json!({"name": "a", "limits": [{"of": "money", "limit": 1e300, "per": "day"}]}),
            vec!["limits[0].limit"],
        ),
        (
            json!({"name": "a", "limits": [{"of": "tokens", "limit": 1.5, "per": "eon"}]}),
            vec!["limits[0].limit", "limits[0].per"],
        ),
        (
            json!({"name": "a", "limits": [{"of": "souls", "limit": "many", "by": "moon"}]}),
            vec!["limits[0].of", "limits[0].by"],
        ),
        (json!({"name": "a", "limits": {"of": "requests"}}), vec!["limits"]),
        (json!({"name": "a", "limits": [null]}), vec!["limits[0]"]),
        (json!({"name": "a", "metadata": {"a": 1}}), vec!["metadata"]),
        (json!({"name": "a", "metadata": {"a": "\u{0}"}}), vec!["metadata.a"]),
        (json!({"name": "a", "team": "x\u{0}"}), vec!["team"]),
    ] {
        let answer = house.post("/admin/v1/keys", body.clone()).await;
        assert_eq!(wrong_fields(&answer), fields, "{body}");
    }
    assert_eq!(house.get("/admin/v1/keys").await.json()["items"], json!([]));
    assert_eq!(
        wrong_fields(&house.post("/admin/v1/teams", json!({"name": "a", "tags": []})).await),
        ["tags"]
    );
}

#[tokio::test]
async fn bodies_that_are_no_json_objects_are_refused() {
    let house = House::start().await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        "",
        "{",
        "[]",
        "null",
        "1",
        "\"a\"",
        "{\"name\":\"a\"} x",
        "{'name':'a'}",
        "{\"name\":\"\\ud800\"}",
        "{\"name\":1e999}",
        &deep,
        "\u{feff}{}",
        "{\"name\":\"a\u{1}\"}",
    ] {
        let answer = send(&house.admin(), Method::POST, "/admin/v1/keys", body).await;
        check_problem(&answer, 400, body.get(..20).unwrap_or(body));
    }
    let raw = |content_type: &str, body: &'static [u8]| {
        let client = house.admin().header("content-type", content_type);
        async move {
            let body = Bytes::from_static(body);
            client.send(Method::POST, "/admin/v1/keys", body).await.unwrap().whole().await.unwrap()
        }
    };
    check_problem(&raw("application/json", b"{\"name\":\"\xff\"}").await, 400, "no UTF-8");
    for media_type in
        ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "", "multipart/form-data"]
    {
        check_problem(&raw(media_type, b"{\"name\":\"a\"}").await, 415, media_type);
    }
    assert_eq!(raw("Application/JSON; charset=utf-8", b"{\"name\":\"a\"}").await.status, 201);
}

#[tokio::test]
async fn large_bodies_are_refused_said_and_unsaid() {
    let house = House::start().await;
    let body = json!({"name": "x".repeat(70_000)}).to_string();
    check_problem(&send(&house.admin(), Method::POST, "/admin/v1/keys", &body).await, 413, "said");
    let head = format!(
        "POST /admin/v1/keys HTTP/1.1\r\nhost: x\r\nx-admin-key: {}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        crate::house::ADMIN
    );
    let chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let answer = raw(&house, &format!("{head}{chunk}")).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

/// Sends bytes and reads until the door closes.
async fn raw(house: &House, bytes: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(house.address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // What is read counts: the door may close before it has read all of a body that it refuses.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn ids_that_are_none_are_not_found() {
    let house = House::start().await;
    let long = "k".repeat(5_000);
    for id in [
        "x",
        "key_",
        "key_%00",
        "%00",
        "%ff",
        "..",
        "%2e%2e",
        "%2e%2e%2fteams",
        "key_%27%20OR%201=1",
        "*",
        "%25",
        "key_0123456789abcdef0123456789abcdef",
        "key_0123456789ABCDEF0123456789ABCDEF",
        &long,
        "%F0%9F%94%91",
        "-1",
    ] {
        for base in ["/admin/v1/keys", "/admin/v1/teams"] {
            let path = format!("{base}/{id}");
            check_problem(&house.get(&path).await, 404, &path);
            check_problem(&house.delete(&path).await, 404, &path);
            check_problem(&house.patch(&path, json!({"enabled": true})).await, 404, &path);
        }
        check_problem(&house.post(&format!("/admin/v1/keys/{id}/rotate"), json!({})).await, 404, id);
    }
}

#[tokio::test]
async fn queries_are_bounded_and_known() {
    let house = House::start().await;
    for path in ["keys", "teams", "audit", "limits"] {
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=-1", "limit"),
            ("limit=9999999999999999999999", "limit"),
            ("limit=ten", "limit"),
            ("limit=1&limit=2", "limit"),
            ("cursor=!!!", "cursor"),
            ("cursor=", "cursor"),
            ("cursor=AAAA", "cursor"),
            ("cursor=a%00", "cursor"),
            ("page=2", "page"),
            ("%00=1", "\u{0}"),
        ] {
            let answer = house.get(&format!("/admin/v1/{path}?{query}")).await;
            assert_eq!(wrong_fields(&answer), [field], "{path}?{query}");
        }
    }
    let long = format!("/admin/v1/keys?search={}", "x".repeat(501));
    assert_eq!(wrong_fields(&house.get(&long).await), ["search"]);
    assert_eq!(
        wrong_fields(&house.post("/admin/v1/keys?dry_run=1", json!({"name": "a"})).await),
        ["dry_run"]
    );
    assert_eq!(wrong_fields(&house.get("/admin/v1/models?limit=1").await), ["limit"]);
}

#[tokio::test]
async fn wrong_methods_are_told_the_right_ones() {
    let house = House::start().await;
    for (method, path, allowed) in [
        (Method::PUT, "/admin/v1/keys", ["GET", "POST"]),
        (Method::DELETE, "/admin/v1/usage", ["GET", "HEAD"]),
        (Method::POST, "/admin/v1/keys/key_x", ["PATCH", "DELETE"]),
        (Method::TRACE, "/admin/v1/audit", ["GET", "HEAD"]),
        (Method::OPTIONS, "/admin/v1/teams", ["GET", "POST"]),
    ] {
        let answer = send(&house.admin(), method, path, "{}").await;
        check_problem(&answer, 405, path);
        let allow = answer.header("allow").unwrap().to_owned();
        assert!(allowed.iter().all(|method| allow.contains(method)), "{path}: {allow}");
    }
    let team = text(&house.make_team(json!({"name": "t"})).await["id"]);
    let rotate = house.post(&format!("/admin/v1/teams/{team}/rotate"), Value::Null).await;
    check_problem(&rotate, 404, "teams have no secret");
}
