//! Lanes to an upstream that speaks bytes.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// What an upstream does when a request has come: says that, and closes if told so.
type Turn = (&'static [u8], bool);

/// An upstream that does those turns, each when a request has come, on whatever connection.
struct Upstream {
    pool: Arc<LanePool>,
    connections: Arc<AtomicUsize>,
    /// Told when a connection has ended.
    ended: mpsc::UnboundedReceiver<()>,
}

impl Upstream {
    async fn start(turns: &'static [Turn]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let (sender, ended) = mpsc::unbounded_channel();
        let (count, turn) = (connections.clone(), Arc::new(AtomicUsize::new(0)));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (turn, sender) = (turn.clone(), sender.clone());
                tokio::spawn(async move {
                    let mut read = [0; 4096];
                    while stream.read(&mut read).await.is_ok_and(|count| count > 0) {
                        let (said, closes) = turns[turn.fetch_add(1, Ordering::SeqCst)];
                        stream.write_all(said).await.unwrap();
                        if closes {
                            break;
                        }
                    }
                    drop(stream);
                    let _ = sender.send(());
                });
            }
        });
        let (origin, _) = Origin::parse(&base).unwrap();
        Self { pool: Arc::new(Connector::default()).pool(&origin), connections, ended }
    }

    async fn ask(&self) -> Result<LaneAnswer, LaneError> {
        let limits = LaneLimits { connect: Duration::from_secs(20), answer: Duration::from_secs(20) };
        let request = Request::post("/v1/x").header("host", "h").header("upgrade", "x");
        self.pool.send(request.body(Outgoing::full(Bytes::from("hello"))).unwrap(), limits).await
    }

    async fn read(&self) -> Result<Bytes, String> {
        let answer = self.ask().await.map_err(|error| error.to_string())?;
        answer.into_body().collect().await.map(|body| body.to_bytes()).map_err(|error| error.to_string())
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_lane_is_used_again_when_its_answer_has_been_read() {
    let upstream = Upstream::start(&[(OK, false); 3]).await;
    for _ in 0..3 {
        assert_eq!(upstream.read().await.unwrap(), "ok");
    }
    assert_eq!(upstream.connections(), 1);
}

#[tokio::test]
async fn a_lane_whose_answer_is_dropped_is_closed() {
    let mut upstream = Upstream::start(&[(OK, false); 2]).await;
    drop(upstream.ask().await.unwrap());
    upstream.ended.recv().await.unwrap();
    assert_eq!(upstream.read().await.unwrap(), "ok");
    assert_eq!(upstream.connections(), 2);
}

#[tokio::test]
async fn fault_59_a_lane_that_was_closed_while_it_was_idle_is_noticed_before_anything_is_sent() {
    let mut upstream = Upstream::start(&[(OK, true); 3]).await;
    for asked in 1..=3 {
        assert_eq!(upstream.read().await.unwrap(), "ok");
        upstream.ended.recv().await.unwrap();
        // Until the runtime has heard of the end as well.
        while upstream.pool.lock().iter_mut().any(|idle| idle.lane.is_quiet()) {
            tokio::task::yield_now().await;
        }
        assert_eq!(upstream.connections(), asked);
    }
}

#[tokio::test]
async fn fault_59_what_was_lost_with_a_lane_that_had_been_idle_is_called_so() {
    let upstream =
        Upstream::start(&[(OK, false), (b"", true), (b"", true), (OK, false), (b"HTTP", true)]).await;
    let was_idle = |answer| match answer {
        Err(LaneError::Broken { was_idle, source, .. }) => (was_idle, source.to_string()),
        other => panic!("{other:?}"),
    };
    upstream.read().await.unwrap();
    assert!(was_idle(upstream.ask().await).0, "on the lane of the first request");
    assert!(!was_idle(upstream.ask().await).0, "on a fresh lane");
    upstream.read().await.unwrap();
    let (was_idle, why) = was_idle(upstream.ask().await);
    assert!(!was_idle && why.contains("in the middle"), "{why}");
    assert_eq!(upstream.connections(), 3);
}

#[tokio::test]
async fn what_comes_behind_an_answer_is_not_the_next_answer() {
    const TWO: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    let upstream = Upstream::start(&[(TWO, false), (OK, false)]).await;
    for asked in 1..=2 {
        assert_eq!(upstream.read().await.unwrap(), "ok");
        assert_eq!(upstream.connections(), asked);
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_or_malformed_is_an_error_and_the_lane_is_closed() {
    let upstream = Upstream::start(&[
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", true),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n+0\r\n\r\n", false),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 2\r\n\r\nok", false),
        (OK, false),
    ])
    .await;
    for why in ["in the middle", "a chunk's size", "more than one Content-Length"] {
        let error = upstream.read().await.unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    assert_eq!(upstream.read().await.unwrap(), "ok");
    assert_eq!(upstream.connections(), 4);
}

#[tokio::test]
async fn after_a_switch_of_protocols_the_lane_carries_bytes() {
    const SWITCH: &[u8] =
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nfirst";
    let upstream = Upstream::start(&[(SWITCH, false), (b"second", true)]).await;
    let answer = upstream.ask().await.unwrap();
    assert_eq!(answer.status(), 101);
    let mut upgraded = answer.into_body().upgraded().expect("it is HTTP still");
    upgraded.write_all(b"go on").await.unwrap();
    let mut read = String::new();
    upgraded.read_to_string(&mut read).await.unwrap();
    assert_eq!(read, "firstsecond");
}
