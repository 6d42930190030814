//! Bytes over TCP, for requests that no HTTP client would send.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest wait for an answer that does not say how long to wait.
pub const LIMIT: Duration = Duration::from_secs(10);

/// Sends `bytes` and reads until the server closes; whatever had come after [`LIMIT`] or before a reset is given.
/// The request should say `connection: close`, or the server must have its own reason to close.
pub async fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    exchange_within(address, bytes, LIMIT).await
}

/// Like [`exchange`], with its own limit.
pub async fn exchange_within(address: SocketAddr, bytes: &[u8], limit: Duration) -> Vec<u8> {
    let Ok(mut connection) = Connection::open(address).await else { return Vec::new() };
    // A server that refuses early may close while we still send; its answer counts all the same.
    connection.send(bytes).await.ok();
    connection.read_to_end(limit).await
}

/// One TCP connection with what has been read from it.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    /// Connects, without delay for small writes.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::new() })
    }

    /// Sends all bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Reads until `needle` has come, and gives everything up to and with it. What follows stays for later reads.
    /// An error when the connection ends or [`LIMIT`] passes before.
    pub async fn read_until(&mut self, needle: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = self.read.windows(needle.len()).position(|window| window == needle) {
                let rest = self.read.split_off(at + needle.len());
                return Ok(std::mem::replace(&mut self.read, rest));
            }
            if timeout(LIMIT, self.stream.read_buf(&mut self.read)).await?? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads until the end, a reset, or the limit, and gives what has come.
    pub async fn read_to_end(&mut self, limit: Duration) -> Vec<u8> {
        let all = async { while self.stream.read_buf(&mut self.read).await.is_ok_and(|read| read > 0) {} };
        timeout(limit, all).await.ok();
        std::mem::take(&mut self.read)
    }

    /// Ends the sending direction and keeps reading possible.
    pub async fn half_close(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Closes with a TCP reset.
    pub fn reset(self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }
}
