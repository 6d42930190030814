//! Answers whose end or meaning is not certain: each is an error, in whatever pieces it comes.

use super::{MALFORMED_CHUNKS, read, whole};
use crate::h1::{Asked, Error};

/// Whether that is refused, whole and byte by byte.
fn is_refused(answer: &[u8]) -> bool {
    let pieces = || -> [Box<dyn Iterator<Item = &[u8]> + '_>; 2] {
        [Box::new(std::iter::once(answer)), Box::new(answer.chunks(1))]
    };
    pieces()
        .into_iter()
        .all(|pieces| matches!(read(Asked::Plain, pieces), Err(Error::Malformed(_) | Error::TooLarge(_))))
}

fn with_headers(headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n5\r\nhello\r\n0\r\n\r\n").into_bytes()
}

#[test]
fn rfc9112_4_first_lines() {
    for line in [
        "HTTP/2 200 OK",
        "HTTP/1.2 200 OK",
        "HTTP/1.1200 OK",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 +20 OK",
        "HTTP/1.1 099 OK",
        "HTTP/1.1  200 OK",
        "http/1.1 200 OK",
        " HTTP/1.1 200 OK",
        "HTTP/1.1 200 O\0K",
        "HTTP/1.1 200 O\rK",
        "SSH-2.0-x",
        "\r\nHTTP/1.1 200 OK",
        "HTTP/1.1\t200 OK",
    ] {
        assert!(is_refused(format!("{line}\r\ncontent-length: 0\r\n\r\n").as_bytes()), "{line:?}");
    }
}

#[test]
fn what_is_not_http_is_refused_at_its_first_bytes() {
    for begin in ["S", "HTTP/2", "\0", "<html>"] {
        assert!(matches!(whole(begin.as_bytes()), Err(Error::Malformed(_))), "{begin:?}");
    }
}

#[test]
fn rfc9112_5_headers() {
    for header in [
        "x a: b",
        "x\0: b",
        "x-a : b",
        ": b",
        "x-a",
        "x-a: b\0c",
        "x-a: b\rc",
        "x-a: b\x7f",
        "(x): b",
        "x-a: b\x01",
    ] {
        assert!(is_refused(&with_headers(&format!("{header}\r\ntransfer-encoding: chunked"))), "{header:?}");
    }
}

#[test]
fn rfc9112_5_2_folded_lines() {
    for header in ["x-a: b\r\n c", "x-a: b\r\n\tc", " x-a: b", "x-a:\r\n b", "transfer-encoding:\r\n chunked"]
    {
        assert!(is_refused(&with_headers(header)), "{header:?}");
    }
}

#[test]
fn rfc9112_6_1_transfer_codings() {
    for value in [
        "gzip",
        "gzip, chunked",
        "chunked, chunked",
        "chunked, identity",
        "",
        "chunked;q=1",
        "xchunked",
        "identity",
        "\"chunked\"",
    ] {
        assert!(is_refused(&with_headers(&format!("transfer-encoding: {value}"))), "{value:?}");
    }
    assert!(is_refused(&with_headers("transfer-encoding: chunked\r\ntransfer-encoding: chunked")));
    let old = b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    assert!(is_refused(old));
}

#[test]
fn rfc9112_6_2_content_lengths() {
    for value in [
        "",
        "+5",
        "-5",
        "5 5",
        "5,5",
        "5, 6",
        "0x5",
        "5.0",
        "5;",
        "\u{662}",
        "18446744073709551616",
        "99999999999999999999999",
    ] {
        assert!(is_refused(&with_headers(&format!("content-length: {value}"))), "{value:?}");
    }
    for second in ["5", "6"] {
        assert!(is_refused(&with_headers(&format!("content-length: 5\r\nContent-Length: {second}"))));
    }
}

#[test]
fn rfc9112_6_3_both_a_length_and_a_coding() {
    for headers in
        ["content-length: 5\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 5"]
    {
        assert!(is_refused(&with_headers(headers)));
        assert!(matches!(read(Asked::Head, [with_headers(headers).as_slice()]), Err(Error::Malformed(_))));
    }
}

#[test]
fn rfc9112_7_1_chunks() {
    let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(5000));
    for body in MALFORMED_CHUNKS.into_iter().chain([&*long]) {
        let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}");
        assert!(is_refused(answer.as_bytes()), "{body:?}");
    }
}

#[test]
fn sizes_are_bounded() {
    let head = |header: &str, count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", header.repeat(count));
    assert!(
        whole(
            head(
                "x-a: b
", 256
            )
            .as_bytes()
        )
        .is_ok()
    );
    for answer in [
        head("x-a: b\r\n", 257),
        head(&format!("x-a: {}\r\n", "b".repeat(10_000)), 27),
        format!("HTTP/1.1 200 {}", "x".repeat(300_000)),
    ] {
        assert!(matches!(whole(answer.as_bytes()), Err(Error::TooLarge(_))), "{}", &answer[..40]);
    }
    let trailers = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n{}\r\n",
        "x-trailer: 1234567890\r\n".repeat(1000)
    );
    assert!(matches!(whole(trailers.as_bytes()), Err(Error::TooLarge(_))));
}
