//! Requests and answers on one connection.

use std::convert::Infallible;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::Request;
use http_body::Frame;

use super::scripted::Step::{Come, Reset, Wait};
use super::scripted::{Scripted, Step, body, from_fn, head};
use crate::h1::connection::Connection;
use crate::h1::write::Message;
use crate::h1::{Error, Outgoing};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn post(body: Outgoing) -> Message {
    Message::new(Request::post("/x").header("host", "h").body(body).unwrap())
}

fn small() -> Message {
    post(Outgoing::full("hello".into()))
}

fn large() -> Message {
    post(Outgoing::full(vec![b'x'; 100_000].into()))
}

fn asking(stream: Scripted, message: Message) -> Connection<Scripted> {
    let mut connection = Connection::new(stream);
    connection.begin(message);
    connection
}

/// Asks, and gives what became of the connection besides.
async fn ask(steps: impl IntoIterator<Item = Step>, message: Message) -> (Result<Vec<u8>, Error>, bool) {
    let mut connection = asking(Scripted::new(steps), message);
    let read = match head(&mut connection).await {
        Ok(_) => body(&mut connection).await,
        Err(error) => Err(error),
    };
    (read, connection.can_go_on())
}

#[tokio::test]
async fn one_connection_carries_one_exchange_after_the_other() {
    let mut connection = Connection::new(Scripted::new([Wait, Come(OK), Wait, Wait, Come(OK)]));
    for _ in 0..2 {
        assert!(connection.is_quiet());
        connection.begin(small());
        head(&mut connection).await.unwrap();
        assert_eq!(body(&mut connection).await.unwrap(), b"ok");
        assert!(connection.can_go_on());
    }
    assert!(!connection.is_quiet(), "its end was not noticed");
}

#[tokio::test]
async fn fault_59_an_idle_connection_that_said_or_did_something_is_not_used_again() {
    for step in [Some(Come(b"HTTP/1.1 408 Request Timeout\r\n")), Some(Come(OK)), Some(Reset), None] {
        let mut connection = asking(Scripted::new([Come(OK)]), small());
        head(&mut connection).await.unwrap();
        body(&mut connection).await.unwrap();
        assert!(connection.can_go_on());
        let (mut stream, _) = connection.into_parts();
        stream.steps.extend(step);
        assert!(!Connection::new(stream).is_quiet());
    }
}

#[tokio::test]
async fn fault_59_what_has_not_begun_to_leave_can_go_over_another_connection() {
    let mut connection = asking(Scripted { takes: Some(0), ..Scripted::new([Wait]) }, small());
    assert!(matches!(head(&mut connection).await, Err(Error::Io(_))));
    let untouched = connection.take_untouched().expect("it has left");
    let mut connection = asking(Scripted::new([Come(OK)]), untouched);
    head(&mut connection).await.unwrap();
    assert!(connection.into_parts().0.written.ends_with(b"hello"));
}

#[tokio::test]
async fn fault_59_what_has_begun_to_leave_is_not_given_back() {
    for (takes, steps) in [(Some(9), vec![]), (Some(9), vec![Reset]), (None, vec![Wait]), (None, vec![Reset])]
    {
        let mut connection = asking(Scripted { takes, ..Scripted::new(steps) }, small());
        assert!(head(&mut connection).await.is_err_and(|error| error.is_breakage()));
        assert!(connection.take_untouched().is_none() && !connection.has_heard() && !connection.can_go_on());
    }
}

#[tokio::test]
async fn an_answer_that_comes_before_the_request_has_left_is_told_and_ends_the_connection() {
    // The upstream takes the beginning, says that it is enough, and closes.
    let refusal = b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno";
    let stream = Scripted { takes: Some(5000), ..Scripted::new([Wait, Come(refusal)]) };
    let mut connection = asking(stream, large());
    assert_eq!(head(&mut connection).await.unwrap().status(), 413);
    assert_eq!(body(&mut connection).await.unwrap(), b"no");
    assert!(!connection.can_go_on());
    // It still reads, slowly: what is not needed any more is not sent.
    let mut connection = asking(Scripted { is_slow: true, ..Scripted::new([Wait, Come(refusal)]) }, large());
    assert_eq!(head(&mut connection).await.unwrap().status(), 413);
    assert_eq!(body(&mut connection).await.unwrap(), b"no");
    assert!(!connection.can_go_on());
}

#[tokio::test]
async fn a_body_is_sent_on_while_its_answer_is_read() {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
    let pieces = from_fn(move |context| {
        receiver.poll_recv(context).map(|piece| piece.map(|piece| Ok::<_, Infallible>(Frame::data(piece))))
    });
    let begin = Come(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n");
    let stream = Scripted::new([Wait, begin, Wait, Wait, Come(b"0\r\n\r\n")]);
    let mut connection = asking(stream, post(Outgoing::stream(pieces)));
    sender.send("one".into()).unwrap();
    head(&mut connection).await.unwrap();
    let mut context = Context::from_waker(Waker::noop());
    assert!(connection.poll_piece(&mut context).is_ready());
    sender.send("two".into()).unwrap();
    assert!(connection.poll_piece(&mut context).is_pending());
    drop(sender);
    assert!(body(&mut connection).await.unwrap().is_empty());
    assert!(connection.can_go_on(), "both sides are done");
    let written = String::from_utf8(connection.into_parts().0.written).unwrap();
    assert!(written.ends_with("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"), "{written}");
}

#[tokio::test]
async fn a_request_whose_body_fails_is_an_error_at_once() {
    let steps = [Ok::<_, &str>(Frame::data(Bytes::from("x"))), Err("gone")];
    let mut steps = steps.into_iter();
    let pieces = from_fn(move |_| Poll::Ready(steps.next()));
    let (read, can_go_on) = ask([Wait, Come(OK)], post(Outgoing::stream(pieces))).await;
    assert!(matches!(read, Err(Error::Request(cause)) if cause.to_string() == "gone") && !can_go_on);
}

#[tokio::test]
async fn who_asks_to_close_is_closed() {
    let request =
        Request::get("/").header("connection", "x, Close").body(Outgoing::full(Bytes::new())).unwrap();
    let (read, can_go_on) = ask([Come(OK)], Message::new(request)).await;
    assert!(read.unwrap() == b"ok" && !can_go_on);
}

#[tokio::test]
async fn bytes_behind_an_answer_are_never_the_next_answer() {
    let (read, can_go_on) = ask([Come(OK), Come(OK)], small()).await;
    assert!(read.unwrap() == b"ok" && can_go_on, "they have not come yet");
    let both: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n";
    let (read, can_go_on) = ask([Come(both)], small()).await;
    assert!(read.unwrap() == b"ok" && !can_go_on);
}

#[tokio::test]
async fn rfc9110_7_8_the_stream_of_a_switch_is_given_back_with_what_was_read() {
    let request = Request::get("/").header("upgrade", "x").body(Outgoing::full(Bytes::new())).unwrap();
    let switch = Come(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\nfirst");
    let mut connection = asking(Scripted::new([Wait, switch]), Message::new(request));
    assert_eq!(head(&mut connection).await.unwrap().status(), 101);
    assert!(!connection.can_go_on());
    let (_, read) = connection.into_tunnel().expect("it is none");
    assert_eq!(&read[..], b"first");
    // Without a switch, it stays HTTP.
    let mut connection = asking(Scripted::new([Come(OK)]), small());
    head(&mut connection).await.unwrap();
    assert!(connection.into_tunnel().is_none());
}

#[tokio::test]
async fn a_connection_that_waits_or_is_idle_holds_no_buffer() {
    let begin = Come(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n");
    let mut connection = asking(Scripted::new([begin, Wait, Come(b"0\r\n\r\n")]), large());
    head(&mut connection).await.unwrap();
    let mut context = Context::from_waker(Waker::noop());
    drop(connection.poll_piece(&mut context));
    assert!(connection.poll_piece(&mut context).is_pending());
    assert_eq!(connection.held(), 0);
    body(&mut connection).await.unwrap();
    assert!(connection.can_go_on());
    assert_eq!(connection.held(), 0);
}
