//! Answers as bytes, and how many writes they take.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};

use crate::h1::BodyError;
use crate::h1::server::answer::{Answer, Asked};
use crate::h1::tests::scripted::{Scripted, from_fn};

type Said = UnsyncBoxBody<Bytes, BodyError>;

const KEPT: Asked = Asked { is_head: false, is_old: false, persists: true, offers: false };

fn full(bytes: impl Into<Bytes>) -> Response<Said> {
    Response::new(Full::new(bytes.into()).map_err(Into::into).boxed_unsync())
}

/// A body in those pieces; it is asked again for each empty one.
fn pieces(all: &[&'static str]) -> Response<Said> {
    let mut all: Vec<_> = all.iter().rev().copied().collect();
    let body = from_fn(move |context| match all.pop() {
        Some("") => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
        Some("!") => Poll::Ready(Some(Err(BodyError::from("it failed")))),
        Some(piece) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(piece.as_bytes()))))),
        None => Poll::Ready(None),
    });
    Response::new(body.boxed_unsync())
}

/// Sends it; what was written behind the head, and whether it was whole.
async fn sent(response: Response<Said>, asked: Asked, stream: &mut Scripted) -> (String, bool) {
    let mut answer = Answer::new(response, asked, b"");
    let is_whole = poll_fn(|context| answer.poll_send(context, stream)).await.is_ok();
    let written = String::from_utf8(stream.written.clone()).unwrap();
    (written.split_once("\r\n\r\n").unwrap().1.to_owned(), is_whole)
}

#[tokio::test]
async fn a_head_and_a_small_body_leave_in_one_write() {
    for (response, body) in
        [(full("hello"), "hello"), (pieces(&["hello", ", there"]), "5\r\nhello\r\n7\r\n, there\r\n0\r\n\r\n")]
    {
        let mut stream = Scripted::default();
        assert_eq!(sent(response, KEPT, &mut stream).await, (body.to_owned(), true));
        assert_eq!(stream.writes, 1);
    }
}

#[tokio::test]
async fn what_is_ready_does_not_wait_for_what_is_not() {
    let mut stream = Scripted::default();
    let response = pieces(&["", "a", "b", "", "c"]);
    let expected = "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n";
    assert_eq!(sent(response, KEPT, &mut stream).await, (expected.to_owned(), true));
    assert_eq!(stream.writes, 3, "the head, two pieces, and one with the end");
}

#[tokio::test]
async fn a_peer_that_takes_few_bytes_gets_the_same_bytes() {
    let large = "x".repeat(20_000);
    let makes: [&dyn Fn() -> Response<Said>; 2] =
        [&|| full(large.clone()), &|| pieces(&["a", "bc", "", "def"])];
    for make in makes {
        let (mut fast, mut slow) = (Scripted::default(), Scripted { is_slow: true, ..Scripted::default() });
        assert_eq!(sent(make(), KEPT, &mut slow).await, sent(make(), KEPT, &mut fast).await);
        assert!(slow.writes > fast.writes);
    }
}

#[tokio::test]
async fn a_body_that_fails_is_not_ended_and_what_came_before_is_sent() {
    let mut stream = Scripted::default();
    assert_eq!(sent(pieces(&["half", "!"]), KEPT, &mut stream).await, ("4\r\nhalf\r\n".to_owned(), false));
    // Not as long as it said.
    for (said, body) in [("5", "four"), ("3", "four")] {
        let mut response = pieces(&["four"]);
        response.headers_mut().insert("content-length", said.parse().unwrap());
        let mut stream = Scripted::default();
        let (written, is_whole) = sent(response, KEPT, &mut stream).await;
        assert!(!is_whole && body.starts_with(&written), "{written}");
    }
}

#[tokio::test]
async fn a_body_is_asked_for_more_only_when_what_it_gave_has_left() {
    let given = Arc::new(AtomicUsize::new(0));
    let counted = given.clone();
    let body = from_fn(move |_| {
        counted.fetch_add(1000, Ordering::Relaxed);
        Poll::Ready(Some(Ok::<_, BodyError>(Frame::data(Bytes::from_static(&[b'x'; 1000])))))
    });
    let mut answer = Answer::new(Response::new(body.boxed_unsync()), KEPT, b"");
    // It takes nothing at all.
    let mut stream = Scripted { is_slow: true, ..Scripted::default() };
    for _ in 0..10 {
        stream.waited = false;
        assert!(answer.poll_send(&mut Context::from_waker(Waker::noop()), &mut stream).is_pending());
    }
    assert!(given.load(Ordering::Relaxed) <= 17_000, "{given:?}");
}

#[tokio::test]
async fn rfc_9112_6_how_a_body_ends_is_told_by_us() {
    let told = |response: Response<Said>, asked: Asked| async move {
        let mut stream = Scripted::default();
        sent(response, asked, &mut stream).await;
        let written = String::from_utf8(stream.written).unwrap();
        let lines = written.split("\r\n").filter(|line| {
            ["content-length", "transfer-encoding", "connection"].iter().any(|name| line.starts_with(name))
        });
        lines.collect::<Vec<_>>().join("|")
    };
    let status = |mut response: Response<Said>, status: u16| {
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    };
    let lying = |mut response: Response<Said>| {
        for (name, value) in [("content-length", "77"), ("transfer-encoding", "gzip"), ("connection", "x")] {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        response
    };
    let old = Asked { is_old: true, ..KEPT };
    let head = Asked { is_head: true, ..KEPT };
    let last = Asked { persists: false, ..KEPT };
    assert_eq!(told(full("ok"), KEPT).await, "content-length: 2");
    assert_eq!(told(full(""), KEPT).await, "content-length: 0");
    assert_eq!(told(lying(full("ok")), KEPT).await, "content-length: 2");
    assert_eq!(told(pieces(&["ok"]), KEPT).await, "transfer-encoding: chunked");
    assert_eq!(told(pieces(&["ok"]), old).await, "connection: close");
    assert_eq!(told(full("ok"), old).await, "content-length: 2|connection: keep-alive");
    assert_eq!(told(full("ok"), last).await, "content-length: 2|connection: close");
    assert_eq!(told(full("ok"), head).await, "content-length: 2");
    assert_eq!(told(lying(full("")), head).await, "content-length: 77");
    assert_eq!(told(pieces(&["ok"]), head).await, "");
    assert_eq!(told(status(full("ok"), 204), KEPT).await, "");
    assert_eq!(told(status(lying(full("")), 304), KEPT).await, "content-length: 77");
    assert_eq!(told(status(full("ok"), 304), KEPT).await, "");
}
