//! Requests whose meaning or end is not certain: each is refused with its status, in whatever pieces it comes, and none of it
//! is handed on. The numbers are those of the sections of the RFCs.

use super::{read, whole};
use crate::h1::tests::MALFORMED_CHUNKS;

/// What that is refused with, whole and byte by byte; nothing of it may be handed on.
fn status(bytes: &[u8]) -> u16 {
    let statuses =
        [read([bytes]), read(bytes.chunks(1)), read(bytes.chunks(7))].map(|(requests, refusal)| {
            assert!(requests.is_empty(), "{requests:?}");
            refusal.map_or(0, |refusal| refusal.status.as_u16())
        });
    assert!(statuses.iter().all(|status| *status == statuses[0]), "{statuses:?}");
    statuses[0]
}

/// What a request is refused with that has those headers.
fn with(headers: &str) -> u16 {
    status(format!("POST / HTTP/1.1\r\nhost: h\r\n{headers}\r\n\r\n5\r\nhello\r\n0\r\n\r\n").as_bytes())
}

#[test]
fn rfc_9112_6_3_fault_01_both_a_length_and_a_coding() {
    assert_eq!(with("content-length: 5\r\ntransfer-encoding: chunked"), 400);
    assert_eq!(with("transfer-encoding: chunked\r\ncontent-length: 5"), 400);
    assert_eq!(with("content-length: 0\r\ntransfer-encoding: chunked"), 400);
}

#[test]
fn rfc_9112_6_3_fault_02_two_lengths_even_if_they_agree() {
    for second in ["5", "6", "05"] {
        assert_eq!(with(&format!("content-length: 5\r\nContent-Length: {second}")), 400, "{second}");
    }
}

#[test]
fn rfc_9110_8_6_fault_03_lengths_that_are_no_numbers() {
    for value in [
        "",
        "+5",
        "-5",
        "-1",
        "5 5",
        "5,5",
        "5, 6",
        "0x5",
        "5.0",
        "5;",
        "\u{662}",
        "5\t5",
        "1e1",
        "18446744073709551616",
        "99999999999999999999999",
    ] {
        assert_eq!(with(&format!("content-length: {value}")), 400, "{value:?}");
    }
}

#[test]
fn rfc_9112_6_1_fault_04_codings() {
    for (value, expected) in [
        ("xchunked", 400),
        ("gzip", 400),
        ("identity", 400),
        ("", 400),
        ("chunked, identity", 400),
        ("chunked, chunked", 400),
        ("chunked;q=1", 400),
        ("\"chunked\"", 400),
        ("chunked,", 400),
        (",chunked", 400),
        ("chun\tked", 400),
        ("gzip, chunked", 501),
        ("x, chunked", 501),
    ] {
        assert_eq!(with(&format!("transfer-encoding: {value}")), expected, "{value:?}");
    }
    assert_eq!(with("transfer-encoding: \x0bchunked"), 400);
    assert_eq!(with("transfer-encoding : chunked"), 400);
    assert_eq!(with("transfer-encoding: chunked\r\ntransfer-encoding: chunked"), 400);
    assert_eq!(with("transfer-encoding: chunked\r\ntransfer-encoding: identity"), 400);
}

#[test]
fn rfc_9112_6_1_fault_05_a_coding_in_http_1_0() {
    let request = b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(status(request), 400);
    let request = b"POST / HTTP/1.0\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(status(request), 400);
}

#[test]
fn rfc_9112_7_1_fault_06_chunks() {
    for body in MALFORMED_CHUNKS {
        let request = format!("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{body}");
        assert_eq!(status(request.as_bytes()), 400, "{body:?}");
    }
}

#[test]
fn rfc_9112_7_1_1_fault_07_chunks_are_mostly_data() {
    for body in [
        format!("5;{}\r\nhello\r\n", "x".repeat(1 << 20)),
        format!("1;{}\r\nx\r\n", "x".repeat(1000)).repeat(100),
        format!("0\r\n{}\r\n", "x-trailer: 1234567890\r\n".repeat(1000)),
    ] {
        let request = format!("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{body}");
        assert_eq!(whole(request.as_bytes()).1.map(|refusal| refusal.status.as_u16()), Some(400));
    }
}

#[test]
fn rfc_9112_2_2_fault_08_lines_end_with_both_bytes() {
    for request in [
        "GET / HTTP/1.1\nhost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: h\n\r\n",
        "GET / HTTP/1.1\r\nhost: h\r\n\n",
        "GET / HTTP/1.1\r\nhost: h\n\n",
        "GET / HTTP/1.1\rhost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: h\r\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: h\rx: y\r\n\r\n",
        "GET /\r HTTP/1.1\r\nhost: h\r\n\r\n",
        "\nGET / HTTP/1.1\r\nhost: h\r\n\r\n",
        "\r\rGET / HTTP/1.1\r\nhost: h\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nhost: h\r\n\r\n",
    ] {
        assert_eq!(status(request.as_bytes()), 400, "{request:?}");
    }
}

#[test]
fn rfc_9112_5_fault_08_headers() {
    for header in [
        "x a: b",
        "x\0: b",
        "x-a : b",
        "x-a\t: b",
        ": b",
        "x-a",
        "x-a: b\0c",
        "x-a: b\x7f",
        "(x): b",
        "x-a: b\x01",
        "x@a: b",
        "x\u{85}: b",
        "\u{85}: b",
        "content-length\0: 5",
        "x-a: b\x0bc",
    ] {
        assert_eq!(with(header), 400, "{header:?}");
    }
    let raw = [
        b"GET / HTTP/1.1\r\nhost: h\r\nx\x85: b\r\n\r\n".as_slice(),
        b"GET / HTTP/1.1\r\nhost: h\r\n\x85: b\r\n\r\n",
    ];
    raw.iter().for_each(|request| assert_eq!(status(request), 400));
}

#[test]
fn rfc_9112_5_2_fault_08_folded_lines() {
    for header in
        ["x-a: b\r\n c", "x-a: b\r\n\tc", "x-a:\r\n b", "transfer-encoding:\r\n chunked", "x-a: b\r\n "]
    {
        assert_eq!(with(header), 400, "{header:?}");
    }
    // White space before the first header (section 2.2).
    assert_eq!(status(b"GET / HTTP/1.1\r\n host: h\r\n\r\n"), 400);
}

#[test]
fn rfc_9112_3_2_fault_11_hosts() {
    let asks = |line: &str, hosts: &str| status(format!("{line}\r\n{hosts}\r\n").as_bytes());
    for host in [
        "localhost:4000/#@attacker.example",
        "a b",
        "u@h",
        "h:x",
        "h:80:80",
        "h/",
        "[::1",
        "h:123456",
        "é",
        "h\\i",
        "[::1]x",
        "h, h",
    ] {
        assert_eq!(asks("GET / HTTP/1.1", &format!("host: {host}\r\n")), 400, "{host:?}");
    }
    assert_eq!(asks("GET / HTTP/1.1", ""), 400, "none");
    assert_eq!(asks("GET / HTTP/1.1", "host: h\r\nHost: h\r\n"), 400, "two");
    for (target, host) in [
        ("http://other/", "h"),
        ("http://h:81/", "h"),
        ("https://h/", "h:80"),
        ("http://u@h/", "h"),
        ("ftp://h/", "h"),
        ("http:///", ""),
    ] {
        assert_eq!(asks(&format!("GET {target} HTTP/1.1"), &format!("host: {host}\r\n")), 400, "{target}");
    }
}

#[test]
fn rfc_9112_3_fault_15_first_lines() {
    for (line, expected) in [
        ("GET / HTTP/1.2", 505),
        ("GET / HTTP/2.0", 505),
        ("GET / HTTP/0.9", 505),
        ("PRI * HTTP/2.0", 505),
        ("GET / HTTP/2", 400),
        ("GET / http/1.1", 400),
        ("GET / HTTP/1.1 ", 400),
        ("GET  / HTTP/1.1", 400),
        ("GET /  HTTP/1.1", 400),
        ("GET\t/ HTTP/1.1", 400),
        ("GET /a b HTTP/1.1", 400),
        ("GET /", 400),
        ("GET", 400),
        (" GET / HTTP/1.1", 400),
        ("G\x01T / HTTP/1.1", 400),
        ("G(T / HTTP/1.1", 400),
        ("GET /a#b HTTP/1.1", 400),
        ("GET /\0 HTTP/1.1", 400),
        ("GET /é HTTP/1.1", 400),
        ("GET h HTTP/1.1", 400),
        ("GET h:80 HTTP/1.1", 400),
        ("GET * HTTP/1.1", 400),
        ("GET ?a HTTP/1.1", 400),
        ("OPTIONS h HTTP/1.1", 400),
        ("CONNECT / HTTP/1.1", 400),
        ("CONNECT h HTTP/1.1", 400),
        ("CONNECT http://h:80/ HTTP/1.1", 400),
    ] {
        assert_eq!(status(format!("{line}\r\nhost: h\r\n\r\n").as_bytes()), expected, "{line:?}");
    }
}

#[test]
fn what_is_not_http_is_refused_at_its_first_byte() {
    for begin in [b"\x16\x03\x01".as_slice(), b"\0", b"<html>", b"(", b"\x80"] {
        assert_eq!(status(begin), 400, "{begin:?}");
    }
}

#[test]
fn rfc_9110_15_5_15_fault_15_long_targets() {
    assert_eq!(status(format!("GET /{} HTTP/1.1\r\nhost: h\r\n\r\n", "x".repeat(20_000)).as_bytes()), 414);
    assert_eq!(status("x".repeat(20_000).as_bytes()), 414);
}

#[test]
fn rfc_6585_5_fault_15_large_heads() {
    let head = |headers: &str| format!("GET / HTTP/1.1\r\nhost: h\r\n{headers}\r\n");
    assert_eq!(status(head(&"x-a: b\r\n".repeat(256)).as_bytes()), 431);
    assert_eq!(status(head(&format!("x-a: {}\r\n", "b".repeat(64 << 10))).as_bytes()), 431);
    assert_eq!(status(format!("GET / HTTP/1.1\r\nhost: h\r\nx-a: {}", "b".repeat(70_000)).as_bytes()), 431);
}
