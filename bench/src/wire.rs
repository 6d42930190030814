//! As much of HTTP/1.1 as the load generator and the fake provider need, and as cheap as it can be.

use std::io;

use bytes::BytesMut;
use memchr::{memchr, memmem};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Heads longer than this are an error.
const MAX_HEAD: usize = 64 * 1024;

/// One connection, read message by message.
pub(crate) struct Wire {
    stream: Stream,
    buffer: BytesMut,
    /// Bytes that are read at once.
    room: usize,
}

/// In the clear, or not.
enum Stream {
    Plain(TcpStream),
    Secured(Box<TlsStream<TcpStream>>),
}

/// How long a message's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// `content-length`, or nothing said.
    Bytes(usize),
    /// `transfer-encoding: chunked`.
    Chunked,
}

/// The head of a request or a response.
#[derive(Debug)]
pub(crate) struct Head {
    /// Of a response; 0 of a request.
    pub(crate) status: u16,
    pub(crate) length: Length,
    /// `retry-after` of a response, in seconds.
    pub(crate) retry_after: Option<f64>,
    /// `connection: close`: nothing follows on the connection.
    pub(crate) closes: bool,
}

impl Wire {
    /// Takes a connected socket; small writes leave at once.
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        Self::with_room(stream, 16 * 1024)
    }

    /// The same, reading at most `room` bytes at once: for thousands of connections that mostly wait.
    pub(crate) fn with_room(stream: TcpStream, room: usize) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream: Stream::Plain(stream), buffer: BytesMut::new(), room })
    }

    /// The same under TLS, after the handshake.
    pub(crate) fn secured(stream: TlsStream<TcpStream>, room: usize) -> Self {
        Self { stream: Stream::Secured(Box::new(stream)), buffer: BytesMut::new(), room }
    }

    /// Returns when the other side has closed. To be asked between a request's last byte and its answer.
    pub(crate) async fn closed(&mut self) {
        while matches!(self.fill().await, Ok(1..)) {}
    }

    /// Sends all of it.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes).await,
            Stream::Secured(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// The next message's head; `None` where the other side has closed between two messages.
    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") {
                let head = parse(&self.buffer[..end + 2])?;
                drop(self.buffer.split_to(end + 4));
                return Ok(Some(head));
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(invalid("a head without end"));
            }
            if self.fill().await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(cut()) };
            }
        }
    }

    /// Reads the body that belongs to a head, and hands each piece of it to `see` as it comes.
    pub(crate) async fn body(&mut self, length: Length, see: &mut impl FnMut(&[u8])) -> io::Result<()> {
        match length {
            Length::Bytes(size) => self.sized(size, see).await,
            Length::Chunked => self.chunked(see).await,
        }
    }

    async fn sized(&mut self, mut left: usize, see: &mut impl FnMut(&[u8])) -> io::Result<()> {
        while left > 0 {
            if self.buffer.is_empty() && self.fill().await? == 0 {
                return Err(cut());
            }
            let piece = self.buffer.split_to(left.min(self.buffer.len()));
            left -= piece.len();
            see(&piece);
        }
        Ok(())
    }

    async fn chunked(&mut self, see: &mut impl FnMut(&[u8])) -> io::Result<()> {
        loop {
            let size = self.chunk_size().await?;
            self.sized(size, see).await?;
            while self.buffer.len() < 2 {
                if self.fill().await? == 0 {
                    return Err(cut());
                }
            }
            if !self.buffer.starts_with(b"\r\n") {
                return Err(invalid("a chunk that does not end where it said, or a trailer"));
            }
            drop(self.buffer.split_to(2));
            if size == 0 {
                return Ok(());
            }
        }
    }

    async fn chunk_size(&mut self) -> io::Result<usize> {
        loop {
            if let Some(end) = memchr(b'\n', &self.buffer) {
                let line = std::str::from_utf8(&self.buffer[..end]).unwrap_or_default();
                let digits = line.split(';').next().unwrap_or_default().trim();
                let size = usize::from_str_radix(digits, 16).map_err(|_| invalid("a chunk's size"))?;
                drop(self.buffer.split_to(end + 1));
                return Ok(size);
            }
            if self.fill().await? == 0 {
                return Err(cut());
            }
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(self.room);
        match &mut self.stream {
            Stream::Plain(stream) => stream.read_buf(&mut self.buffer).await,
            Stream::Secured(stream) => stream.read_buf(&mut self.buffer).await,
        }
    }
}

fn parse(head: &[u8]) -> io::Result<Head> {
    let text = std::str::from_utf8(head).map_err(|_| invalid("a head that is not UTF-8"))?;
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = match first.strip_prefix("HTTP/1.1 ") {
        Some(rest) => rest.get(..3).and_then(|code| code.parse().ok()).ok_or_else(|| invalid(first))?,
        None => 0,
    };
    let (mut length, mut retry_after, mut closes) = (Length::Bytes(0), None, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = Length::Bytes(value.trim().parse().map_err(|_| invalid(value))?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            length = Length::Chunked;
        } else if name.eq_ignore_ascii_case("retry-after") {
            retry_after = value.trim().parse().ok();
        } else if name.eq_ignore_ascii_case("connection") {
            closes = value.trim().eq_ignore_ascii_case("close");
        }
    }
    Ok(Head { status, length, retry_after, closes })
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not understood: {what}"))
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed inside a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_say_status_and_length() {
        let head = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n").unwrap();
        assert_eq!((head.status, head.length), (200, Length::Bytes(12)));
        let head = parse(b"POST /v1/x HTTP/1.1\r\ntransfer-encoding: chunked\r\n").unwrap();
        assert_eq!((head.status, head.length), (0, Length::Chunked));
        let head = parse(b"HTTP/1.1 503 X\r\nRetry-After: 2\r\n").unwrap();
        assert_eq!((head.retry_after, head.closes), (Some(2.0), false));
        assert!(parse(b"HTTP/1.1 200 OK\r\nConnection: close\r\n").unwrap().closes);
        parse(b"HTTP/1.1 abc\r\n").unwrap_err();
    }

    #[tokio::test]
    async fn chunks_are_joined_however_they_come() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut far = Wire::new(listener.accept().await.unwrap().0).unwrap();
        let sent = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
        let sender = tokio::spawn(async move {
            for byte in sent {
                near.write_all(&[*byte]).await.unwrap();
            }
        });
        let head = far.head().await.unwrap().unwrap();
        let mut body = Vec::new();
        far.body(head.length, &mut |piece| body.extend_from_slice(piece)).await.unwrap();
        assert_eq!(body, b"abcde");
        sender.await.unwrap();
        assert!(far.head().await.unwrap().is_none());
    }
}
