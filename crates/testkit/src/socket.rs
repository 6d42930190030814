//! A TCP stream that can be closed rudely while hyper owns it.

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::net::TcpStream;

/// A shared handle on one connection; hyper reads and writes through a clone of it.
#[derive(Clone, Debug)]
pub(crate) struct Socket(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stream: TcpStream,
    no_more_requests: AtomicBool,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> Self {
        // Without it, small pieces would wait for each other.
        stream.set_nodelay(true).ok();
        Self(Arc::new(Inner { stream, no_more_requests: AtomicBool::new(false) }))
    }

    /// From now on, closing the connection sends a reset.
    pub(crate) fn reset_on_close(&self) -> io::Result<()> {
        self.0.stream.set_zero_linger()
    }

    /// Ends the sending direction; the peer reads to the end of the stream.
    pub(crate) fn half_close(&self) -> io::Result<()> {
        socket2::SockRef::from(&self.0.stream).shutdown(Shutdown::Write)
    }

    /// Makes the reader see the end of the stream, so that the connection closes when the answer is out.
    pub(crate) fn take_no_more_requests(&self) {
        self.0.no_more_requests.store(true, Ordering::Release);
    }

    /// Writes past hyper; for bytes that hyper would never write.
    pub(crate) async fn write_raw(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.0.stream.writable().await?;
            match self.0.stream.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Bytes taken from the socket at once.
const READ_SIZE: usize = 16 * 1024;

impl Read for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut out: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.no_more_requests.load(Ordering::Acquire) {
            return Poll::Ready(Ok(()));
        }
        let mut buffer = [0; READ_SIZE];
        let room = out.remaining().min(READ_SIZE);
        loop {
            ready!(self.0.stream.poll_read_ready(cx))?;
            match self.0.stream.try_read(&mut buffer[..room]) {
                Ok(read) => {
                    out.put_slice(&buffer[..read]);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Write for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write_with(cx, |stream| stream.try_write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.half_close())
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write_with(cx, |stream| stream.try_write_vectored(parts))
    }
}

impl Socket {
    fn write_with(
        &self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.stream.poll_write_ready(cx))?;
            match write(&self.0.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }
}
