//! The beginning of a connection: a PROXY header, a handshake, and which version of HTTP it is.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tracing::debug;

use super::Peer;
use super::connection::PREFACE;
use super::door::{Accepted, Shared, Trust};
use super::line::Socket;
use super::proxy_protocol::{self, Header, LONGEST};
use super::seats::Seat;
use crate::ahead::Ahead;
use crate::tls::TlsServer;

/// How often the rest of something half is looked for that must not be taken yet.
const LOOK: Duration = Duration::from_millis(10);
/// How long somebody who speaks in the clear to a TLS port is given to read why that is wrong.
const PARTING: Duration = Duration::from_secs(1);
/// The answer to HTTP in the clear on a port for TLS. In text, as it is a person who sees it.
const NOT_TLS: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 73\r\n\
    connection: close\r\n\r\nThis port speaks HTTPS, and the request came in HTTP. Ask with https://.\n";

/// A connection of which it is known what it speaks.
pub(super) struct Greeted {
    pub(super) socket: Socket,
    pub(super) peer: Peer,
    pub(super) is_http2: bool,
}

/// Learns what a connection is. `None` when there is nothing to serve on it.
pub(super) async fn greet(
    shared: &Shared,
    accepted: Accepted,
    seat: &mut Option<Seat>,
) -> io::Result<Option<Greeted>> {
    match accepted {
        Accepted::Tcp(stream, address) => greet_tcp(shared, stream, address, seat).await,
        Accepted::Unix(stream) => greet_unix(shared, stream, seat).await,
    }
}

async fn greet_tcp(
    shared: &Shared,
    mut stream: TcpStream,
    address: SocketAddr,
    seat: &mut Option<Seat>,
) -> io::Result<Option<Greeted>> {
    stream.set_nodelay(true)?;
    let mut peer = Peer::new(address);
    if shared.trust.as_ref().is_some_and(|trust| trust.includes(address.ip())) {
        tell(&mut peer, take_header(&mut stream).await?);
    }
    if !sits(seat, &peer) {
        return Ok(None);
    }
    let Some(tls) = &shared.tls else {
        let is_http2 = begins_http2(&stream).await?;
        return Ok(Some(Greeted { socket: Socket::Tcp(stream), peer, is_http2 }));
    };
    secure(tls, stream, peer).await
}

async fn secure(tls: &TlsServer, stream: TcpStream, mut peer: Peer) -> io::Result<Option<Greeted>> {
    let mut first = [0];
    let seen = tokio::time::timeout(tls.handshake_limit(), stream.peek(&mut first)).await;
    if seen?? == 1 && first[0].is_ascii_uppercase() {
        refuse_clear(stream).await?;
        return Ok(None);
    }
    let Some((stream, secured)) = tls.accept(stream).await? else { return Ok(None) };
    let is_http2 = secured.http2;
    peer.secured = Some(Arc::new(secured));
    Ok(Some(Greeted { socket: Socket::Tls(Box::new(stream)), peer, is_http2 }))
}

async fn greet_unix(
    shared: &Shared,
    mut stream: UnixStream,
    seat: &mut Option<Seat>,
) -> io::Result<Option<Greeted>> {
    let mut peer = Peer::new((Ipv4Addr::LOCALHOST, 0).into());
    let mut before = BytesMut::with_capacity(1024);
    if shared.trust.as_ref().is_some_and(Trust::includes_unix) {
        let header = loop {
            match proxy_protocol::parse(&before) {
                Ok(Some(header)) => break header,
                Ok(None) if before.len() < LONGEST => read_more(&mut stream, &mut before).await?,
                _ => return Err(malformed()),
            }
        };
        let _ = before.split_to(header.length);
        tell(&mut peer, header);
    }
    if !sits(seat, &peer) {
        return Ok(None);
    }
    while before.is_empty() || (before.len() < PREFACE.len() && PREFACE.starts_with(&before)) {
        read_more(&mut stream, &mut before).await?;
    }
    let is_http2 = before.starts_with(PREFACE);
    let socket = Socket::Unix(Ahead::new(before.freeze(), stream));
    Ok(Some(Greeted { socket, peer, is_http2 }))
}

async fn read_more(stream: &mut UnixStream, before: &mut BytesMut) -> io::Result<()> {
    match stream.read_buf(before).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Whether the connection may stay, now that its address is known.
fn sits(seat: &mut Option<Seat>, peer: &Peer) -> bool {
    let stays = seat.as_mut().is_none_or(|seat| seat.belongs_to(peer.address.ip()));
    if !stays {
        debug!(peer = %peer.address, "too many connections from one address");
    }
    stays
}

fn tell(peer: &mut Peer, header: Header) {
    if let Some(address) = header.address {
        peer.via = Some(std::mem::replace(&mut peer.address, address));
    }
}

/// Takes the PROXY header off a connection, and not a byte more.
async fn take_header(stream: &mut TcpStream) -> io::Result<Header> {
    let mut seen = vec![0; LONGEST];
    loop {
        let count = stream.peek(&mut seen).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match proxy_protocol::parse(&seen[..count]) {
            Ok(Some(header)) => {
                stream.read_exact(&mut seen[..header.length]).await?;
                return Ok(header);
            }
            Ok(None) if count < LONGEST => tokio::time::sleep(LOOK).await,
            _ => return Err(malformed()),
        }
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "there is no PROXY header where one must be")
}

/// Whether a connection begins as HTTP/2 does. Its bytes stay where they are: hyper-util's way, to read them and put them
/// back, lets hyper's buffer begin at 16 KiB instead of 8.
async fn begins_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut seen = [0; PREFACE.len()];
    loop {
        let count = stream.peek(&mut seen).await?;
        if count == 0 || seen[..count] != PREFACE[..count] {
            return Ok(false);
        }
        if count == PREFACE.len() {
            return Ok(true);
        }
        // It would be told of the same bytes again at once.
        tokio::time::sleep(LOOK).await;
    }
}

/// Says why, and closes so that it is read: what was sent must be taken, or the peer sees a reset.
async fn refuse_clear(mut stream: TcpStream) -> io::Result<()> {
    let parting = async {
        stream.write_all(NOT_TLS).await?;
        stream.shutdown().await?;
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        Ok(())
    };
    tokio::time::timeout(PARTING, parting).await.unwrap_or(Ok(()))
}
