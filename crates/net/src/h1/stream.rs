//! The bytes under a connection: TCP, or TLS on it.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

/// Less free room than this, or than an eighth of what is wanted, is not worth a call to the system.
const LITTLE: usize = 1024;

/// Where a connection reads and writes.
pub(crate) trait Transport: AsyncWrite + Unpin {
    /// Puts what has come behind what is in `buffer` and says how much it was, 0 at the end. Nothing is allocated for
    /// something that has not come; after that, at least `room` bytes are read at once if so many are there.
    fn poll_fill(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut BytesMut,
        room: usize,
    ) -> Poll<io::Result<usize>>;
}

/// A connection's stream.
#[derive(Debug)]
pub(crate) enum Stream {
    /// In the clear.
    Plain(TcpStream),
    /// Under TLS.
    Tls(Box<TlsStream<TcpStream>>),
    /// On this machine.
    Unix(UnixStream),
}

impl Stream {
    /// Whether HTTP/2 was agreed on (ALPN).
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self, Self::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2"))
    }
}

impl Transport for Stream {
    fn poll_fill(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut BytesMut,
        room: usize,
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => {
                if buffer.capacity() - buffer.len() < LITTLE.max(room / 8) {
                    ready!(stream.poll_read_ready(context))?;
                    make_room(buffer, room);
                }
                pin!(stream.read_buf(buffer)).poll(context)
            }
            Self::Unix(stream) => {
                if buffer.capacity() - buffer.len() < LITTLE.max(room / 8) {
                    ready!(stream.poll_read_ready(context))?;
                    make_room(buffer, room);
                }
                pin!(stream.read_buf(buffer)).poll(context)
            }
            Self::Tls(stream) => fill_plain(context, &mut **stream, buffer),
        }
    }
}

/// Makes room behind what is in `buffer`. Where nothing is, the room is new: to grow what is there would copy what was taken from its front.
pub(crate) fn make_room(buffer: &mut BytesMut, room: usize) {
    if !buffer.is_empty() {
        buffer.reserve(room);
    } else if !buffer.try_reclaim(room) {
        *buffer = BytesMut::with_capacity(room);
    }
}

/// Fills from TLS, which has its own buffer with the plain bytes: they are copied once, into as much room as they need.
pub(crate) fn fill_plain(
    context: &mut Context<'_>,
    mut stream: impl AsyncBufRead + Unpin,
    buffer: &mut BytesMut,
) -> Poll<io::Result<usize>> {
    let plain = ready!(Pin::new(&mut stream).poll_fill_buf(context))?;
    let count = plain.len();
    buffer.extend_from_slice(plain);
    Pin::new(&mut stream).consume(count);
    Poll::Ready(Ok(count))
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, into),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, into),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(context, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            // A socket has nothing to flush.
            Self::Plain(_) | Self::Unix(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
