//! Callers that leave, listen slowly, close half a connection, speak HTTP/2, or are there when the gateway drains.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tidegate_llm::Dialect;
use tidegate_testkit::raw::Connection;
use tidegate_testkit::sse;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::house::{House, PATIENCE, Plan, ask};
use crate::raw_upstream::{STREAM_HEAD, chunk, read_request, upstream};
use crate::reading::{Ending, WAYS, ending, said, said_in};

/// The promise: the provider is let go this soon after the caller left.
const LET_GO: Duration = Duration::from_millis(100);

/// Looks again whenever other tasks have run, until `is_so` or patience is over.
async fn until(mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("it never came to be");
}

fn request_bytes(path: &str, body: &serde_json::Value) -> Vec<u8> {
    let body = body.to_string();
    format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

#[tokio::test]
async fn fault_63_a_caller_who_leaves_before_the_first_token_is_billed_his_prompt() {
    for (modifier, stream) in
        [("stall", true), ("stall", false), ("firstdelay-60000", true), ("stallafter-3", false)]
    {
        for (surface, provider) in WAYS {
            let house = House::start().await;
            let (path, body) = ask(surface, &format!("{provider}/text~{modifier}"), stream);
            let mut connection = Connection::open(house.address).await.unwrap();
            connection.send(&request_bytes(&path, &body)).await.unwrap();
            house.fake.wait_requests(1, PATIENCE).await.unwrap();
            let left = Instant::now();
            drop(connection);
            let cancelled = house.fake.wait_cancelled(PATIENCE).await.expect("the provider learns of it");
            assert!(
                cancelled.at.saturating_duration_since(left) < LET_GO,
                "{surface} to {provider} {modifier}"
            );
            let line = house.only_line();
            assert_eq!((&line["outcome"], &line["status"]), (&"cancelled".into(), &499.into()), "{line}");
            assert_eq!(line["estimated"], true, "{line}");
            assert!(line["input_tokens"].as_u64() > Some(5) && line["output_tokens"] == 0, "{line}");
        }
    }
}

#[tokio::test]
async fn fault_64_a_caller_who_leaves_in_the_middle_is_billed_what_came() {
    for reset in [false, true] {
        for (surface, provider) in WAYS {
            let house = House::start().await;
            let (path, body) = ask(surface, &format!("{provider}/long~pace-10"), true);
            let mut stream = house.client().open(&path, &body).await.unwrap();
            let mut events = Vec::new();
            while !said_in(&events).contains("word0003") {
                events.push(stream.event().await.unwrap().unwrap().0);
            }
            let left = Instant::now();
            if reset {
                stream.reset().await.unwrap();
            } else {
                stream.close().await;
            }
            let cancelled = house.fake.wait_cancelled(PATIENCE).await.expect("the provider learns of it");
            assert!(cancelled.at.saturating_duration_since(left) < LET_GO, "{surface} to {provider}");
            let line = house.only_line();
            assert_eq!((&line["outcome"], &line["estimated"]), (&"cancelled".into(), &true.into()), "{line}");
            let output = line["output_tokens"].as_u64().unwrap();
            assert!((4..100).contains(&output), "{surface} to {provider}: {line}");
        }
    }
}

#[tokio::test]
async fn fault_65_a_caller_who_leaves_after_the_last_event_is_billed_in_full_once() {
    for (surface, provider) in WAYS {
        let house = House::start().await;
        let (path, body) = ask(surface, &format!("{provider}/text"), true);
        let mut connection = Connection::open(house.address).await.unwrap();
        connection.send(&request_bytes(&path, &body)).await.unwrap();
        // Everything was told to the socket, nothing was read from it.
        assert!(house.fake.wait_requests(1, PATIENCE).await.is_some());
        assert!(house.fake.wait_idle(PATIENCE).await);
        until(|| house.gateway.meters().in_flight().get() == 0).await;
        connection.reset().unwrap();
        let line = house.only_line();
        assert_eq!(line["outcome"], "complete", "{line}");
        assert_eq!((&line["input_tokens"], &line["output_tokens"]), (&20.into(), &10.into()), "{line}");
        assert!(line["estimated"].is_null(), "{line}");
    }
}

#[tokio::test]
async fn fault_65_who_leaves_on_the_mark_of_the_end_has_had_it_all() {
    // The mark of the end has come, the end of the body has not.
    let url = upstream(|_, mut stream| async move {
        read_request(&mut stream).await;
        let events = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"well\"},\"finish_reason\":\"stop\"}]}\n\n\
            data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";
        stream.write_all(STREAM_HEAD).await.unwrap();
        stream.write_all(&chunk(events.as_bytes())).await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let more = vec![("raw", Dialect::OpenaiChat, url)];
    let house = House::start_with(Plan { more, ..Plan::default() }).await;
    for _ in 0..2 {
        // The caller's stream ends although the provider's body does not.
        let answer = house.ask("chat", "raw/m", true).await;
        assert_eq!((said(&answer).as_str(), ending(&answer.events())), ("well", Ending::Whole));
    }
    for line in house.ledger(2) {
        assert_eq!((&line["outcome"], &line["input_tokens"]), (&"complete".into(), &7.into()), "{line}");
    }
}

#[tokio::test]
async fn fault_66_half_a_connection_is_enough_where_the_config_says_so() {
    for stream in [true, false] {
        for (surface, provider) in WAYS {
            let house = House::start_with(Plan { half_close: true, ..Plan::default() }).await;
            let (path, body) = ask(surface, &format!("{provider}/text~delay-30"), stream);
            let mut connection = Connection::open(house.address).await.unwrap();
            connection.send(&request_bytes(&path, &body)).await.unwrap();
            connection.half_close().await.unwrap();
            let answer = String::from_utf8(connection.read_to_end(PATIENCE).await).unwrap();
            assert!(
                answer.starts_with("HTTP/1.1 200") && answer.contains("there"),
                "{surface} to {provider}: {answer}"
            );
            assert_eq!(house.only_line()["outcome"], "complete");
        }
    }
}

#[tokio::test]
async fn fault_66_without_that_the_end_of_sending_means_that_the_caller_has_left() {
    let house = House::start().await;
    let (path, body) = ask("chat", "chat/long~pace-20", true);
    let mut connection = Connection::open(house.address).await.unwrap();
    connection.send(&request_bytes(&path, &body)).await.unwrap();
    connection.read_until(b"word0001").await.unwrap();
    let left = Instant::now();
    connection.half_close().await.unwrap();
    let cancelled = house.fake.wait_cancelled(PATIENCE).await.unwrap();
    assert!(cancelled.at.saturating_duration_since(left) < LET_GO);
}

#[tokio::test]
async fn case_30_streams_tell_fronting_proxies_not_to_hold_them() {
    let house = House::start().await;
    for (surface, provider) in WAYS {
        let answer = house.ask(surface, &format!("{provider}/text"), true).await;
        assert_eq!(answer.header("x-accel-buffering"), Some("no"), "{surface} to {provider}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{surface} to {provider}");
        let kind = answer.header("content-type").unwrap();
        assert!(kind.starts_with("text/event-stream"), "{surface} to {provider}: {kind}");
    }
}

/// A provider that writes events as fast as it may, and the count of its bytes. It stops when nobody takes any for a
/// while.
async fn torrent(event: String) -> (String, Arc<AtomicU64>, impl Future<Output = ()>) {
    let written = Arc::new(AtomicU64::new(0));
    let (stopped, is_stopped) = tokio::sync::mpsc::unbounded_channel::<()>();
    let counter = written.clone();
    let url = upstream(move |_, mut stream| {
        let (counter, stopped, event) = (counter.clone(), stopped.clone(), chunk(event.as_bytes()));
        async move {
            let _ = socket2::SockRef::from(&stream).set_send_buffer_size(64 << 10);
            read_request(&mut stream).await;
            stream.write_all(STREAM_HEAD).await.unwrap();
            loop {
                match tokio::time::timeout(Duration::from_millis(300), stream.write_all(&event)).await {
                    Ok(Ok(())) => counter.fetch_add(event.len() as u64, Ordering::Relaxed),
                    Ok(Err(_)) => return,
                    Err(_) => break,
                };
            }
            let _ = stopped.send(());
            std::future::pending::<()>().await;
        }
    })
    .await;
    let mut is_stopped = is_stopped;
    (url, written, async move {
        tokio::time::timeout(PATIENCE, is_stopped.recv()).await.expect("the provider is never held up");
    })
}

#[tokio::test]
async fn a_slow_reader_holds_the_provider_up_instead_of_filling_the_gateway() {
    let text = "x".repeat(16 << 10);
    let event = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    for surface in ["chat", "anthropic"] {
        let (url, written, stopped) = torrent(event.clone()).await;
        let more = vec![("raw", Dialect::OpenaiChat, url)];
        let house = House::start_with(Plan { more, ..Plan::default() }).await;
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 << 10).unwrap();
        let mut slow = socket.connect(house.address).await.unwrap();
        let (path, body) = ask(surface, "raw/m", true);
        slow.write_all(&request_bytes(&path, &body)).await.unwrap();
        let mut first = [0; 4096];
        assert!(slow.read(&mut first).await.unwrap() > 0);
        stopped.await;
        // What the kernel's buffers take on two connections, and a few hundred kilobytes of ours.
        let bytes = written.load(Ordering::Relaxed);
        assert!(bytes < 16 << 20, "{surface}: the provider has written {bytes} bytes to nobody");
    }
}

#[tokio::test]
async fn a_request_that_waits_behind_a_stream_does_not_hold_the_stream_back() {
    let house = House::start().await;
    let (path, body) = ask("chat", "chat/long~stallafter-4", true);
    let mut connection = Connection::open(house.address).await.unwrap();
    let twice = request_bytes(&path, &body).repeat(2);
    connection.send(&twice).await.unwrap();
    connection.read_until(b"word0002").await.expect("what has come is told");
}

#[tokio::test]
async fn fault_41_a_line_without_end_is_not_gathered() {
    // In one try, and without a limit, it would go on for ever: the relay lets go after a line's limit.
    let line = format!("data: {}", "x".repeat(32 << 10));
    let (url, written, _) = torrent(line).await;
    let mut plan = Plan { more: vec![("raw", Dialect::OpenaiChat, url)], ..Plan::default() };
    plan.rules.retry.max_attempts = 1;
    let house = House::start_with(plan).await;
    for surface in ["chat", "anthropic"] {
        let before = written.load(Ordering::Relaxed);
        let answer = house.ask(surface, "raw/m", true).await;
        assert_eq!(answer.status, 502, "{}", answer.text());
        let taken = written.load(Ordering::Relaxed) - before;
        // The limit of 16 MiB, and what the kernel's buffers take.
        assert!(taken < 28 << 20, "{surface}: {taken} bytes");
    }
}

#[tokio::test]
async fn a_drain_lets_open_streams_finish_and_takes_nobody_in() {
    let house = House::start().await;
    let (path, body) = ask("chat", "chat/long~n-20~pace-20", true);
    let mut stream = house.client().open(&path, &body).await.unwrap();
    stream.event().await.unwrap().unwrap();
    let (path, body) = ask("anthropic", "chat/text~delay-200", false);
    let mut waiting = Connection::open(house.address).await.unwrap();
    waiting.send(&request_bytes(&path, &body)).await.unwrap();
    house.fake.wait_requests(2, PATIENCE).await.unwrap();
    let mut idle = Connection::open(house.address).await.unwrap();
    idle.send(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    idle.read_until(b"{\"status\":\"ok\"}").await.unwrap();
    house.drain.start();
    // An idle connection is closed at once, and nobody new gets in.
    assert!(idle.read_to_end(PATIENCE).await.is_empty());
    let begun = Instant::now();
    while TcpStream::connect(house.address).await.is_ok() {
        assert!(begun.elapsed() < PATIENCE, "still taking connections");
        tokio::task::yield_now().await;
    }
    let (events, is_whole) = stream.events().await;
    assert!(is_whole && said_in(&events).contains("word0019"), "{events:?}");
    assert_eq!(ending(&events), Ending::Whole);
    let answer = String::from_utf8(waiting.read_to_end(PATIENCE).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("hello"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    for line in house.log_lines() {
        assert_eq!(line["outcome"], "complete", "{line}");
    }
}

type H2Sender = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

async fn h2(house: &House) -> (H2Sender, tokio::task::JoinHandle<()>) {
    let stream = TcpStream::connect(house.address).await.unwrap();
    let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    let task = tokio::spawn(async move {
        let _ = connection.await;
    });
    (sender, task)
}

fn h2_request(house: &House, surface: &str, model: &str) -> Request<Full<Bytes>> {
    let (path, body) = ask(surface, model, true);
    let request = Request::post(format!("http://{}{path}", house.address))
        .header("content-type", "application/json")
        .header("authorization", "Bearer sk-caller-canary");
    request.body(Full::new(Bytes::from(body.to_string()))).unwrap()
}

#[tokio::test]
async fn http_2_without_tls_carries_many_streams_on_one_connection() {
    let house = House::start().await;
    let (sender, _connection) = h2(&house).await;
    let mut tasks = Vec::new();
    for (surface, provider) in WAYS {
        let request = h2_request(&house, surface, &format!("{provider}/long~n-8~pace-5"));
        let mut sender = sender.clone();
        tasks.push(tokio::spawn(async move {
            let answer = sender.send_request(request).await.unwrap();
            assert_eq!(answer.status(), 200);
            answer.into_body().collect().await.unwrap().to_bytes()
        }));
    }
    for task in tasks {
        let events = sse::read_all(&task.await.unwrap());
        assert!(said_in(&events).ends_with("word0007 "), "{events:?}");
        assert_eq!(ending(&events), Ending::Whole);
    }
    for line in house.ledger(WAYS.len()) {
        assert_eq!(line["outcome"], "complete", "{line}");
    }
}

#[tokio::test]
async fn fault_64_over_http_2_a_stream_that_is_reset_cancels_the_provider() {
    let house = House::start().await;
    let (mut sender, _connection) = h2(&house).await;
    let request = h2_request(&house, "chat", "anthropic/long~pace-20");
    let answer = sender.send_request(request).await.unwrap();
    let mut body = answer.into_body();
    body.frame().await.unwrap().unwrap();
    let left = Instant::now();
    drop(body);
    let cancelled = house.fake.wait_cancelled(PATIENCE).await.expect("the provider learns of it");
    assert!(cancelled.at.saturating_duration_since(left) < LET_GO);
    // The connection lives on.
    let answer = sender.send_request(h2_request(&house, "chat", "chat/text")).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body().collect().await.unwrap();
    let lines = house.ledger(2);
    assert_eq!((&lines[0]["outcome"], &lines[1]["outcome"]), (&"cancelled".into(), &"complete".into()));
}

#[tokio::test]
async fn a_slow_reader_over_http_2_holds_the_provider_up_too() {
    let text = "x".repeat(16 << 10);
    let event = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let (url, written, stopped) = torrent(event).await;
    let more = vec![("raw", Dialect::OpenaiChat, url)];
    let house = House::start_with(Plan { more, ..Plan::default() }).await;
    let (mut sender, _connection) = h2(&house).await;
    let mut slow = sender.send_request(h2_request(&house, "chat", "raw/m")).await.unwrap().into_body();
    slow.frame().await.unwrap().unwrap();
    stopped.await;
    let bytes = written.load(Ordering::Relaxed);
    assert!(bytes < 16 << 20, "the provider has written {bytes} bytes to nobody");
    // Another stream of the same connection is not held up with it.
    let answer = sender.send_request(h2_request(&house, "chat", "chat/text")).await.unwrap();
    let events = sse::read_all(&answer.into_body().collect().await.unwrap().to_bytes());
    assert_eq!(ending(&events), Ending::Whole);
}

#[tokio::test]
async fn fault_39_over_http_2_a_raw_answer_that_breaks_off_resets_its_stream() {
    let house = House::start().await;
    let (mut sender, _connection) = h2(&house).await;
    let body = serde_json::json!({"model": "chat/text~truncated", "prompt": "x"}).to_string();
    let request = Request::post(format!("http://{}/v1/images/generations", house.address))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert!(answer.into_body().collect().await.is_err(), "a cut answer must not look whole");
}
