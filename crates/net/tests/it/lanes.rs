//! Lanes to upstreams of other kinds: HTTP/2, TLS of their own, Unix sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tidegate_net::tls::UpstreamTls;
use tidegate_net::{
    Answering, Connector, Door, Drain, Handler, Incoming, LaneAnswer, LaneError, LaneLimits, LaneOptions,
    LanePool, LaneProtocol, Origin, Outgoing, Peer, listen,
};
use tokio::sync::Barrier;

use crate::house::{House, Teller, certificate, settings};

const LIMITS: LaneLimits = LaneLimits { connect: Duration::from_secs(20), answer: Duration::from_secs(20) };

fn request(path: &str) -> Request<Outgoing> {
    Request::post(path).header("host", "h.example").body(Outgoing::full(Bytes::from("hello"))).unwrap()
}

async fn told(pool: &Arc<LanePool>, path: &str) -> Result<String, LaneError> {
    Ok(text(pool.send(request(path), LIMITS).await?).await)
}

async fn text(answer: LaneAnswer) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn origin(tls: bool, address: SocketAddr) -> Origin {
    Origin { tls, host: address.ip().to_string(), port: address.port() }
}

#[tokio::test]
async fn upstreams_are_asked_in_the_version_that_they_speak() {
    let all = vec![certificate(&["h.example"])];
    let trust = UpstreamTls { authorities: vec![all[0].chain()[0].clone()], identity: None };
    let old = House::secure(&tidegate_net::TlsSettings { http2: false, ..settings(all.clone()) });
    let (new, clear) = (House::secure(&settings(all)), House::open(Door::new));
    let connector = Arc::new(Connector::default());
    use LaneProtocol::{Http1, Http2, Offered};
    for (house, tls, protocol, version) in [
        (&new, true, Http1, "HTTP/1.1"),
        (&new, true, Http2, "HTTP/2.0"),
        (&new, true, Offered, "HTTP/2.0"),
        (&old, true, Offered, "HTTP/1.1"),
        (&clear, false, Http1, "HTTP/1.1"),
        (&clear, false, Http2, "HTTP/2.0"),
    ] {
        let options = LaneOptions {
            protocol,
            tls: Some(trust.clone()),
            server_name: Some("h.example".to_owned()),
            ..LaneOptions::default()
        };
        let pool = connector.pool_with(&origin(tls, house.address), &options);
        assert!(Arc::ptr_eq(&pool, &connector.pool_with(pool.origin(), &options)));
        for _ in 0..2 {
            let told = told(&pool, "/").await.unwrap();
            assert!(told.starts_with(version), "{protocol:?}: {told}");
        }
    }
    // Few speak RFC 8441: where both sides may choose, a request to switch goes as HTTP/1.1.
    let offered = LaneOptions {
        protocol: Offered,
        tls: Some(trust),
        server_name: Some("h.example".to_owned()),
        ..LaneOptions::default()
    };
    let pool = connector.pool_with(&origin(true, new.address), &offered);
    let mut switch = request("/");
    switch.headers_mut().insert("upgrade", "x".parse().unwrap());
    let said = text(pool.send(switch, LIMITS).await.unwrap()).await;
    assert!(said.starts_with("HTTP/1.1"), "{said}");
    let pool = connector.pool_with(&origin(true, old.address), &LaneOptions::default());
    let error = told(&pool, "/").await.unwrap_err();
    assert!(matches!(error, LaneError::Connect { .. }), "trusted by nobody: {error}");
}

#[tokio::test]
async fn an_origin_may_be_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("door");
    let listener = listen::bind_unix(&path, 0o600).await.unwrap();
    tokio::spawn(Door::new(listener).serve(Arc::new(Teller), Drain::default()));
    let nowhere = Origin { tls: false, host: "h.example".to_owned(), port: 80 };
    for (protocol, version) in [(LaneProtocol::Http1, "HTTP/1.1"), (LaneProtocol::Http2, "HTTP/2.0")] {
        let options = LaneOptions { protocol, socket: Some(path.clone()), ..LaneOptions::default() };
        let pool = Arc::new(Connector::default()).pool_with(&nowhere, &options);
        assert!(told(&pool, "/").await.unwrap().starts_with(version));
        assert!(told(&pool, "/").await.unwrap().starts_with(version));
    }
}

/// Answers when so many requests are there, and counts from how many connections they came.
struct Together {
    barrier: Barrier,
    peers: std::sync::Mutex<std::collections::HashSet<SocketAddr>>,
    cut: AtomicUsize,
}

impl Together {
    fn new(count: usize) -> Arc<Self> {
        Arc::new(Self { barrier: Barrier::new(count), peers: Default::default(), cut: AtomicUsize::new(0) })
    }
}

impl Handler for Together {
    type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;

    fn handle(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> Answering<Self::Body> {
        Box::pin(async move {
            self.peers.lock().unwrap().insert(peer.address);
            let _count = Counted(self.clone());
            let body = request.into_body().collect().await.unwrap();
            let trailers = body.trailers().cloned();
            self.barrier.wait().await;
            let frames = [Some(Frame::data(body.to_bytes())), trailers.map(Frame::trailers)];
            let frames = frames.into_iter().flatten().map(Ok);
            Response::new(StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync())
        })
    }
}

/// Counts requests that have ended.
struct Counted(Arc<Together>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.cut.fetch_add(1, Ordering::SeqCst);
    }
}

fn trunk(house: &House, streams: usize) -> Arc<LanePool> {
    let options = LaneOptions { protocol: LaneProtocol::Http2, streams, ..LaneOptions::default() };
    Arc::new(Connector::default()).pool_with(&origin(false, house.address), &options)
}

/// Asks ten times at once; all are answered.
async fn ten_at_once(pool: &Arc<LanePool>) {
    let asked: Vec<_> = (0..10)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { told(&pool, "/").await.unwrap() })
        })
        .collect();
    for answer in asked {
        assert_eq!(answer.await.unwrap(), "hello");
    }
}

#[tokio::test]
async fn requests_share_connections_up_to_their_streams() {
    let upstream = Together::new(10);
    let house = House::open_with(Door::new, upstream.clone());
    let pool = trunk(&house, 4);
    ten_at_once(&pool).await;
    assert_eq!(upstream.peers.lock().unwrap().len(), 3, "connections for 10 requests of at most 4 each");
}

#[tokio::test]
async fn no_more_connections_are_opened_than_may_be() {
    let upstream = Together::new(10);
    let house = House::open_with(Door::new, upstream.clone());
    let protocol = LaneProtocol::Http2;
    let options = LaneOptions { protocol, streams: 1, connections: 2, ..LaneOptions::default() };
    let pool = Arc::new(Connector::default()).pool_with(&origin(false, house.address), &options);
    ten_at_once(&pool).await;
    assert_eq!(upstream.peers.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn trailers_go_both_ways_over_http2() {
    let house = House::open_with(Door::new, Together::new(1));
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    let frames = [Frame::data(Bytes::from("hello")), Frame::trailers(trailers.clone())];
    let frames = frames.map(Ok::<_, std::io::Error>);
    let body = Outgoing::stream(StreamBody::new(futures_util::stream::iter(frames)));
    let asked = Request::post("/").header("host", "h").header("te", "trailers").body(body).unwrap();
    let answer = trunk(&house, 4).send(asked, LIMITS).await.unwrap();
    let body = answer.into_body().collect().await.unwrap();
    assert_eq!(body.trailers(), Some(&trailers));
    assert_eq!(body.to_bytes(), "hello");
}

#[tokio::test]
async fn a_stream_that_nobody_waits_for_is_reset_and_its_connection_goes_on() {
    // Three, as the barrier counts the one who has left as well.
    let upstream = Together::new(3);
    let house = House::open_with(Door::new, upstream.clone());
    let pool = trunk(&house, 4);
    let limits = LaneLimits { answer: Duration::from_millis(100), ..LIMITS };
    let error = pool.send(request("/"), limits).await.unwrap_err();
    assert!(matches!(error, LaneError::AnswerTimeout { .. }), "{error}");
    let cut = async {
        while upstream.cut.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), cut).await.expect("the upstream works on");
    let (one, other) = tokio::join!(told(&pool, "/"), told(&pool, "/"));
    assert_eq!((one.unwrap(), other.unwrap()), ("hello".to_owned(), "hello".to_owned()));
    assert_eq!(upstream.peers.lock().unwrap().len(), 1);
}

/// The timer of a lane outlives the request that it was set for.
#[tokio::test]
async fn each_request_on_a_lane_has_the_time_that_it_was_given() {
    let house = House::open_with(Door::new, Together::new(2));
    let pool = Arc::new(Connector::default()).pool(&origin(false, house.address));
    let short = LaneLimits { answer: Duration::from_secs(1), ..LIMITS };
    let (one, other) = tokio::join!(pool.send(request("/"), short), pool.send(request("/"), short));
    assert_eq!((text(one.unwrap()).await, text(other.unwrap()).await), ("hello".into(), "hello".into()));
    let late = async {
        tokio::time::sleep(short.answer + Duration::from_millis(500)).await;
        told(&pool, "/").await
    };
    let (one, other) = tokio::join!(told(&pool, "/"), late);
    assert_eq!((one.unwrap(), other.unwrap()), ("hello".to_owned(), "hello".to_owned()));
    let begun = std::time::Instant::now();
    let error = pool.send(request("/"), short).await.unwrap_err();
    assert!(matches!(error, LaneError::AnswerTimeout { .. }), "{error}");
    assert!(begun.elapsed() < LIMITS.answer / 2, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_upstream_that_has_gone_is_connected_to_anew() {
    let house = House::open(Door::new);
    let pool = trunk(&house, 4);
    told(&pool, "/").await.unwrap();
    house.drain.start();
    house.served.await.unwrap();
    // The address is free again: another upstream takes it.
    let listener = listen::bind(house.address).unwrap();
    tokio::spawn(Door::new(listener).serve(Arc::new(Teller), Drain::default()));
    assert!(told(&pool, "/").await.unwrap().starts_with("HTTP/2.0"));
}
