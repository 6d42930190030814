//! HTTP/1 through a door, byte by byte as callers see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use tidegate_net::{Answering, Door, Handler, Incoming, Pace, Peer, ServeLimits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

use crate::house::House;

const PATIENCE: Duration = Duration::from_secs(20);

type Fault = Box<dyn std::error::Error + Send + Sync>;
type Said = UnsyncBoxBody<Bytes, Fault>;

/// Does what the path says.
struct Actor {
    /// How many requests there were.
    asked: AtomicUsize,
    /// How many have been given up.
    given_up: watch::Sender<usize>,
    /// Pieces for `/pieces`.
    pieces: tokio::sync::Mutex<mpsc::Receiver<Result<Frame<Bytes>, Fault>>>,
}

struct GivesUp(watch::Sender<usize>);

impl Drop for GivesUp {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count += 1);
    }
}

fn said<B>(body: B) -> Said
where
    B: Body<Data = Bytes, Error: Into<Fault>> + Send + 'static,
{
    body.map_err(Into::into).boxed_unsync()
}

fn full(bytes: impl Into<Bytes>) -> Said {
    said(Full::new(bytes.into()))
}

impl Handler for Actor {
    type Body = Said;

    fn handle(self: Arc<Self>, request: Request<Incoming>, _: Peer) -> Answering<Said> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let (head, body) = request.into_parts();
            let path = head.uri.path();
            match path {
                "/echo" => match body.collect().await {
                    Ok(all) => Response::new(full(all.to_bytes())),
                    Err(error) => {
                        let mut answer = Response::new(full(error.to_string()));
                        *answer.status_mut() = StatusCode::BAD_REQUEST;
                        answer
                    }
                },
                "/elsewhere" => {
                    let read = tokio::spawn(async move { body.collect().await.unwrap().to_bytes() });
                    Response::new(full(read.await.unwrap()))
                }
                "/pipe" => Response::new(said(body)),
                "/hang" => {
                    let _given_up = GivesUp(self.given_up.clone());
                    std::future::pending().await
                }
                "/hang-answer" => {
                    let given_up = GivesUp(self.given_up.clone());
                    let pieces = stream::pending::<Result<Frame<Bytes>, Fault>>().map(move |piece| {
                        let _ = &given_up;
                        piece
                    });
                    Response::new(said(StreamBody::new(pieces)))
                }
                "/pieces" => {
                    let this = self.clone();
                    let pieces = stream::unfold(this, |this| async move {
                        let piece = this.pieces.lock().await.recv().await?;
                        Some((piece, this))
                    });
                    Response::new(said(StreamBody::new(pieces)))
                }
                _ => {
                    let mut answer = Response::new(full(path.to_owned()));
                    if let Some(status) = path.strip_prefix("/status/") {
                        *answer.status_mut() = status.parse().unwrap();
                    }
                    answer
                }
            }
        })
    }
}

type Pieces = mpsc::Sender<Result<Frame<Bytes>, Fault>>;

fn house(limits: ServeLimits) -> (House, Arc<Actor>, Pieces) {
    let (sender, pieces) = mpsc::channel(100);
    let actor = Arc::new(Actor {
        asked: AtomicUsize::new(0),
        given_up: watch::Sender::new(0),
        pieces: tokio::sync::Mutex::new(pieces),
    });
    (House::open_with(|listener| Door::new(listener).limits(limits), actor.clone()), actor, sender)
}

fn usual() -> (House, Arc<Actor>, Pieces) {
    house(ServeLimits::default())
}

/// Sends that, and reads until the door ends the connection.
async fn told(house: &House, bytes: &[u8]) -> String {
    let mut stream = house.connect().await;
    stream.write_all(bytes).await.unwrap();
    rest(&mut stream).await
}

/// Reads to the end.
async fn rest(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut read)).await.expect("it is kept").unwrap();
    String::from_utf8(read).unwrap()
}

/// Reads until it ends like that.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    let reading = async {
        while !read.ends_with(end.as_bytes()) {
            read.push(stream.read_u8().await.unwrap());
        }
    };
    let ended = tokio::time::timeout(PATIENCE, reading).await;
    let read = String::from_utf8(read).unwrap();
    assert!(ended.is_ok(), "{read}");
    read
}

fn bodies(told: &str) -> Vec<&str> {
    told.split("HTTP/1.1 ").skip(1).map(|answer| answer.split_once("\r\n\r\n").unwrap().1).collect()
}

#[tokio::test]
async fn fault_13_pipelined_requests_are_answered_in_order_up_to_the_first_that_is_invalid() {
    let (house, actor, _) = usual();
    let mut asked = String::new();
    for at in 0..100 {
        match at {
            60 => {
                asked +=
                    "GET /60 HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"
            }
            _ if at % 3 == 0 => {
                asked += &format!("POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\n{at:03}");
            }
            _ if at % 3 == 1 => {
                let chunks = format!("2\r\n{:02}\r\n1\r\n{}\r\n0\r\n\r\n", at / 10, at % 10);
                asked +=
                    &format!("POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{chunks}");
            }
            _ => asked += &format!("GET /{at:03} HTTP/1.1\r\nhost: h\r\n\r\n"),
        }
    }
    let told = told(&house, asked.as_bytes()).await;
    let bodies = bodies(&told);
    assert_eq!((bodies.len(), actor.asked.load(Ordering::Relaxed)), (61, 60));
    for (at, body) in bodies[..60].iter().enumerate() {
        assert_eq!(body.trim_start_matches('/'), format!("{at:03}"));
    }
    assert!(told.contains("HTTP/1.1 400 Bad Request\r\n") && told.ends_with("Content-Length.\n"), "{told}");
}

#[tokio::test]
async fn refusals_say_why_and_close() {
    let (house, actor, _) = usual();
    for (asked, status) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "400 Bad Request"),
        (b"GET / HTTP/3.0\r\n\r\n".to_vec(), "505 HTTP Version Not Supported"),
        (b"\x16\x03\x01\x02".to_vec(), "400 Bad Request"),
        (format!("GET /{} HTTP/1.1\r\n", "x".repeat(1 << 20)).into_bytes(), "414 URI Too Long"),
        (
            format!("GET / HTTP/1.1\r\nx: {}\r\n", "x".repeat(1 << 20)).into_bytes(),
            "431 Request Header Fields Too Large",
        ),
    ] {
        let told = told(&house, &asked).await;
        assert!(told.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{told}");
        assert!(told.contains("\r\nconnection: close\r\n") && told.contains("\r\ndate: "), "{told}");
    }
    assert_eq!(actor.asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn fault_09_what_hides_in_a_body_that_nobody_reads_is_not_asked() {
    let (house, actor, _) = usual();
    let hidden = "GET /hidden HTTP/1.1\r\nhost: h\r\n\r\n";
    let length = hidden.len();
    let asked = format!(
        "POST /a HTTP/1.1\r\nhost: h\r\ncontent-length: {length}\r\n\r\n{hidden}\
        POST /b HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n\
        GET /c HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"
    );
    let answers = told(&house, asked.as_bytes()).await;
    assert_eq!(bodies(&answers), ["/a", "/b", "/c"]);
    assert_eq!(actor.asked.load(Ordering::Relaxed), 3);
    // One byte after the other, the body is not there when the answer is.
    let mut stream = house.connect().await;
    stream.set_nodelay(true).unwrap();
    for byte in asked.bytes() {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(bodies(&rest(&mut stream).await), ["/a", "/b", "/c"]);
}

#[tokio::test]
async fn fault_09_a_large_body_that_nobody_reads_ends_the_connection_and_the_answer_is_read() {
    let (house, actor, _) = usual();
    let mut asked = b"POST /a HTTP/1.1\r\nhost: h\r\ncontent-length: 4000000\r\n\r\n".to_vec();
    asked.resize(asked.len() + 4_000_000, b'x');
    asked.extend(b"GET /hidden HTTP/1.1\r\nhost: h\r\n\r\n");
    let told = told(&house, &asked).await;
    assert!(told.contains("\r\nconnection: close\r\n") && told.ends_with("\r\n\r\n/a"), "{told}");
    assert_eq!(actor.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn fault_14_rfc_9110_10_1_1_a_body_is_asked_for_only_when_it_is_read() {
    let (house, ..) = usual();
    let mut stream = house.connect().await;
    let asked = b"POST /echo HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
    stream.write_all(asked).await.unwrap();
    assert_eq!(until(&mut stream, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"ok").await.unwrap();
    assert!(until(&mut stream, "\r\n\r\nok").await.starts_with("HTTP/1.1 200 OK\r\n"));
    // Nobody reads it: the answer, and no more.
    stream
        .write_all(b"POST /a HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        .await
        .unwrap();
    let told = rest(&mut stream).await;
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n") && told.contains("\r\nconnection: close\r\n"), "{told}");
    // It has come already.
    let told = told_twice(&house, "expect: 100-continue\r\n", "1.1").await;
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
    let told = told_twice(&house, "expect: 100-continue\r\nconnection: keep-alive\r\n", "1.0").await;
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
}

async fn told_twice(house: &House, headers: &str, version: &str) -> String {
    let asked = format!("POST /echo HTTP/{version}\r\nhost: h\r\n{headers}content-length: 2\r\n\r\nok");
    let told = told(house, format!("{asked}GET / HTTP/1.0\r\n\r\n").as_bytes()).await;
    assert_eq!(bodies(&told), ["ok", "/"]);
    told
}

#[tokio::test]
async fn http_1_0_never_gets_an_interim_answer() {
    let (house, ..) = usual();
    let mut stream = house.connect().await;
    stream
        .write_all(b"POST /echo HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        .await
        .unwrap();
    tokio::task::yield_now().await;
    stream.write_all(b"ok").await.unwrap();
    let told = rest(&mut stream).await;
    assert!(told.starts_with("HTTP/1.1 200 ") && told.ends_with("\r\n\r\nok"), "{told}");
}

#[tokio::test]
async fn fault_63_a_caller_that_has_gone_is_noticed_while_its_request_is_worked_on_and_answered() {
    let (house, actor, _) = usual();
    let mut given_up = actor.given_up.subscribe();
    let mut count = 0;
    for path in ["/hang", "/hang-answer"] {
        for resets in [true, false] {
            let mut stream = house.connect().await;
            let asked = format!("GET {path} HTTP/1.1\r\nhost: h\r\n\r\n");
            stream.write_all(asked.as_bytes()).await.unwrap();
            if path == "/hang-answer" {
                until(&mut stream, "\r\n\r\n").await;
            }
            while actor.asked.load(Ordering::Relaxed) == count {
                tokio::task::yield_now().await;
            }
            count += 1;
            if resets {
                socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            }
            drop(stream);
            let waited = given_up.wait_for(|given_up| *given_up == count);
            tokio::time::timeout(PATIENCE, waited).await.expect("it is still worked on").unwrap();
        }
    }
}

#[tokio::test]
async fn fault_66_a_caller_that_only_ends_its_sending_is_answered_where_that_is_allowed() {
    let (house, ..) = house(ServeLimits { allow_half_close: true, ..ServeLimits::default() });
    let mut stream = house.connect().await;
    let asked = "POST /elsewhere HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nokGET /a HTTP/1.1\r\nhost: h\r\n\r\n";
    stream.write_all(asked.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(bodies(&rest(&mut stream).await), ["ok", "/a"]);
    let mut stream = house.connect().await;
    stream.write_all(b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 20\r\n\r\nok").await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn a_caller_that_says_more_meanwhile_is_read_no_further_than_a_bound() {
    let (house, ..) = usual();
    let mut stream = house.connect().await;
    stream.write_all(b"GET /hang HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    let mut sent = 0;
    let full = async {
        loop {
            sent += stream.write(&[b'x'; 1 << 16]).await.unwrap();
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(1), full).await.is_err());
    assert!(sent < 16 << 20, "{sent} bytes were taken that nobody reads");
}

#[tokio::test]
async fn rfc_9112_9_3_the_answer_says_what_becomes_of_the_connection() {
    let (house, ..) = usual();
    let told =
        told(&house, b"GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n").await;
    assert_eq!(bodies(&told), ["/a", "/b"]);
    let (first, second) = told.split_once("/a").unwrap();
    assert!(first.contains("\r\nconnection: keep-alive\r\n"), "{told}");
    assert!(second.contains("\r\nconnection: close\r\n"), "{told}");
}

#[tokio::test]
async fn rfc_9112_6_3_some_answers_have_no_body() {
    let (house, ..) = usual();
    let mut asked = String::new();
    for (method, path) in [("HEAD", "/ab"), ("GET", "/status/204"), ("GET", "/status/304"), ("GET", "/last")]
    {
        asked += &format!("{method} {path} HTTP/1.1\r\nhost: h\r\n\r\n");
    }
    let mut stream = house.connect().await;
    stream.write_all(asked.as_bytes()).await.unwrap();
    let told = until(&mut stream, "/last").await;
    assert_eq!(bodies(&told), ["", "", "", "/last"]);
    let lengths: Vec<_> = told.lines().filter(|line| line.starts_with("content-length")).collect();
    assert_eq!(lengths, ["content-length: 3", "content-length: 5"]);
}

#[tokio::test]
async fn a_piece_leaves_when_it_has_come_and_pieces_that_came_together_leave_together() {
    let (house, _, pieces) = usual();
    let data = |text: &'static str| Ok(Frame::data(Bytes::from_static(text.as_bytes())));
    let mut stream = house.connect().await;
    stream.write_all(b"GET /pieces HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    let head = until(&mut stream, "\r\n\r\n").await;
    assert!(head.contains("\r\ntransfer-encoding: chunked\r\n"), "{head}");
    pieces.try_send(data("one")).unwrap();
    until(&mut stream, "3\r\none\r\n").await;
    for piece in ["two", "", "three"] {
        pieces.try_send(data(piece)).unwrap();
    }
    let mut read = [0; 64];
    let count = stream.read(&mut read).await.unwrap();
    assert_eq!(std::str::from_utf8(&read[..count]).unwrap(), "3\r\ntwo\r\n5\r\nthree\r\n");
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "7".parse().unwrap());
    trailers.insert("content-length", "7".parse().unwrap());
    pieces.try_send(Ok(Frame::trailers(trailers))).unwrap();
    assert_eq!(until(&mut stream, "\r\n\r\n").await, "0\r\nx-sum: 7\r\n\r\n");
}

#[tokio::test]
async fn an_answer_whose_body_fails_is_cut_behind_what_came_before() {
    let (house, _, pieces) = usual();
    let fail = || {
        pieces.try_send(Ok(Frame::data(Bytes::from_static(b"half")))).unwrap();
        pieces.try_send(Err("it failed".into())).unwrap();
    };
    fail();
    let told = told(&house, b"GET /pieces HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert!(told.ends_with("\r\n\r\n4\r\nhalf\r\n"), "{told}");
    // Without chunks, only a reset is no end.
    let mut stream = house.connect().await;
    stream.write_all(b"GET /pieces HTTP/1.0\r\n\r\n").await.unwrap();
    let head = until(&mut stream, "\r\n\r\n").await;
    assert!(head.contains("\r\nconnection: close\r\n") && !head.contains("chunked"), "{head}");
    fail();
    assert!(stream.read_to_end(&mut Vec::new()).await.is_err(), "it looks whole");
}

#[tokio::test]
async fn bodies_come_as_they_are_read_on_whatever_task() {
    let (house, ..) = usual();
    let much: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    for path in ["/echo", "/elsewhere", "/pipe"] {
        for chunked in [false, true] {
            let mut asked = format!("POST {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n").into_bytes();
            if chunked {
                asked.extend(b"transfer-encoding: chunked\r\n\r\n");
                for chunk in much.chunks(70_001) {
                    asked.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                    asked.extend(chunk);
                    asked.extend(b"\r\n");
                }
                asked.extend(b"0\r\n\r\n");
            } else {
                asked.extend(format!("content-length: {}\r\n\r\n", much.len()).into_bytes());
                asked.extend(&much);
            }
            let mut stream = house.connect().await;
            let (mut read, mut write) = stream.split();
            let mut told = Vec::new();
            let both = async { tokio::join!(write.write_all(&asked), read.read_to_end(&mut told)) };
            let (sent, read) = tokio::time::timeout(PATIENCE, both).await.expect("it stands still");
            assert!(sent.is_ok() && read.is_ok(), "{path} {chunked}");
            assert!(told.len() > much.len(), "{path} {chunked}");
            if !(path == "/pipe" && chunked) {
                assert!(told.ends_with(&much), "{path} {chunked}");
            }
        }
    }
}

#[tokio::test]
async fn fault_22_half_a_head_and_silence_are_waited_for_no_longer_than_the_limit() {
    let (house, ..) =
        house(ServeLimits { header_read: Duration::from_millis(300), ..ServeLimits::default() });
    assert_eq!(told(&house, b"").await, "");
    let late = told(&house, b"GET / HTTP/1.1\r\nho").await;
    assert!(late.starts_with("HTTP/1.1 408 "), "{late}");
    let idle = told(&house, b"GET /a HTTP/1.1\r\nhost: h\r\n\r\n").await;
    assert!(idle.ends_with("/a"), "{idle}");
    let second = told(&house, b"GET /a HTTP/1.1\r\nhost: h\r\n\r\nGET ").await;
    assert!(second.contains("/aHTTP/1.1 408 "), "{second}");
}

#[tokio::test]
async fn fault_22_a_body_that_comes_too_slowly_is_given_up() {
    let sending = Pace { window: Duration::from_millis(400), least: 100 };
    let (house, ..) = house(ServeLimits { sending, ..ServeLimits::default() });
    let mut stream = house.connect().await;
    stream.write_all(b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 10000\r\n\r\n").await.unwrap();
    let drip = async {
        loop {
            stream.write_all(b"x").await?;
            let mut one = [0];
            if let Some(read) = stream.read(&mut one).now_or_never() {
                return read.map(|count| count > 0);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let answered = tokio::time::timeout(PATIENCE, drip).await.expect("it is still waited for");
    assert!(answered.unwrap());
    let told = until(&mut stream, "too slowly").await;
    assert!(told.starts_with("TTP/1.1 400 ") && told.contains("\r\nconnection: close\r\n"), "{told}");
}

#[tokio::test]
async fn a_drain_ends_connections_behind_the_answer_under_way_and_idle_ones_soon() {
    let (house, actor, pieces) = usual();
    let mut idle = house.connect().await;
    idle.write_all(b"GET /a HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    until(&mut idle, "/a").await;
    let mut busy = house.connect().await;
    busy.write_all(b"GET /pieces HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    until(&mut busy, "\r\n\r\n").await;
    let mut asking = house.connect().await;
    let asked = b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n";
    asking.write_all(asked).await.unwrap();
    while actor.asked.load(Ordering::Relaxed) < 3 {
        tokio::task::yield_now().await;
    }
    house.drain.start();
    assert_eq!(rest(&mut idle).await, "");
    asking.write_all(b"ok").await.unwrap();
    assert!(rest(&mut asking).await.contains("\r\nconnection: close\r\n"));
    pieces.try_send(Ok(Frame::data(Bytes::from_static(b"last")))).unwrap();
    drop(pieces);
    assert!(rest(&mut busy).await.ends_with("4\r\nlast\r\n0\r\n\r\n"));
    tokio::time::timeout(PATIENCE, house.served).await.expect("it still waits").unwrap();
}

#[tokio::test]
async fn fault_93_a_kept_connection_was_closed_at_a_hand_over_just_before_its_next_request() {
    let (house, ..) = usual();
    let ask = b"GET /a HTTP/1.1\r\nhost: h\r\n\r\n";
    let mut idle = house.connect().await;
    idle.write_all(ask).await.unwrap();
    assert!(!until(&mut idle, "/a").await.contains("connection: close"));
    let mut silent = house.connect().await;
    // Once this one is answered, the one before it has been accepted.
    told(&house, b"GET /a HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
    house.drain.hand_over();
    // A drain that ends idle connections does so within this time.
    assert!(tokio::time::timeout(Duration::from_millis(1500), idle.read_u8()).await.is_err());
    for stream in [&mut idle, &mut silent] {
        stream.write_all(ask).await.unwrap();
        let last = rest(stream).await;
        assert!(last.contains("\r\nconnection: close\r\n") && last.ends_with("/a"), "{last}");
    }
    tokio::time::timeout(PATIENCE, house.served).await.expect("it still waits").unwrap();
}

#[tokio::test]
async fn a_kept_connection_that_was_handed_over_is_kept_no_longer_than_ever_and_not_reset() {
    let (house, ..) =
        house(ServeLimits { header_read: Duration::from_millis(300), ..ServeLimits::default() });
    let mut idle = house.connect().await;
    idle.write_all(b"GET /a HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    until(&mut idle, "/a").await;
    house.drain.hand_over();
    assert_eq!(rest(&mut idle).await, "");
    // Whoever asks at that moment reads the end of the connection, and may ask again elsewhere.
    for _ in 0..3 {
        idle.write_all(b"GET /a HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
        assert_eq!(rest(&mut idle).await, "");
    }
    drop(idle);
    tokio::time::timeout(PATIENCE, house.served).await.expect("it still waits").unwrap();
}

/// Wants to switch, whatever was asked.
struct Switcher;

impl Handler for Switcher {
    type Body = Empty<Bytes>;

    fn handle(self: Arc<Self>, mut request: Request<Incoming>, _: Peer) -> Answering<Self::Body> {
        Box::pin(async move {
            let upgrade = tidegate_net::upgrade::on(&mut request);
            let is_granted = request.uri().path() == "/granted";
            tokio::spawn(async move {
                match upgrade.await {
                    Ok(mut stream) => {
                        let mut read = [0; 5];
                        stream.read_exact(&mut read).await.unwrap();
                        stream.write_all(&read).await.unwrap();
                        stream.shutdown().await.unwrap();
                    }
                    Err(error) => assert!(!is_granted, "{error}"),
                }
            });
            let mut answer = Response::new(Empty::new());
            if is_granted {
                *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                answer.headers_mut().insert("upgrade", "x".parse().unwrap());
            }
            answer
        })
    }
}

#[tokio::test]
async fn rfc_9110_7_8_a_connection_is_handed_over_with_what_came_behind_the_request() {
    let house = House::open_with(Door::new, Arc::new(Switcher));
    let told =
        told(&house, b"GET /granted HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nbytes")
            .await;
    assert!(told.starts_with("HTTP/1.1 101 ") && told.contains("\r\nconnection: upgrade\r\n"), "{told}");
    assert!(told.contains("\r\nupgrade: x\r\n") && told.ends_with("\r\n\r\nbytes"), "{told}");
}

#[tokio::test]
async fn fault_10_a_request_that_is_not_answered_with_101_goes_on_as_http() {
    let house = House::open_with(Door::new, Arc::new(Switcher));
    let asked = "GET /refused HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
    let told = told(&house, format!("{asked}{asked}bytes and more\r\n\r\n").as_bytes()).await;
    assert_eq!(told.matches("HTTP/1.1 200 ").count(), 2, "{told}");
    assert!(told.contains("HTTP/1.1 400 "), "{told}");
    // Where nobody offered another protocol, there is none.
    let house = House::open_with(Door::new, Arc::new(Switcher));
    let told = self::told(&house, b"GET /granted HTTP/1.0\r\nupgrade: x\r\n\r\nbytes").await;
    assert!(!told.contains("bytes"), "{told}");
}
