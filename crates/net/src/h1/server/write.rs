//! The head of an answer as bytes.

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, StatusCode};

use super::date::write_date;
use crate::h1::head::read_length;
use crate::h1::write::write_header;

/// How the end of an answer's body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// There is none, and nothing is said of it.
    Nothing,
    /// So many bytes.
    Length(u64),
    /// In chunks.
    Chunks,
    /// By the end of the connection.
    Close,
}

/// What the answer says of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It is kept, as is usual.
    Kept,
    /// It is kept, which must be said.
    SaidKept,
    /// It is closed.
    Closed,
    /// It speaks another protocol.
    Switched,
}

/// Writes the head. How the body ends and what becomes of the connection is told by us, whatever the headers say of it.
pub(super) fn write_head(
    out: &mut Vec<u8>,
    status: StatusCode,
    headers: &HeaderMap,
    told: Told,
    after: After,
) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    for (name, value) in headers {
        let is_ours = *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING || *name == CONNECTION;
        if !is_ours {
            write_header(out, name, value);
        }
    }
    if !headers.contains_key(DATE) {
        write_date(out);
    }
    match told {
        Told::Length(length) => {
            out.extend_from_slice(b"content-length: ");
            write_number(out, length, 10);
            out.extend_from_slice(b"\r\n");
        }
        Told::Chunks => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Told::Nothing | Told::Close => {}
    }
    out.extend_from_slice(match after {
        After::Kept => b"\r\n",
        After::SaidKept => b"connection: keep-alive\r\n\r\n",
        After::Closed => b"connection: close\r\n\r\n",
        After::Switched => b"connection: upgrade\r\n\r\n",
    });
}

/// Writes the trailers, those that frame or route a message aside (RFC 9110 section 6.5.1), and the empty line.
pub(super) fn write_trailers(out: &mut Vec<u8>, trailers: &HeaderMap) {
    const NOT_HERE: [HeaderName; 7] = [
        CONTENT_LENGTH,
        TRANSFER_ENCODING,
        CONNECTION,
        UPGRADE,
        http::header::HOST,
        http::header::TRAILER,
        http::header::CONTENT_ENCODING,
    ];
    for (name, value) in trailers {
        if !NOT_HERE.contains(name) {
            write_header(out, name, value);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes a number in base 10 or 16.
pub(super) fn write_number(out: &mut Vec<u8>, mut number: u64, base: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b"0123456789abcdef"[(number % base) as usize];
        number /= base;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The length that the headers tell, if it is one.
pub(super) fn told_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH).and_then(|value| read_length(value.as_bytes()))
}

/// Whether the headers ask to close the connection.
pub(super) fn says_close(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONNECTION) else { return false };
    value.as_bytes().split(|byte| *byte == b',').any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"))
}
