//! HTTP/2 as an attacker speaks it: floods, bombs and fields without end. Others on other connections notice nothing.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{Either, Full};
use tidegate_net::{Answering, Door, Handler, Incoming, Pace, Peer, ServeLimits};
use tidegate_testkit::http2::{ACK, END_HEADERS, END_STREAM, Told, Wire, block, code, frame, integer, kind};
use tokio::sync::Notify;

use crate::house::House;

/// What a torrent comes in.
const PIECE: usize = 16 * 1024;
/// What a door lets one connection do at once, here.
const STREAMS: u32 = 100;
const GOOD: &[(&str, &str)] = &[(":method", "GET"), (":scheme", "http"), (":authority", "h"), (":path", "/")];

/// Counts requests; those for `/held` are never answered, `/torrent` is answered without end.
#[derive(Default)]
struct Counter {
    asked: AtomicUsize,
    held: AtomicUsize,
    most: AtomicUsize,
    given: AtomicUsize,
    left: Notify,
}

/// A held request, counted as long as it is there.
struct Held(Arc<Counter>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Handler for Counter {
    type Body = Either<Full<Bytes>, Torrent>;

    fn handle(self: Arc<Self>, request: Request<Incoming>, _: Peer) -> Answering<Self::Body> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            match request.uri().path() {
                "/held" => {
                    self.most.fetch_max(self.held.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let _held = Held(self.clone());
                    std::future::pending().await
                }
                "/torrent" => {
                    self.held.fetch_add(1, Ordering::SeqCst);
                    Response::new(Either::Right(Torrent(self.clone())))
                }
                _ => Response::new(Either::Left(Full::from("ok"))),
            }
        })
    }
}

fn house_with(limits: ServeLimits) -> (House, Arc<Counter>) {
    let counter = Arc::new(Counter::default());
    (House::open_with(|listener| Door::new(listener).limits(limits), counter.clone()), counter)
}

fn house() -> (House, Arc<Counter>) {
    house_with(ServeLimits { streams: STREAMS, ..ServeLimits::default() })
}

/// That others are served as ever.
async fn others_are_served(house: &House) {
    let mut other = Wire::open(house.address).await.unwrap();
    assert_eq!(other.ask(1, GOOD).await, Told::Status(200));
}

fn at(path: &str) -> Vec<u8> {
    let fields: Vec<_> =
        GOOD.iter().map(|(name, value)| (*name, if *name == ":path" { path } else { value })).collect();
    block(&fields)
}

/// Sends all of it, as far as the door takes it, while its end is waited for.
async fn flood(house: &House, bytes: Vec<u8>) -> Option<u32> {
    let mut wire = Wire::open(house.address).await.unwrap();
    wire.send_bytes(&bytes).await.ok();
    wire.ending().await.expect("the connection goes on")
}

/// A flood of requests is broken off, and few of them are asked for at once.
async fn is_calmed(house: &House, counter: &Counter, bytes: Vec<u8>) {
    let told = flood(house, bytes).await;
    assert!(matches!(told, None | Some(code::ENHANCE_YOUR_CALM)), "{told:?}");
    let (asked, most) = (counter.asked.load(Ordering::SeqCst), counter.most.load(Ordering::SeqCst));
    assert!(asked <= 1100 && most <= STREAMS as usize, "{asked} were asked, {most} at once");
    others_are_served(house).await;
}

#[tokio::test]
async fn fault_16_rapid_reset() {
    let (house, counter) = house();
    let mut bytes = Vec::new();
    for stream in (1..20_000).step_by(2) {
        bytes.extend(frame(kind::HEADERS, END_STREAM | END_HEADERS, stream, &at("/held")));
        bytes.extend(frame(kind::RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    is_calmed(&house, &counter, bytes).await;
}

#[tokio::test]
async fn fault_17_continuations_without_end() {
    let (house, counter) = house();
    let mut first = frame(kind::HEADERS, END_STREAM, 1, &at("/"));
    for piece in [block(&[("x", &"x".repeat(16_000))]), Vec::new()] {
        let more = frame(kind::CONTINUATION, 0, 1, &piece);
        let mut wire = Wire::open(house.address).await.unwrap();
        wire.send_bytes(&first).await.unwrap();
        let mut sent = 0_usize;
        let refused = async {
            while wire.send_bytes(&more).await.is_ok() {
                sent += more.len();
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(20), refused).await;
        // What the sockets hold on the way is not the door's memory.
        assert!(ended.is_ok(), "{sent} bytes of fields were taken, and no end of it");
        first = frame(kind::HEADERS, END_STREAM, 1, &at("/"));
    }
    assert_eq!(counter.asked.load(Ordering::SeqCst), 0);
    others_are_served(&house).await;
}

#[tokio::test]
async fn fault_18_fields_count_as_decoded() {
    let (house, counter) = house();
    let crumbs = [GOOD, &[("cookie", "a=b"); 10_000]].concat();
    // A field of 4,000 bytes goes into the table (RFC 7541 section 6.2.1) and is then named by one byte, 1,000 times.
    let mut bomb = at("/");
    bomb.push(0x40);
    bomb.extend([1, b'x'].into_iter().chain(integer(4_000, 7)).chain(vec![b'x'; 4_000]));
    bomb.extend([0x80 | 62; 1_000]);
    // A hundred thousand small ones, in the same way.
    let mut many = at("/");
    many.extend([0x40, 1, b'x', 1, b'y']);
    many.extend(vec![0x80 | 62; 100_000]);
    for fields in [block(&crumbs), bomb, many] {
        let mut wire = Wire::open(house.address).await.unwrap();
        let mut bytes = Vec::new();
        let pieces: Vec<_> = fields.chunks(16_000).collect();
        for (nth, piece) in pieces.iter().enumerate() {
            let kind = if nth == 0 { kind::HEADERS } else { kind::CONTINUATION };
            let last = if nth + 1 == pieces.len() { END_HEADERS } else { 0 };
            bytes.extend(frame(kind, last | if nth == 0 { END_STREAM } else { 0 }, 1, piece));
        }
        wire.send_bytes(&bytes).await.ok();
        let told = wire.told(1).await;
        assert!(!matches!(told, Told::Status(200)), "{} bytes of fields: {told:?}", fields.len());
    }
    assert_eq!(counter.asked.load(Ordering::SeqCst), 0);
    others_are_served(&house).await;
}

/// "MadeYouReset": the peer's own errors have the door reset its streams, while the handler goes on working.
#[tokio::test]
async fn fault_19_resets_that_the_peer_brings_about() {
    let (house, counter) = house();
    let mut bytes = Vec::new();
    for stream in (1..20_000).step_by(2) {
        // More than it said it would send.
        let head = [at("/held"), block(&[("content-length", "1")])].concat();
        bytes.extend(frame(kind::HEADERS, END_HEADERS, stream, &head));
        bytes.extend(frame(kind::DATA, 0, stream, b"two"));
    }
    is_calmed(&house, &counter, bytes).await;
}

/// Answers to them that nobody reads must not pile up: the door stops reading.
#[tokio::test]
async fn fault_19_pings_and_settings_whose_answers_nobody_reads() {
    let (house, _) = house();
    for one in [frame(kind::PING, 0, 0, &[0; 8]), frame(kind::SETTINGS, 0, 0, &[0, 4, 0, 0, 1, 0])] {
        let mut wire = Wire::open(house.address).await.unwrap();
        let many = one.repeat(10_000);
        let mut sent = 0_usize;
        let pressed = async {
            while sent < 1 << 30 && wire.send_bytes(&many).await.is_ok() {
                sent += many.len();
            }
        };
        // Either it no longer takes them, or it has ended the connection.
        let _ = tokio::time::timeout(Duration::from_secs(2), pressed).await;
        assert!(sent < 64 << 20, "{sent} bytes were taken");
        others_are_served(&house).await;
    }
}

#[tokio::test]
async fn fault_19_data_without_data() {
    let (house, _) = house();
    let mut bytes = frame(kind::HEADERS, END_HEADERS, 1, &at("/held"));
    bytes.extend(frame(kind::DATA, 0, 1, &[]).repeat(1_000_000));
    let told = flood(&house, bytes).await;
    assert!(matches!(told, None | Some(code::ENHANCE_YOUR_CALM)), "{told:?}");
    others_are_served(&house).await;
}

/// A torrent in pieces of 16 KiB, and how much of it was taken.
struct Torrent(Arc<Counter>);

impl Drop for Torrent {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::SeqCst);
        self.0.left.notify_one();
    }
}

impl Body for Torrent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.given.fetch_add(PIECE, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; PIECE])))))
    }
}

/// The torrent is asked for; the connection has room, its stream the 65,535 bytes of the beginning.
async fn torrent() -> (House, Arc<Counter>, Wire) {
    let reading = Pace { window: Duration::from_millis(600), least: PIECE };
    let (house, counter) = house_with(ServeLimits { reading, ..ServeLimits::default() });
    let mut wire = Wire::open(house.address).await.unwrap();
    wire.send(kind::WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes()).await.unwrap();
    wire.send(kind::HEADERS, END_STREAM | END_HEADERS, 1, &at("/torrent")).await.unwrap();
    (house, counter, wire)
}

#[tokio::test]
async fn fault_21_a_stream_without_room_is_given_up_and_the_others_go_on() {
    let (_house, counter, mut wire) = torrent().await;
    let begun = Instant::now();
    let reset = async {
        loop {
            let frame = wire.frame().await.unwrap();
            if frame.kind == kind::RST_STREAM && frame.stream == 1 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(8), reset).await.expect("it is kept");
    assert!(begun.elapsed() >= Duration::from_millis(600));
    counter.left.notified().await;
    let given = counter.given.load(Ordering::SeqCst);
    assert!(given <= 65_535 + 64 * 1024 + PIECE, "{given} bytes were taken for nobody");
    assert_eq!(wire.ask(3, GOOD).await, Told::Status(200));
}

#[tokio::test]
async fn fault_21_a_stream_with_little_room_goes_on() {
    let (_house, counter, mut wire) = torrent().await;
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        wire.send(kind::WINDOW_UPDATE, 0, 1, &(2 * PIECE as u32).to_be_bytes()).await.unwrap();
    }
    assert_eq!(counter.held.load(Ordering::SeqCst), 1, "it was given up");
}

#[tokio::test]
async fn rfc_9113_6_5_settings_and_pings_are_answered() {
    let (house, _) = house();
    let mut wire = Wire::open(house.address).await.unwrap();
    wire.send(kind::PING, 0, 0, b"01234567").await.unwrap();
    loop {
        let frame = wire.frame().await.unwrap();
        if frame.kind == kind::PING {
            assert_eq!((frame.flags, &frame.payload[..]), (ACK, &b"01234567"[..]));
            break;
        }
    }
}
