//! Clients that leave early, and the small clients that this crate brings.

use std::time::{Duration, Instant};

use tidegate_testkit::{FakeProvider, raw};

use crate::dialects::Dialect;

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn leaving_is_noticed_at_once() {
    let provider = FakeProvider::start().await.unwrap();
    for model in ["text~stallafter-2", "long~n-1000~pace-20"] {
        for reset in [false, true] {
            let mut stream = Dialect::Chat.open(&provider, model).await;
            stream.event().await.unwrap().unwrap();
            assert_eq!(provider.open_streams(), 1);
            let left = Instant::now();
            if reset {
                stream.reset().await.unwrap()
            } else {
                stream.close().await
            }
            let cancelled = provider.wait_cancelled(SOON).await.expect("nobody noticed");
            assert!(cancelled.at - left < Duration::from_millis(250), "{:?}", cancelled.at - left);
            assert_eq!(cancelled.path_and_query, "/v1/chat/completions");
            assert!(provider.wait_idle(SOON).await);
        }
    }
    assert_eq!(provider.cancelled(), 4);
}

#[tokio::test]
async fn leaving_before_the_head() {
    let provider = FakeProvider::start().await.unwrap();
    let client = crate::dialects::client(&provider);
    let body = Dialect::Chat.body("text~stall", false);
    let waiting = tokio::spawn(async move { client.post("/v1/chat/completions", &body).await.is_ok() });
    assert_eq!(provider.wait_requests(1, SOON).await.unwrap()[0].json()["model"], "text~stall");
    assert_eq!(provider.open_streams(), 1);
    waiting.abort();
    assert!(provider.wait_cancelled(SOON).await.is_some());
}

#[tokio::test]
async fn staying_to_the_end_is_no_cancellation() {
    let provider = FakeProvider::start().await.unwrap();
    for model in ["text", "text~split", "text~gzip", "text~pace-1", "bench", "text~cut-2", "empty"] {
        let (_, _) = Dialect::Chat.open(&provider, model).await.events().await;
    }
    assert!(provider.wait_idle(SOON).await);
    assert!(provider.wait_cancelled(Duration::ZERO).await.is_none());
}

#[tokio::test]
async fn dropping_the_provider_closes_everything() {
    let provider = FakeProvider::start().await.unwrap();
    let address = provider.addr();
    let stream = Dialect::Chat.open(&provider, "text~stallafter-1").await;
    drop(provider);
    let (events, ended) = stream.events().await;
    assert!(events.len() == 1 && !ended);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn raw_connections() {
    let provider = FakeProvider::start().await.unwrap();
    let mut connection = raw::Connection::open(provider.addr()).await.unwrap();
    for _ in 0..2 {
        connection.send(b"GET /_stats HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let head = connection.read_until(b"\r\n\r\n").await.unwrap();
        assert!(head.starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert!(connection.read_until(b"}").await.unwrap().starts_with(b"{\"open\":0"));
    }
    assert_eq!(provider.accepts(), 1);
    connection.half_close().await.unwrap();
    assert!(connection.read_to_end(SOON).await.is_empty());
    raw::Connection::open(provider.addr()).await.unwrap().reset().unwrap();
    assert!(raw::exchange(provider.addr(), b"NONSENSE\r\n\r\n").await.starts_with(b"HTTP/1.1 400 "));
}
