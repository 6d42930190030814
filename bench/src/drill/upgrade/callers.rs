//! Callers who want an answer to a short request: over connections that they keep, with and without pauses, over one for each
//! request, and over HTTP/2.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::tally::{Tally, within};
use crate::drill::chance::Chance;
use crate::wire::Wire;

/// What they ask for; it has so many bytes.
const PATH: &str = "/proxy/1k";
const SIZE: usize = 1024;

/// Nobody waits longer for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How `h2` says that a GOAWAY without fault stands against a request.
const UNTAKEN: &str = "connection error received: not a result of an error";

/// Requests under way at once on one HTTP/2 connection.
const AT_ONCE: usize = 4;

/// Asks again and again on one connection, after a pause of at most so long; connects anew when it was told that nothing follows. That a kept
/// connection is closed without a word is a failure.
pub(super) async fn keep_asking(address: SocketAddr, pause: Duration, seed: u64, tally: Arc<Tally>) {
    let (mut kept, mut chance) = (None, Chance::new(seed));
    while !tally.is_over() {
        sleep(pause.mul_f64(chance.share())).await;
        let asked = within(PATIENCE, ask(address, &mut kept, false)).await;
        if tally.count(&asked) && kept.is_none() {
            tally.noticed();
        }
    }
}

/// Asks again and again, each time on a connection of its own.
pub(super) async fn ask_anew(address: SocketAddr, pause: Duration, tally: Arc<Tally>) {
    while !tally.is_over() {
        tally.count(&within(PATIENCE, ask(address, &mut None, true)).await);
        sleep(pause).await;
    }
}

async fn ask(address: SocketAddr, kept: &mut Option<Wire>, is_last: bool) -> Result<()> {
    let (mut wire, which) = match kept.take() {
        Some(wire) => (wire, "a kept connection"),
        None => (Wire::with_room(connect(address).await?, 2 * SIZE)?, "a new connection"),
    };
    let close = if is_last { "connection: close\r\n" } else { "" };
    let request = format!("GET {PATH} HTTP/1.1\r\nhost: {address}\r\n{close}\r\n");
    wire.write(request.as_bytes()).await.with_context(|| format!("{which}: writing"))?;
    let head = wire.head().await.with_context(|| format!("{which}: reading a head"))?;
    let head = head.with_context(|| format!("{which} was closed without a word"))?;
    let mut size = 0;
    let body = wire.body(head.length, &mut |piece| size += piece.len()).await;
    body.with_context(|| format!("{which}: a body was cut after {size} bytes"))?;
    ensure!(head.status == 200, "{which}: status {}", head.status);
    ensure!(size == SIZE, "{which}: a body of {size} bytes");
    if !head.closes {
        *kept = Some(wire);
    }
    Ok(())
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    TcpStream::connect(address).await.context("cannot connect")
}

/// Asks again and again over HTTP/2, several at once on each connection, until the server says that it takes no more there.
pub(super) async fn ask_http2(address: SocketAddr, pause: Duration, tally: Arc<Tally>) {
    while !tally.is_over() {
        let connected = async {
            let stream = connect(address).await?;
            stream.set_nodelay(true)?;
            let shaken = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
            shaken.context("no handshake of HTTP/2")
        };
        match within(PATIENCE, connected).await {
            Err(error) => {
                tally.failed(&error);
                sleep(pause).await;
            }
            Ok((sender, connection)) => {
                let driven = tokio::spawn(connection);
                let mut asking: Vec<_> = Vec::new();
                for _ in 0..AT_ONCE {
                    asking.push(tokio::spawn(ask_streams(address, sender.clone(), pause, tally.clone())));
                }
                drop(sender);
                for asked in asking {
                    asked.await.ok();
                }
                driven.abort();
            }
        }
    }
}

type Sender = http2::SendRequest<Empty<Bytes>>;

/// Until the connection takes no more requests, or one has failed.
async fn ask_streams(address: SocketAddr, mut sender: Sender, pause: Duration, tally: Arc<Tally>) {
    while !tally.is_over() {
        match within(PATIENCE, ask_stream(address, &mut sender)).await {
            Ok(true) => tally.good(),
            Ok(false) => return tally.noticed(),
            Err(error) => return tally.failed(&error),
        }
        sleep(pause).await;
    }
}

/// Whether that is a GOAWAY without fault, by which the server says that it has not taken the request (RFC 9113 section 6.8).
fn is_untaken(error: &hyper::Error) -> bool {
    error.source().is_some_and(|source| source.to_string() == UNTAKEN)
}

/// False when the request was not sent, as the server has said that it takes no more.
async fn ask_stream(address: SocketAddr, sender: &mut Sender) -> Result<bool> {
    if sender.ready().await.is_err() {
        return Ok(false);
    }
    let request = http::Request::get(format!("http://{address}{PATH}")).body(Empty::new())?;
    let answer = match sender.try_send_request(request).await {
        Ok(answer) => answer,
        Err(error) if error.message().is_some() || is_untaken(error.error()) => return Ok(false),
        Err(error) => bail!("HTTP/2: {:?}", error.into_error()),
    };
    ensure!(answer.status() == 200, "HTTP/2: status {}", answer.status());
    let body = answer.into_body().collect().await.context("HTTP/2: a body was cut")?.to_bytes();
    ensure!(body.len() == SIZE, "HTTP/2: a body of {} bytes", body.len());
    Ok(true)
}
