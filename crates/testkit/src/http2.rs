//! HTTP/2 frame by frame, for requests that no HTTP client would send (RFC 9113, RFC 7541).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Kinds of frames (RFC 9113 section 6).
pub mod kind {
    #![allow(missing_docs, reason = "the names of the specification")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// Flag of DATA and HEADERS: nothing of the stream follows.
pub const END_STREAM: u8 = 1;
/// Flag of HEADERS and CONTINUATION: the fields are complete.
pub const END_HEADERS: u8 = 4;
/// Flag of SETTINGS and PING: an answer to one.
pub const ACK: u8 = 1;

/// Codes of errors (RFC 9113 section 7).
pub mod code {
    #![allow(missing_docs, reason = "the names of the specification")]
    pub const PROTOCOL_ERROR: u32 = 1;
    pub const ENHANCE_YOUR_CALM: u32 = 11;
}

/// Longest wait for a frame.
const LIMIT: Duration = Duration::from_secs(10);

/// One frame as it was read.
#[derive(Clone, Debug)]
pub struct Frame {
    /// One of [`kind`].
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream, 0 for the connection.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// An answer with that status; its body was not waited for.
    Status(u16),
    /// The stream was reset with that code.
    Reset(u32),
    /// The connection ends, with that code.
    GoAway(u32),
    /// The connection was closed, or nothing came in time.
    Nothing,
}

/// A connection in clear text that has said its preface and empty settings.
#[derive(Debug)]
pub struct Wire(TcpStream);

impl Wire {
    /// Connects and says what opens a connection.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut wire = Self(stream);
        wire.send_bytes(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
        wire.send(kind::SETTINGS, 0, 0, &[]).await?;
        Ok(wire)
    }

    /// Sends one frame.
    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        self.send_bytes(&frame(kind, flags, stream, payload)).await
    }

    /// Sends frames that were made before.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }

    /// Sends a request without a body on that stream and tells what became of it.
    pub async fn ask(&mut self, stream: u32, fields: &[(&str, &str)]) -> Told {
        // Who refuses early may close while we still send; what it said counts all the same.
        self.send(kind::HEADERS, END_STREAM | END_HEADERS, stream, &block(fields)).await.ok();
        self.told(stream).await
    }

    /// The next frame. An error when the connection has ended, or nothing came in time.
    pub async fn frame(&mut self) -> io::Result<Frame> {
        timeout(LIMIT, self.read_frame()).await?
    }

    async fn read_frame(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await?;
        let mut payload =
            vec![0; usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2])];
        self.0.read_exact(&mut payload).await?;
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        Ok(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// Reads on until it is known what becomes of that stream. Settings and pings are not answered.
    pub async fn told(&mut self, stream: u32) -> Told {
        while let Ok(frame) = self.frame().await {
            match frame.kind {
                kind::HEADERS if frame.stream == stream => return Told::Status(status(&frame.payload)),
                kind::RST_STREAM if frame.stream == stream => return Told::Reset(number(&frame.payload, 0)),
                kind::GOAWAY => return Told::GoAway(number(&frame.payload, 4)),
                _ => {}
            }
        }
        Told::Nothing
    }

    /// Reads on until the connection ends; says with which code that was announced, if it was. An error if it goes on.
    pub async fn ending(&mut self) -> io::Result<Option<u32>> {
        let mut announced = None;
        loop {
            match self.frame().await {
                Ok(frame) if frame.kind == kind::GOAWAY => announced = Some(number(&frame.payload, 4)),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(error),
                Err(_) => return Ok(announced),
            }
        }
    }
}

/// One frame as bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = payload.len().to_be_bytes();
    let mut frame = length[length.len() - 3..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Fields as a block of literals without Huffman codes (RFC 7541 section 6.2.2), whatever is in them.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.extend(integer(text.len(), 7));
            block.extend(text.bytes());
        }
    }
    block
}

/// A number in a prefix of so many bits, the others 0 (RFC 7541 section 5.1).
pub fn integer(mut number: usize, bits: u8) -> Vec<u8> {
    let full = (1 << bits) - 1;
    if number < full {
        return vec![number as u8];
    }
    let mut bytes = vec![full as u8];
    number -= full;
    while number >= 128 {
        bytes.push((number % 128) as u8 | 128);
        number /= 128;
    }
    bytes.push(number as u8);
    bytes
}

fn number(payload: &[u8], at: usize) -> u32 {
    payload.get(at..at + 4).map_or(0, |four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
}

/// The status at the beginning of an answer's fields; 0 for a beginning that is not understood.
fn status(block: &[u8]) -> u16 {
    // Static table, RFC 7541 appendix A: 8 to 14 are statuses.
    const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    match *block {
        [first @ 0x88..=0x8e, ..] => INDEXED[usize::from(first - 0x88)],
        // A literal with the name of entry 8, put into the table or not.
        [0x08 | 0x18 | 0x48, length, ref rest @ ..] => {
            let coded = &rest[..usize::from(length & 0x7f).min(rest.len())];
            if length & 0x80 == 0 {
                digits(coded.iter().copied())
            } else {
                digits(huffman(coded).into_iter())
            }
        }
        _ => 0,
    }
}

fn digits(text: impl Iterator<Item = u8>) -> u16 {
    text.fold(0, |sum, digit| sum * 10 + u16::from(digit.wrapping_sub(b'0')))
}

/// Digits in Huffman codes (RFC 7541 appendix B): 0 to 2 have five bits, the others six.
fn huffman(coded: &[u8]) -> Vec<u8> {
    let mut bits = coded.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    let mut text = Vec::new();
    while text.len() < 3 {
        let mut code = 0;
        for _ in 0..5 {
            let Some(bit) = bits.next() else { return text };
            code = code << 1 | bit;
        }
        if code > 2 {
            let Some(bit) = bits.next() else { return text };
            // Three is 011001, and so on.
            code = (code << 1 | bit).wrapping_sub(0b01_1001 - 3);
        }
        text.push(b'0'.wrapping_add(code));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_in_every_form() {
        assert_eq!(status(&[0x88]), 200);
        assert_eq!(status(&[0x8c, 0x40]), 400);
        assert_eq!(status(b"\x48\x03405"), 405);
        // RFC 7541 appendix C.6.1 and C.6.2: "302" and "307".
        assert_eq!(status(&[0x48, 0x82, 0x64, 0x02]), 302);
        assert_eq!(status(&[0x48, 0x83, 0x64, 0x0e, 0xff]), 307);
    }

    #[test]
    fn rfc_7541_5_1_numbers() {
        assert_eq!(integer(10, 5), [10]);
        assert_eq!(integer(1337, 5), [31, 154, 10]);
        assert_eq!(block(&[("a", "b")]), [0, 1, b'a', 1, b'b']);
    }
}
