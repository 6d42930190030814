//! What could be understood in two ways does not reach a server: requests over HTTP/2 that HTTP/1.1 would read differently.

use tidegate_testkit::http2::{END_HEADERS, END_STREAM, Told, Wire, block, code, kind};

use crate::edge_house::{Heard, header, passing, upstream};
use crate::house::House;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

type Field = (&'static str, &'static str);

const GOOD: [Field; 4] =
    [(":method", "GET"), (":scheme", "http"), (":authority", "app.test"), (":path", "/")];

/// Those pseudo-fields in place of the usual ones.
fn with(changed: &[Field]) -> Vec<Field> {
    let mut fields = GOOD.to_vec();
    for (name, value) in changed {
        match fields.iter_mut().find(|field| field.0 == *name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
    }
    fields
}

/// The usual ones and one more.
fn and(field: Field) -> Vec<Field> {
    [&GOOD[..], &[field]].concat()
}

fn without(name: &str) -> Vec<Field> {
    GOOD.into_iter().filter(|field| field.0 != name).collect()
}

/// A gateway that passes everything on, and what its server hears.
async fn gateway() -> (House, Heard) {
    let (url, heard) = upstream(OK).await;
    (passing(&url).await, heard)
}

/// That each of these is refused as the peer's error and goes nowhere, and that a good request still passes.
async fn refused(requests: &[Vec<Field>]) {
    let (house, heard) = gateway().await;
    for fields in requests {
        let told = Wire::open(house.address).await.unwrap().ask(1, fields).await;
        let is_refused = matches!(
            told,
            Told::Status(400 | 405) | Told::Reset(code::PROTOCOL_ERROR) | Told::GoAway(code::PROTOCOL_ERROR)
        );
        assert!(is_refused, "{fields:?}: {told:?} {heard:?}");
        assert!(heard.lock().unwrap().is_empty(), "{fields:?} was passed on: {heard:?}");
    }
    assert_eq!(Wire::open(house.address).await.unwrap().ask(1, &GOOD).await, Told::Status(200));
    assert_eq!(heard.lock().unwrap().len(), 1, "{heard:?}");
}

#[tokio::test]
async fn rfc_9113_8_2_1_fault_20_names_and_values() {
    let bad = [
        ("X-Upper", "1"),
        ("", "1"),
        ("x y", "1"),
        ("x:y", "1"),
        ("x\r\ny", "1"),
        ("x\0", "1"),
        ("x\u{85}", "1"),
        ("x", "a\r\nhost: evil.test"),
        ("x", "a\nb"),
        ("x", "a\rb"),
        ("x", "a\0b"),
    ];
    refused(&bad.map(and)).await;
}

#[tokio::test]
async fn rfc_9113_8_2_2_fault_20_fields_of_a_connection() {
    let bad = [
        ("connection", "close"),
        ("connection", "x-hop"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("te", "trailers, gzip"),
    ];
    refused(&bad.map(and)).await;
}

#[tokio::test]
async fn rfc_9113_8_3_fault_20_pseudo_fields() {
    let mut bad = vec![
        and((":evil", "1")),
        and((":status", "200")),
        and((":method", "POST")),
        and((":path", "/other")),
        and((":scheme", "https")),
        and((":authority", "evil.test")),
        and((":protocol", "websocket")),
        [&[("x", "1")], &GOOD[..]].concat(),
    ];
    bad.extend([":method", ":scheme", ":path", ":authority"].map(without));
    refused(&bad).await;
}

#[tokio::test]
async fn rfc_9113_8_3_1_fault_20_targets() {
    let paths = [
        "",
        "x",
        "*",
        "http://evil.test/",
        "//evil.test\\@app.test/",
        "/a b",
        "/a\tb",
        "/a\r\nhost: evil.test",
        "/a\0",
        "/%00",
        "/..%2fadmin",
        "/%2e%2e%2fadmin",
        "/a\\b",
        "/../../admin",
        "/a;/../b",
        "/<a>",
    ];
    let mut bad: Vec<_> = paths.map(|path| with(&[(":path", path)])).into();
    let hosts = [
        "u@app.test",
        "a b",
        "app.test/x",
        "app.test#",
        "app.test?x",
        "app.test:x",
        "app.test:99999",
        "a,b",
        "[::1",
        "%61pp.test",
    ];
    bad.extend(hosts.map(|host| with(&[(":authority", host)])));
    bad.push(with(&[(":method", "G T")]));
    bad.push(with(&[(":method", "")]));
    bad.push(with(&[(":method", "TRACE")]));
    bad.push(with(&[(":method", "CONNECT")]));
    bad.push(with(&[(":scheme", "ftp")]));
    bad.push(with(&[(":scheme", "h p")]));
    refused(&bad).await;
}

#[tokio::test]
async fn rfc_9113_8_3_1_fault_11_an_authority_and_a_host_that_differ() {
    let several = [&without(":authority")[..], &[("host", "app.test"), ("host", "app.test")]].concat();
    refused(&[and(("host", "evil.test")), and(("host", "app.test:81")), and(("host", "")), several]).await;
    let (house, heard) = gateway().await;
    let only_host = [&without(":authority")[..], &[("host", "app.test")]].concat();
    for fields in [and(("host", "APP.test")), only_host] {
        assert_eq!(Wire::open(house.address).await.unwrap().ask(1, &fields).await, Told::Status(200));
        let request = heard.lock().unwrap().pop().unwrap();
        assert_eq!(request.to_ascii_lowercase().matches("\r\nhost: app.test\r\n").count(), 1, "{request}");
    }
}

#[tokio::test]
async fn rfc_9113_8_1_1_fault_20_lengths() {
    let numbers = ["5", "+0", "-1", "0x0", "0, 0", "", "18446744073709551616"];
    refused(&numbers.map(|length| and(("content-length", length)))).await;
    refused(&[[&GOOD[..], &[("content-length", "0"), ("content-length", "1")]].concat()]).await;
    // Less and more than was said.
    let (house, heard) = gateway().await;
    for data in ["four", "sixsix"] {
        let mut wire = Wire::open(house.address).await.unwrap();
        let fields = [&with(&[(":method", "POST")])[..], &[("content-length", "5")]].concat();
        wire.send(kind::HEADERS, END_HEADERS, 1, &block(&fields)).await.unwrap();
        wire.send(kind::DATA, END_STREAM, 1, data.as_bytes()).await.unwrap();
        assert_eq!(wire.told(1).await, Told::Reset(code::PROTOCOL_ERROR), "{data}");
    }
    let whole: Vec<_> = heard.lock().unwrap().iter().filter(|request| request.len() > 4).cloned().collect();
    assert!(whole.is_empty(), "{whole:?}");
}

/// Pseudo-fields among trailers are dropped before anybody here sees them; all else that does not belong there is an error.
#[tokio::test]
async fn rfc_9113_8_1_fault_20_trailers() {
    for trailer in [("X-Upper", "1"), ("x", "a\r\nb"), ("transfer-encoding", "chunked"), (":path", "/evil")] {
        let (house, heard) = gateway().await;
        let mut wire = Wire::open(house.address).await.unwrap();
        wire.send(kind::HEADERS, END_HEADERS, 1, &block(&with(&[(":method", "POST")]))).await.unwrap();
        wire.send(kind::DATA, 0, 1, b"body").await.unwrap();
        wire.send(kind::HEADERS, END_STREAM | END_HEADERS, 1, &block(&[trailer])).await.ok();
        let told = wire.told(1).await;
        let heard = heard.lock().unwrap().concat();
        assert!(
            matches!(told, Told::Reset(_) | Told::GoAway(_)) || !heard.contains(trailer.1),
            "{trailer:?}: {told:?} {heard}"
        );
    }
}

/// A fragment is cut off before anybody here sees the target: what the routes see is what the server gets.
#[tokio::test]
async fn rfc_9110_4_2_5_fault_11_a_fragment_reaches_no_server() {
    let (house, heard) = gateway().await;
    for path in ["/a#/../admin", "/a?x#@evil.test"] {
        Wire::open(house.address).await.unwrap().ask(1, &with(&[(":path", path)])).await;
    }
    for request in heard.lock().unwrap().iter() {
        let target = request.split(' ').nth(1).unwrap();
        assert!(matches!(target, "/a" | "/a?x"), "{request}");
        assert_eq!(header(request, "host"), Some("app.test"));
    }
}
