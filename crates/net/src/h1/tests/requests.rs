//! Requests as bytes.

use std::convert::Infallible;
use std::task::Poll;

use bytes::Bytes;
use http::Request;
use http_body::Frame;
use http_body_util::Full;
use tidegate_core::pieces::Pieces;

use super::scripted::{Scripted, Step, from_fn};
use crate::h1::Outgoing;
use crate::h1::connection::Connection;
use crate::h1::write::Message;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// What is written, and with how many calls.
async fn written(request: Request<Outgoing>, is_slow: bool) -> (String, usize) {
    let steps = (0..if is_slow { 100_000 } else { 0 }).map(|_| Step::Wait).chain([Step::Come(OK)]);
    let mut connection = Connection::new(Scripted { is_slow, ..Scripted::new(steps) });
    connection.begin(Message::new(request));
    super::scripted::head(&mut connection).await.unwrap();
    assert!(connection.can_go_on(), "it has not left whole");
    let (stream, _) = connection.into_parts();
    (String::from_utf8(stream.written).unwrap(), stream.writes)
}

fn post(body: Outgoing) -> Request<Outgoing> {
    // What a request says of its own framing does not count.
    Request::post("/v1/chat?a=b")
        .header("accept", "*/*")
        .header("content-length", "7")
        .header("transfer-encoding", "gzip")
        .header("host", "example.com:8080")
        .header("x-a", "1")
        .header("x-a", "2")
        .body(body)
        .unwrap()
}

const HEAD: &str =
    "POST /v1/chat?a=b HTTP/1.1\r\nhost: example.com:8080\r\naccept: */*\r\nx-a: 1\r\nx-a: 2\r\n";

#[tokio::test]
async fn a_small_body_leaves_with_its_head_in_one_piece() {
    let told = format!("{HEAD}content-length: 5\r\n\r\nhello");
    assert_eq!(written(post(Outgoing::full("hello".into())), false).await, (told.clone(), 1));
    assert_eq!(written(post(Outgoing::full("hello".into())), true).await.0, told);
}

#[tokio::test]
async fn a_large_body_leaves_with_its_head_in_one_call() {
    let body = "x".repeat(20_000);
    let told = format!("{HEAD}content-length: 20000\r\n\r\n{body}");
    assert_eq!(written(post(Outgoing::full(body.clone().into())), false).await, (told.clone(), 1));
    assert_eq!(written(post(Outgoing::full(body.into())), true).await.0, told);
}

#[tokio::test]
async fn pieces_leave_in_their_order_the_small_ones_with_the_head() {
    let long = "x".repeat(100_000);
    let body = || {
        let mut pieces = Pieces::from(Bytes::from_static(b"small"));
        pieces.push(long.clone().into());
        pieces.push(Bytes::from_static(b"end"));
        Outgoing::pieces(pieces)
    };
    let told = format!("{HEAD}content-length: 100008\r\n\r\nsmall{long}end");
    assert_eq!(written(post(body()), false).await, (told.clone(), 2));
    assert_eq!(written(post(body()), true).await.0, told);
}

#[tokio::test]
async fn rfc9112_6_a_streamed_body_is_counted_when_its_size_is_known_and_chunked_otherwise() {
    let known = || Outgoing::stream(Full::new(Bytes::from("hello")));
    let unknown = || {
        let mut pieces = ["hello, w", "", "orld"].into_iter();
        Outgoing::stream(from_fn(move |_| {
            Poll::Ready(pieces.next().map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::from(piece)))))
        }))
    };
    for is_slow in [false, true] {
        let told = format!("{HEAD}content-length: 5\r\n\r\nhello");
        assert_eq!(written(post(known()), is_slow).await.0, told);
        let told = format!("{HEAD}transfer-encoding: chunked\r\n\r\n8\r\nhello, w\r\n4\r\norld\r\n0\r\n\r\n");
        assert_eq!(written(post(unknown()), is_slow).await.0, told);
    }
}

#[tokio::test]
async fn rfc9110_8_6_no_body_is_told_where_one_is_expected() {
    for (method, told) in [
        ("POST", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n"),
        ("GET", "GET / HTTP/1.1\r\nhost: h\r\n\r\n"),
        ("DELETE", "DELETE / HTTP/1.1\r\nhost: h\r\n\r\n"),
        ("OPTIONS", "OPTIONS / HTTP/1.1\r\nhost: h\r\n\r\n"),
    ] {
        let request = Request::builder().method(method).uri("/").header("host", "h");
        assert_eq!(written(request.body(Outgoing::full(Bytes::new())).unwrap(), false).await.0, told);
    }
}

#[tokio::test]
async fn rfc9110_9_3_6_connect_names_the_authority() {
    let request = Request::connect("example.com:443").header("host", "example.com:443");
    let mut connection = Connection::new(Scripted::new([Step::Come(b"HTTP/1.1 200 OK\r\n\r\nfirst")]));
    connection.begin(Message::new(request.body(Outgoing::full(Bytes::new())).unwrap()));
    super::scripted::head(&mut connection).await.unwrap();
    let (stream, read) = connection.into_tunnel().expect("it is no tunnel");
    assert_eq!(stream.written, b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n");
    assert_eq!(&read[..], b"first");
}
