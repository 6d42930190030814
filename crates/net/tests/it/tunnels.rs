//! Upgrades through a door to an upstream, in both versions.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tidegate_net::tunnel::{TunnelEnd, TunnelLimits, tie, tunnel};
use tidegate_net::upgrade::{self, Wish};
use tidegate_net::{
    Answering, Connector, Door, Drain, Handler, Incoming, LaneLimits, LanePool, Origin, Outgoing, Peer,
    ServeLimits,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};

use crate::house::House;

const PATIENCE: Duration = Duration::from_secs(20);

fn limits(idle: Duration, drain: &Drain) -> TunnelLimits {
    TunnelLimits { idle, left: PATIENCE, drained: Duration::ZERO, drain: drain.clone() }
}

/// Passes upgrades on to an upstream.
struct Passer {
    pool: Arc<LanePool>,
    drain: Drain,
}

impl Handler for Passer {
    type Body = Empty<Bytes>;

    fn handle(self: Arc<Self>, mut request: Request<Incoming>, _: Peer) -> Answering<Self::Body> {
        Box::pin(async move {
            let mut answer = Response::new(Empty::new());
            let Some(wish) = Wish::of(&request) else { return answer };
            let caller = upgrade::on(&mut request);
            let mut asked = Request::new(Outgoing::full(Bytes::new()));
            *asked.method_mut() = wish.method(request.method());
            asked.headers_mut().insert("host", "h".parse().unwrap());
            if let Some(key) = request.headers().get("sec-websocket-key") {
                asked.headers_mut().insert("sec-websocket-key", key.clone());
            }
            wish.ask(asked.headers_mut());
            let times = LaneLimits { connect: PATIENCE, answer: PATIENCE };
            let mut granted = self.pool.send(asked, times).await.unwrap();
            if !wish.is_granted(granted.status(), granted.headers()) {
                *answer.status_mut() = StatusCode::BAD_GATEWAY;
                return answer;
            }
            *answer.status_mut() = wish.grant(granted.headers_mut());
            *answer.headers_mut() = std::mem::take(granted.headers_mut());
            let upstream = granted.into_body().upgraded().unwrap();
            tokio::spawn(async move { tie(caller, upstream, &limits(PATIENCE, &self.drain)).await });
            answer
        })
    }
}

/// An upstream that says that and then echoes, and a door before it.
async fn house(said: &'static str) -> House {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(head.starts_with("get / ") && head.contains("upgrade: websocket\r\n"), "{head}");
        let key = head.contains("sec-websocket-key: dghlihnhbxbszsbub25jzq==\r\n");
        assert!(key || !said.contains("s3pPLM"), "{head}");
        stream.write_all(said.as_bytes()).await.unwrap();
        let (mut read, mut write) = stream.split();
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    });
    let pool = Arc::new(Connector::default()).pool(&Origin {
        tls: false,
        host: address.ip().to_string(),
        port: address.port(),
    });
    let drain = Drain::default();
    let passer = Arc::new(Passer { pool, drain });
    let limits = ServeLimits { extended_connect: true, ..ServeLimits::default() };
    House::open_with(|listener| Door::new(listener).limits(limits), passer)
}

const GRANTED: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfirst";
const ASKED: &[u8] = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

async fn said(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn an_upgrade_is_passed_on_and_the_end_of_sending_too() {
    let house = house(GRANTED).await;
    let mut stream = house.connect().await;
    stream.write_all(ASKED).await.unwrap();
    let head = said(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("s3pPLM"), "{head}");
    let much = vec![b'x'; 1 << 20];
    let (mut read, mut write) = stream.split();
    let (sent, mut back) = (
        async {
            write.write_all(&much).await.unwrap();
            write.shutdown().await.unwrap()
        },
        Vec::new(),
    );
    let ((), read) = tokio::join!(sent, read.read_to_end(&mut back));
    assert_eq!((read.unwrap(), &back[..5]), (5 + much.len(), &b"first"[..]));
}

#[tokio::test]
async fn fault_10_an_upgrade_that_is_not_granted_opens_nothing() {
    for refused in [
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nevil",
        "HTTP/1.1 101 X\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\nevil",
    ] {
        let house = house(refused).await;
        let mut stream = house.connect().await;
        stream.write_all(ASKED).await.unwrap();
        let head = said(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
        stream.shutdown().await.unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "");
    }
}

#[tokio::test]
async fn an_extended_connect_becomes_an_upgrade() {
    // The key is not ours to choose: without the right answer to it, the tunnel must not open.
    let house = house(
        "HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n\r\n",
    )
    .await;
    let stream = TokioIo::new(house.connect().await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    // With the answer to this, the door's settings have come, and the offer with them.
    let plain = Request::get("http://h/").body(Empty::<Bytes>::new()).unwrap();
    assert_eq!(sender.send_request(plain).await.unwrap().status(), 200);
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = "http://h/".parse().unwrap();
    request.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
    assert_eq!(sender.send_request(request).await.unwrap().status(), 502);
}

fn sides() -> ((DuplexStream, DuplexStream), (DuplexStream, DuplexStream)) {
    (duplex(1024), duplex(1024))
}

#[tokio::test]
async fn fault_26_a_tunnel_in_which_nobody_speaks_ends_for_both() {
    let ((mut caller, near), (mut upstream, far)) = sides();
    let idle = Duration::from_millis(600);
    let tied = tokio::spawn(async move { tunnel(near, far, &limits(idle, &Drain::default())).await });
    let begun = tokio::time::Instant::now();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        upstream.write_all(b"ping").await.unwrap();
        caller.read_exact(&mut [0; 4]).await.unwrap();
    }
    let tied = tied.await.unwrap();
    assert!(matches!(tied.end, TunnelEnd::Idle) && (tied.up, tied.down) == (0, 12), "{tied:?}");
    assert!(begun.elapsed() >= Duration::from_millis(1500), "{:?}", begun.elapsed());
    assert_eq!(caller.read(&mut [0; 4]).await.unwrap(), 0);
    assert_eq!(upstream.read(&mut [0; 4]).await.unwrap(), 0);
}

#[tokio::test]
async fn fault_26_a_half_open_tunnel_carries_on_one_way_and_ends_when_it_is_silent() {
    let ((mut caller, near), (mut upstream, far)) = sides();
    let tied = tokio::spawn(async move {
        tunnel(near, far, &limits(Duration::from_millis(500), &Drain::default())).await
    });
    caller.write_all(b"last").await.unwrap();
    caller.shutdown().await.unwrap();
    let mut read = String::new();
    upstream.read_to_string(&mut read).await.unwrap();
    assert_eq!(read, "last");
    upstream.write_all(b"still here").await.unwrap();
    caller.read_exact(&mut [0; 10]).await.unwrap();
    assert!(matches!(tied.await.unwrap().end, TunnelEnd::Idle));
}

/// Chromium neither ends nor resets the stream of a WebSocket over HTTP/2 whose server has closed it.
#[tokio::test]
async fn fault_26_a_caller_that_says_nothing_after_the_upstream_has_ended_holds_nothing() {
    let ((mut caller, near), (mut upstream, far)) = sides();
    let limits = TunnelLimits { left: Duration::from_millis(300), ..limits(PATIENCE, &Drain::default()) };
    let tied = tokio::spawn(async move { tunnel(near, far, &limits).await });
    upstream.write_all(b"bye").await.unwrap();
    upstream.shutdown().await.unwrap();
    let mut read = String::new();
    caller.read_to_string(&mut read).await.unwrap();
    assert_eq!(read, "bye");
    // What it still says is carried, and starts the wait anew.
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        caller.write_all(b"more").await.unwrap();
        upstream.read_exact(&mut [0; 4]).await.unwrap();
    }
    let tied = tokio::time::timeout(PATIENCE / 2, tied).await.expect("it is held").unwrap();
    assert!(matches!(tied.end, TunnelEnd::Closed) && (tied.up, tied.down) == (12, 3), "{tied:?}");
}

#[tokio::test]
async fn a_tunnel_reads_no_more_than_the_other_side_takes_and_a_drain_ends_it() {
    let ((mut caller, near), (upstream, far)) = sides();
    let drain = Drain::default();
    let draining = drain.clone();
    let tied = tokio::spawn(async move { tunnel(near, far, &limits(PATIENCE, &draining)).await });
    let mut taken = 0;
    let full = async {
        loop {
            taken += caller.write(&[b'x'; 512]).await.unwrap();
        }
    };
    assert!(tokio::time::timeout(Duration::from_millis(300), full).await.is_err());
    assert!(taken <= 1024 * 2 + 16 * 1024, "{taken} bytes were taken that nobody reads");
    drain.start();
    let tied = tokio::time::timeout(PATIENCE, tied).await.expect("it goes on").unwrap();
    assert!(matches!(tied.end, TunnelEnd::Drained));
    drop(upstream);
}
