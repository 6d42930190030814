//! The server behind the edge: bodies of the size that the path names, streams of events, and a WebSocket that sends back what it gets.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::frame;

/// Bytes that are read at once: many requests fit.
const ROOM: usize = 4 * 1024;

/// Heads longer than this end the connection.
const MAX_HEAD: usize = 16 * 1024;

/// What it answers, by the end of the path; made once.
#[derive(Clone)]
struct Answers {
    kilobyte: Bytes,
    hundred: Bytes,
}

/// Starts it on a free port of 127.0.0.1, in the load generator's own runtime: so its core has one thread, which never has to be woken
/// by the gateway. It lives as long as the runtime.
pub(crate) async fn start() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("no port for the server")?;
    let address = listener.local_addr()?;
    let answers = Answers { kilobyte: answer(1024), hundred: answer(100 * 1024) };
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answers = answers.clone();
            // An error is a gateway that went away.
            tokio::spawn(async move { serve(stream, &answers).await.ok() });
        }
    });
    Ok(address)
}

fn answer(size: usize) -> Bytes {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {size}\r\n\r\n");
    let mut answer = BytesMut::from(head.as_bytes());
    answer.resize(head.len() + size, b'x');
    answer.freeze()
}

async fn serve(mut stream: TcpStream, answers: &Answers) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::with_capacity(ROOM);
    loop {
        let Some(end) = memmem::find(&buffer, b"\r\n\r\n") else {
            if buffer.len() > MAX_HEAD || !fill(&mut stream, &mut buffer).await? {
                return Ok(());
            }
            continue;
        };
        let path = path(&buffer[..end]);
        if path.ends_with(b"/ws") {
            buffer.advance(end + 4);
            return echo(stream, buffer).await;
        }
        if let Some((count, pace)) = asked_events(path) {
            buffer.advance(end + 4);
            events(&mut stream, count, pace).await?;
            continue;
        }
        let whole = if path.ends_with(b"/100k") { &answers.hundred } else { &answers.kilobyte };
        buffer.advance(end + 4);
        stream.write_all(whole).await?;
    }
}

/// `…/events/COUNT/MILLISECONDS`: so many events, one after each pause.
fn asked_events(path: &[u8]) -> Option<(u32, Duration)> {
    let (count, pace) = std::str::from_utf8(path).ok()?.split_once("/events/")?.1.split_once('/')?;
    Some((count.parse().ok()?, Duration::from_millis(pace.parse().ok()?)))
}

/// What the event of that number says.
pub(crate) fn event(number: u32) -> String {
    format!("data: {number}\n\n")
}

/// What the last event says.
pub(crate) const LAST_EVENT: &str = "data: the end\n\n";

async fn events(stream: &mut TcpStream, count: u32, pace: Duration) -> io::Result<()> {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head).await?;
    let chunk = |event: &str| format!("{:x}\r\n{event}\r\n", event.len());
    let mut ticks = tokio::time::interval(pace);
    for number in 0..count {
        ticks.tick().await;
        stream.write_all(chunk(&event(number)).as_bytes()).await?;
    }
    stream.write_all((chunk(LAST_EVENT) + "0\r\n\r\n").as_bytes()).await
}

/// The path of a request's first line.
fn path(head: &[u8]) -> &[u8] {
    head.split(|byte| *byte == b' ').nth(1).unwrap_or_default()
}

/// False where the other side has closed.
async fn fill(stream: &mut TcpStream, buffer: &mut BytesMut) -> io::Result<bool> {
    buffer.reserve(ROOM);
    Ok(stream.read_buf(buffer).await? > 0)
}

/// Sends every message back. Control frames are sent back as well, which nobody who measures sends.
async fn echo(mut stream: TcpStream, mut buffer: BytesMut) -> io::Result<()> {
    stream.write_all(frame::ACCEPTED).await?;
    let mut back = BytesMut::with_capacity(ROOM);
    loop {
        while let Some(size) = frame::unmask(&buffer, &mut back)? {
            buffer.advance(size);
        }
        if !back.is_empty() {
            stream.write_all(&back).await?;
            back.clear();
        }
        if !fill(&mut stream, &mut buffer).await? {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_path_names_the_size() {
        let address = start().await.unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        for (path, size) in [("/proxy/1k", 1024), ("/proxy/100k", 100 * 1024)] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut got = vec![0; answer(size).len()];
            stream.read_exact(&mut got).await.unwrap();
            assert!(got == answer(size), "{path}");
        }
    }
}
