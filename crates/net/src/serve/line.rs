//! A caller's connection as bytes: what is under it, its seat, and the patience with a peer that does not read.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep};
use tokio_rustls::server::TlsStream;

use super::limits::Pace;
use super::seats::Seat;
use crate::ahead::Ahead;

/// What is under a connection.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Something was read before it was known what it is.
    Unix(Ahead<UnixStream>),
}

/// What a connection holds as long as it lives, upgraded or not.
#[derive(Debug)]
pub(super) struct Holds {
    /// Dropped, it tells a drain that one connection less is open.
    pub(super) _presence: mpsc::Sender<()>,
    pub(super) seat: Option<Seat>,
}

/// A caller's connection as bytes.
#[derive(Debug)]
pub(super) struct Line {
    socket: Socket,
    patience: Patience,
    _holds: Holds,
}

impl Line {
    pub(super) fn new(socket: Socket, pace: Pace, holds: Holds) -> Self {
        Self { socket, patience: Patience::new(pace), _holds: holds }
    }

    pub(super) fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    pub(super) fn socket_ref(&self) -> &Socket {
        &self.socket
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_read(context, into),
            Socket::Tls(stream) => Pin::new(stream).poll_read(context, into),
            Socket::Unix(stream) => Pin::new(stream).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match &mut this.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Socket::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
            Socket::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        };
        this.patience.written(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match &mut this.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Socket::Tls(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Socket::Unix(stream) => Pin::new(stream).poll_write_vectored(context, parts),
        };
        this.patience.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = match &mut this.socket {
            // A socket has nothing to flush.
            Socket::Tcp(_) | Socket::Unix(_) => Poll::Ready(Ok(())),
            Socket::Tls(stream) => Pin::new(stream).poll_flush(context),
        };
        this.patience.flushed(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let ended = match &mut this.socket {
            Socket::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Socket::Tls(stream) => Pin::new(stream).poll_shutdown(context),
            Socket::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        };
        this.patience.flushed(context, ended)
    }
}

/// The patience with a peer that does not read. Without a timer as long as it reads everything at once.
#[derive(Debug)]
struct Patience {
    pace: Pace,
    timer: Option<Pin<Box<Sleep>>>,
    /// Bytes that left since the window began.
    moved: usize,
    /// Whether nothing has left since it was last asked to.
    is_blocked: bool,
}

impl Patience {
    fn new(pace: Pace) -> Self {
        Self { pace, timer: None, moved: 0, is_blocked: false }
    }

    fn written(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => self.wait(context).map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
            Poll::Ready(Ok(count)) => {
                self.moved = self.moved.saturating_add(count);
                self.is_blocked = false;
                written
            }
            Poll::Ready(Err(_)) => written,
        }
    }

    fn flushed(&mut self, context: &mut Context<'_>, flushed: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        if flushed.is_pending() {
            return self.wait(context).map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
        }
        self.timer = None;
        flushed
    }

    /// Waits on, unless it was long enough.
    fn wait(&mut self, context: &mut Context<'_>) -> Option<io::Error> {
        let timer = self.timer.get_or_insert_with(|| {
            (self.moved, self.is_blocked) = (0, false);
            Box::pin(sleep(self.pace.window))
        });
        while timer.as_mut().poll(context).is_ready() {
            // A window in which it was not waited for, at its end, says nothing of the peer.
            if self.is_blocked && self.moved < self.pace.least {
                return Some(io::Error::new(io::ErrorKind::TimedOut, "the peer reads too slowly"));
            }
            self.moved = 0;
            timer.as_mut().reset(Instant::now() + self.pace.window);
        }
        self.is_blocked = true;
        None
    }
}
