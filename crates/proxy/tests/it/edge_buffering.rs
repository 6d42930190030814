//! Bodies that are read ahead of a slow side, in memory and on disk.

use std::sync::Arc;

use tidegate_proxy::edge::{Action, BufferRules};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::edge_house::{below, body, header, open, proxy, route, site, status, upstream};
use crate::house::{House, PATIENCE};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn rules(folder: &tempfile::TempDir, memory: u64, disk: u64) -> BufferRules {
    BufferRules { memory, disk, folder: folder.path().to_owned() }
}

/// Bytes that tell where they belong.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 251 + at) as u8).collect()
}

async fn collecting(servers: &[&str], rules: BufferRules) -> House {
    let mut collecting = proxy(servers);
    collecting.collects_request = Some(rules);
    open(site(vec![(below("/"), route(Action::Proxy(Box::new(collecting))))])).await
}

#[tokio::test]
async fn a_body_that_was_collected_goes_to_the_next_server_whole() {
    let folder = tempfile::tempdir().unwrap();
    let broken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let first = format!("http://{}", broken.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = broken.accept().await {
            // More than is kept without buffering.
            stream.read_exact(&mut [0; 200_000]).await.unwrap();
        }
    });
    let (second, heard) = upstream(OK).await;
    for memory in [16 * 1024, 1 << 20] {
        let house = collecting(&[&first, &second], rules(&folder, memory, 0)).await;
        let sent: String = (0..60_000).map(|at| format!("{:04}-", at % 10_000)).collect();
        let ask = format!(
            "PUT / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{sent}",
            sent.len()
        );
        let answer = crate::edge_house::say(house.address, &ask).await;
        assert_eq!(status(&answer), "200", "{answer}");
        let request = heard.lock().unwrap().pop().unwrap();
        assert!(body(&request) == sent, "memory {memory}: {} of {}", body(&request).len(), sent.len());
        let line = house.only_line();
        assert_eq!(line["attempts"], 2, "{line}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "files have no names");
}

#[tokio::test]
async fn a_server_is_asked_when_all_of_a_collected_body_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (url, heard) = upstream(OK).await;
    let house = collecting(&[&url], rules(&folder, 1024, 0)).await;
    let mut client = TcpStream::connect(house.address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    for piece in [head, "5\r\nfirst\r\n", "6\r\nsecond\r\n", "0\r\n\r\n"] {
        client.write_all(piece.as_bytes()).await.unwrap();
    }
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), "200");
    let request = heard.lock().unwrap()[0].clone();
    assert_eq!((header(&request, "content-length"), body(&request)), (Some("11"), "firstsecond"));
}

#[tokio::test]
async fn a_collected_body_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let (url, heard) = upstream(OK).await;
    let mut collecting = proxy(&[&url]);
    (collecting.collects_request, collecting.body_limit) = (Some(rules(&folder, 10, 0)), 100);
    let house = open(site(vec![(below("/"), route(Action::Proxy(Box::new(collecting))))])).await;
    let chunk = format!("65\r\n{}\r\n0\r\n\r\n", "x".repeat(0x65));
    for (framing, text) in [("content-length: 101", "x".repeat(101)), ("transfer-encoding: chunked", chunk)] {
        let ask = format!("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{framing}\r\n\r\n{text}");
        assert_eq!(status(&crate::edge_house::say(house.address, &ask).await), "413", "{framing}");
    }
    assert!(heard.lock().unwrap().is_empty());
}

/// A server that answers once with so many bytes, and tells when it has said all.
async fn talker(length: usize) -> (String, oneshot::Receiver<()>, Arc<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (done, told) = oneshot::channel();
    let said = Arc::new(pattern(length));
    let says = said.clone();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut head).await.unwrap();
        }
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&says).await.unwrap();
        done.send(()).unwrap();
    });
    (url, told, said)
}

async fn asked(url: &str, rules: BufferRules) -> (House, TcpStream) {
    let mut ahead = proxy(&[url]);
    ahead.reads_ahead = Some(rules);
    let house = open(site(vec![(below("/"), route(Action::Proxy(Box::new(ahead))))])).await;
    let mut client = TcpStream::connect(house.address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    (house, client)
}

async fn read_all(mut client: TcpStream, said: &[u8]) {
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    let at = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    assert!(answer[at..] == *said, "{} of {} bytes, or others", answer.len() - at, said.len());
}

#[tokio::test]
async fn an_answer_is_read_ahead_of_a_client_that_does_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let (url, told, said) = talker(32 << 20).await;
    let (house, client) = asked(&url, rules(&folder, 64 * 1024, 64 << 20)).await;
    tokio::time::timeout(PATIENCE, told).await.expect("the server waits for the client").unwrap();
    read_all(client, &said).await;
    let line = house.only_line();
    assert_eq!(line["outcome"], "complete", "{line}");
}

#[tokio::test]
async fn an_answer_that_is_longer_than_the_bounds_comes_whole() {
    for (memory, disk) in [(32 * 1024, 256 * 1024), (0, 64 * 1024), (64 * 1024, 0), (0, 0)] {
        let folder = tempfile::tempdir().unwrap();
        let (url, told, said) = talker(4 << 20).await;
        let (_house, client) = asked(&url, rules(&folder, memory, disk)).await;
        read_all(client, &said).await;
        told.await.unwrap();
    }
}
