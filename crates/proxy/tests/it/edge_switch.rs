//! WebSockets and other protocols through the edge.

use std::time::Duration;

use bytes::BufMut;
use tidegate_proxy::edge::Action;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::edge_house::{below, open, passing, proxy, route, site, status};

const ASK: &str = "GET /socket HTTP/1.1\r\nhost: app.test\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const GRANT: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A server that answers the first request of a connection with that, and sends back whatever follows.
async fn echo(answer: &'static str) -> String {
    let url = crate::raw_upstream::upstream(move |_, mut stream| async move {
        head(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        let (mut read, mut write) = stream.split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    })
    .await;
    url.trim_end_matches("/v1").to_owned()
}

/// Reads up to the end of a head.
async fn head(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut (&mut read).limit(1)).await.unwrap(), 0, "{read:?}");
    }
    String::from_utf8(read).unwrap()
}

#[tokio::test]
async fn a_websocket_goes_through_both_ways_and_is_written_down_at_its_end() {
    let house = passing(&echo(GRANT).await).await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    // What is said before the answer is there must not be lost.
    stream.write_all(format!("{ASK}early ").as_bytes()).await.unwrap();
    let granted = head(&mut stream).await;
    assert_eq!(status(&granted), "101");
    assert!(granted.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{granted}");
    let mut said = [0; 6];
    stream.read_exact(&mut said).await.unwrap();
    stream.write_all(b"and late").await.unwrap();
    let mut late = [0; 8];
    stream.read_exact(&mut late).await.unwrap();
    assert_eq!((&said, &late), (b"early ", b"and late"));
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    let line = house.only_line();
    assert_eq!((&line["status"], &line["outcome"]), (&101.into(), &"complete".into()), "{line}");
}

#[tokio::test]
async fn fault_10_a_server_that_does_not_switch_gets_no_bytes_that_follow() {
    let (url, heard) = crate::edge_house::upstream("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno").await;
    let house = passing(&url).await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    let hidden = "GET /hidden HTTP/1.1\r\nhost: app.test\r\nconnection: close\r\n\r\n";
    stream.write_all(format!("{ASK}{hidden}").as_bytes()).await.unwrap();
    let mut read = String::new();
    stream.read_to_string(&mut read).await.unwrap();
    assert_eq!(status(&read), "200");
    for request in heard.lock().unwrap().iter() {
        assert_eq!(request.matches("HTTP/1.1").count(), 1, "bytes of a tunnel: {request}");
    }
}

#[tokio::test]
async fn a_server_that_switches_to_what_nobody_asked_for_is_a_502() {
    let other = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n";
    let house = passing(&echo(other).await).await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(ASK.as_bytes()).await.unwrap();
    assert_eq!(status(&head(&mut stream).await), "502");
}

#[tokio::test]
async fn a_tunnel_in_which_nobody_speaks_ends() {
    let mut quick = proxy(&[&echo(GRANT).await]);
    quick.times.idle = Duration::from_millis(100);
    let house = open(site(vec![(below("/"), route(Action::Proxy(Box::new(quick))))])).await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(ASK.as_bytes()).await.unwrap();
    assert_eq!(status(&head(&mut stream).await), "101");
    assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap(), 0);
}
