//! WebSockets of the load generator: each sends a message, waits until it is back, and sends the next.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{CONNECTIONS, Counts, Measured, Span, each};
use crate::process::Gateway;
use crate::upstream::frame;

/// What every message says.
const TEXT: &[u8; frame::MESSAGE] = b"all work and no play makes a dull message of sixty-four bytes ..";

/// Messages there and back, over as many WebSockets as there are connections elsewhere.
pub(crate) async fn messages(
    address: SocketAddr,
    path: &'static str,
    span: Span,
    gateway: Option<&Gateway>,
) -> Result<Measured> {
    each(CONNECTIONS, |counts| talk(address, path, counts), span, gateway).await
}

async fn talk(address: SocketAddr, path: &'static str, counts: Rc<Counts>) -> Result<()> {
    let mut stream = open(address, path).await?;
    let (sent, expected) = (frame::masked(TEXT), frame::plain(TEXT));
    let mut got = vec![0; expected.len()];
    loop {
        let since = Instant::now();
        stream.write_all(&sent).await?;
        stream.read_exact(&mut got).await.context("a message did not come back")?;
        ensure!(got == expected, "another message came back: {got:x?}");
        counts.answer(since, None, Instant::now());
    }
}

/// A WebSocket to that path.
pub(crate) async fn open(address: SocketAddr, path: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(frame::opening(path, &address.to_string()).as_bytes()).await?;
    let mut head = Vec::new();
    // Byte by byte, once: nothing of what follows the head is taken away.
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.context("no answer to the opening")?);
    }
    let said = String::from_utf8_lossy(&head);
    ensure!(said.starts_with("HTTP/1.1 101") && said.contains(frame::ACCEPT), "no WebSocket: {said}");
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn messages_come_back() {
        let origin = crate::upstream::origin::start().await.unwrap();
        let span = Span { warm_up: Duration::ZERO, measured: Duration::from_millis(1) };
        let measured = messages(origin, "/ws", span, None).await.unwrap();
        assert!(measured.answers > 0);
        // The server's answer to another path is no WebSocket.
        messages(origin, "/1k", span, None).await.unwrap_err();
    }
}
