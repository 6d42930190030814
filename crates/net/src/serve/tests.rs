//! Connections that say nothing, half a thing, or everything.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::Incoming;
use http::{Request, Response};
use tokio::net::TcpStream;

use super::connection::PREFACE;
use super::*;
use crate::Drain;
use bytes::Bytes;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Answers after the time in which a first request must have come.
struct Slow;

const HEADER_READ: Duration = Duration::from_millis(200);

impl Handler for Slow {
    type Body = Full<Bytes>;

    fn handle(self: Arc<Self>, _: Request<Incoming>, _: Peer) -> Answering<Self::Body> {
        Box::pin(async move {
            tokio::time::sleep(HEADER_READ * 2).await;
            Response::new(Full::from("late"))
        })
    }
}

/// Sends that and reads to the end.
async fn told(bytes: &[u8]) -> Vec<u8> {
    let listener = crate::listen::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let limits = ServeLimits { header_read: HEADER_READ, ..ServeLimits::default() };
    tokio::spawn(serve(listener, Arc::new(Slow), limits, Drain::default()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut read = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut read)).await;
    // Closed with bytes unread, a connection is reset.
    assert!(ended.is_ok(), "the connection is kept");
    read
}

#[tokio::test]
async fn a_peer_that_says_nothing_or_half_a_preface_is_let_go() {
    for said in ["", "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HT"] {
        assert!(!told(said.as_bytes()).await.starts_with(b"HTTP/1.1 200"), "{said:?}");
    }
}

#[tokio::test]
async fn a_request_under_way_is_not_cut_by_the_limit_for_the_first() {
    let answer = told(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"late"));
}

#[tokio::test]
async fn a_preface_that_comes_byte_by_byte_is_answered_in_http2() {
    let listener = crate::listen::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, Arc::new(Slow), ServeLimits::default(), Drain::default()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in PREFACE {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "no settings frame: {head:?}");
}

#[tokio::test]
async fn a_drain_does_not_wait_for_a_peer_that_has_said_nothing() {
    let listener = crate::listen::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let drain = Drain::default();
    let served = tokio::spawn(serve(listener, Arc::new(Slow), ServeLimits::default(), drain.clone()));
    let silent = TcpStream::connect(address).await.unwrap();
    let mut other = TcpStream::connect(address).await.unwrap();
    // Once this one has its answer, the one before it has been accepted.
    other.write_all(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await.unwrap();
    other.read_to_end(&mut Vec::new()).await.unwrap();
    drain.start();
    tokio::time::timeout(Duration::from_secs(20), served).await.expect("it still waits").unwrap();
    drop(silent);
}

#[test]
fn fault_23_a_connection_that_waits_is_small() {
    let size = size_of::<crate::h1::server::connection::Connection<Slow, super::line::Line>>();
    assert!(size <= 768, "{size} bytes");
}
