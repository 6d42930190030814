//! As much of the WebSocket protocol (RFC 6455) as both ends of the measurement need: one kind of small message.

use std::io;

use bytes::BytesMut;

/// Bytes of text in every message.
pub(crate) const MESSAGE: usize = 64;

/// The example key of RFC 6455 section 1.3; both ends are ours, and know the answer to this one.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// What a server proves with that it has understood [`KEY`].
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// What a server says to [`opening`].
pub(super) const ACCEPTED: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A final text frame, and the bit that says that a frame is masked.
const TEXT: u8 = 0x81;
const MASKED: u8 = 0x80;

/// The bytes before the text of a client's frame: type, length, mask.
const CLIENT_HEAD: usize = 6;

/// The request that begins a WebSocket.
pub(crate) fn opening(path: &str, host: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: bench/1.0\r\nupgrade: websocket\r\n\
         connection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n\r\n"
    )
}

/// A client's frame with this text.
pub(crate) fn masked(text: &[u8; MESSAGE]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![TEXT, MASKED | MESSAGE as u8];
    frame.extend(mask);
    frame.extend(text.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A server's frame with this text.
pub(crate) fn plain(text: &[u8; MESSAGE]) -> Vec<u8> {
    let mut frame = vec![TEXT, MESSAGE as u8];
    frame.extend(text);
    frame
}

/// Writes the first frame of `from`, without its mask, to `to`; says how long it was, `None` where it is not whole yet.
pub(super) fn unmask(from: &[u8], to: &mut BytesMut) -> io::Result<Option<usize>> {
    let Some((head, rest)) = from.split_at_checked(CLIENT_HEAD) else { return Ok(None) };
    let size = usize::from(head[1] & !MASKED);
    if head[1] & MASKED == 0 || size > 125 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a small masked frame"));
    }
    let Some(text) = rest.get(..size) else { return Ok(None) };
    to.extend_from_slice(&[head[0], size as u8]);
    to.extend(text.iter().zip(head[2..].iter().cycle()).map(|(byte, mask)| byte ^ mask));
    Ok(Some(CLIENT_HEAD + size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_says_that_it_is_accepted() {
        assert!(std::str::from_utf8(ACCEPTED).unwrap().contains(ACCEPT));
    }

    #[test]
    fn what_was_masked_comes_back_plain() {
        let text = *b"all work and no play makes a dull message of sixty-four bytes ..";
        let (frame, mut back) = (masked(&text), BytesMut::new());
        for cut in 0..frame.len() {
            assert_eq!(unmask(&frame[..cut], &mut back).unwrap(), None);
        }
        assert_eq!(unmask(&frame, &mut back).unwrap(), Some(frame.len()));
        assert_eq!(back, plain(&text));
        unmask(&plain(&text), &mut back).unwrap_err();
    }
}
