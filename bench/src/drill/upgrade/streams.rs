//! What stays open while processes come and go: WebSockets whose messages come back, and streams of events.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::tally::{Tally, within};
use crate::drill::chance::Chance;
use crate::load::open_websocket;
use crate::upstream::frame::{self, MESSAGE};
use crate::upstream::origin::{LAST_EVENT, event};
use crate::wire::Wire;

/// Nobody waits longer for a message, or for an event.
const PATIENCE: Duration = Duration::from_secs(10);

/// Milliseconds between two events.
const PACE: u64 = 100;

/// Sends messages over WebSockets that live so long each, and waits for each to come back.
pub(super) async fn echo(address: SocketAddr, life: Duration, pause: Duration, tally: Arc<Tally>) {
    let mut number = 0_u64;
    while !tally.is_over() {
        let born = Instant::now();
        let mut stream = match within(PATIENCE, open_websocket(address, "/proxy/ws")).await {
            Ok(stream) => stream,
            Err(error) => {
                tally.failed(&error.context("a WebSocket was not opened"));
                sleep(pause).await;
                continue;
            }
        };
        while born.elapsed() < life && !tally.is_over() {
            number += 1;
            if !tally.count(&within(PATIENCE, send_message(&mut stream, number)).await) {
                break;
            }
            sleep(pause).await;
        }
    }
}

async fn send_message(stream: &mut TcpStream, number: u64) -> Result<()> {
    let mut text = [b' '; MESSAGE];
    text[..20].copy_from_slice(format!("{number:020}").as_bytes());
    stream.write_all(&frame::masked(&text)).await.context("a message could not be sent")?;
    let expected = frame::plain(&text);
    let mut got = vec![0; expected.len()];
    stream.read_exact(&mut got).await.context("a message did not come back")?;
    ensure!(got == expected, "another message came back");
    Ok(())
}

/// How long a stream is: seconds, at least and at most.
pub(super) type Span = [f64; 2];

/// Reads streams of events, one after the other, each to its last event.
pub(super) async fn listen(address: SocketAddr, span: Span, seed: u64, tally: Arc<Tally>) {
    let mut chance = Chance::new(seed);
    while !tally.is_over() {
        let seconds = span[0] + (span[1] - span[0]) * chance.share();
        let count = (seconds * 1000.0 / PACE as f64) as u32;
        let limit = Duration::from_secs_f64(seconds) + PATIENCE;
        tally.count(&within(limit, events(address, count)).await);
        sleep(Duration::from_millis(PACE)).await;
    }
}

async fn events(address: SocketAddr, count: u32) -> Result<()> {
    let mut wire = Wire::with_room(TcpStream::connect(address).await?, 1024)?;
    let request =
        format!("GET /proxy/events/{count}/{PACE} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    wire.write(request.as_bytes()).await.context("a stream was not asked for")?;
    let head = wire.head().await?.context("a stream's connection was closed without a word")?;
    ensure!(head.status == 200, "a stream has status {}", head.status);
    let mut told = String::new();
    let read = wire.body(head.length, &mut |piece| told += &String::from_utf8_lossy(piece)).await;
    read.with_context(|| format!("a stream was cut after {} bytes", told.len()))?;
    let expected: String = (0..count).map(event).chain([LAST_EVENT.to_owned()]).collect();
    ensure!(told == expected, "a stream of {count} events ends with {:?}", told.lines().last());
    Ok(())
}
