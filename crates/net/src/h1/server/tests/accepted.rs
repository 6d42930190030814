//! Requests that are as they should be.

use http::{Method, Version};

use super::{read, whole};
use crate::h1::Piece;
use crate::h1::server::Reader;

const STREAM: &str = "GET /a?b=c HTTP/1.1\r\nHost: h\r\nx-a: 1\r\nX-A:  two \r\n\r\n\
    POST /b HTTP/1.1\r\nhost: h:8080\r\ncontent-length: 010\r\n\r\n0123456789\
    \r\nPUT http://h/c HTTP/1.1\r\nHost: H:80\r\nTransfer-Encoding: Chunked\r\n\r\n\
    5\r\nhello\r\n0007 ; a=\"b\"\r\n, there\r\n0\r\nx-trailer: t\r\n\r\n\
    OPTIONS * HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n";

#[test]
fn requests_cut_at_every_byte_are_the_same_requests() {
    let (expected, refusal) = whole(STREAM.as_bytes());
    assert_eq!((expected.len(), refusal), (4, None));
    let told: Vec<_> = expected.iter().map(|read| (read.target.as_str(), read.body.as_slice())).collect();
    let bodies: [(&str, &[u8]); 4] =
        [("/a?b=c", b""), ("/b", b"0123456789"), ("http://h/c", b"hello, there"), ("*", b"")];
    assert_eq!(told, bodies);
    for at in 0..=STREAM.len() {
        let (first, second) = STREAM.as_bytes().split_at(at);
        let (requests, refusal) = read([first, second]);
        assert_eq!((&requests, refusal), (&expected, None), "{at}");
    }
    assert_eq!(read(STREAM.as_bytes().chunks(1)), (expected, None));
}

#[test]
fn headers_are_told_as_they_came_without_copying() {
    let mut reader = Reader::new(1 << 16);
    reader.buffer().extend_from_slice(STREAM.as_bytes());
    let all = reader.buffer().as_ptr_range();
    let head = reader.head().unwrap().unwrap();
    let values: Vec<_> = head.request.headers().get_all("x-a").iter().collect();
    assert_eq!(values, ["1", "two"]);
    assert!(values.iter().all(|value| all.contains(&value.as_bytes().as_ptr())));
}

#[test]
fn rfc_9112_9_3_a_connection_is_kept_by_version_and_options() {
    for (version, option, kept) in [
        ("1.1", "", true),
        ("1.1", "connection: keep-alive\r\n", true),
        ("1.1", "connection: close\r\n", false),
        ("1.1", "connection: x, Close\r\n", false),
        ("1.1", "connection: x\r\nconnection: CLOSE\r\n", false),
        ("1.0", "", false),
        ("1.0", "connection: Keep-Alive\r\n", true),
        ("1.0", "connection: keep-alive, close\r\n", false),
    ] {
        let request = format!("GET / HTTP/{version}\r\nhost: h\r\n{option}\r\n");
        let (requests, _) = whole(request.as_bytes());
        assert_eq!(requests[0].persists, kept, "{version} {option}");
    }
}

#[test]
fn rfc_9112_3_2_all_four_forms_of_a_target() {
    for (line, host) in [
        ("GET / HTTP/1.1", "h"),
        ("GET /~x/%2F;a=b?c={d}|e HTTP/1.1", "[2001:db8::1]:8080"),
        ("GET //v1/../x HTTP/1.1", ""),
        ("GET http://h.example:80/x HTTP/1.1", "H.example"),
        ("GET https://h.example HTTP/1.1", "h.example:443"),
        ("OPTIONS * HTTP/1.1", "h"),
        ("CONNECT h.example:443 HTTP/1.1", "h.example:443"),
    ] {
        let (requests, refusal) = whole(format!("{line}\r\nhost: {host}\r\n\r\n").as_bytes());
        assert_eq!((requests.len(), refusal), (1, None), "{line}");
        assert_eq!(requests[0].persists, requests[0].method != Method::CONNECT);
    }
}

#[test]
fn rfc_9112_2_2_one_empty_line_may_stand_before_a_request() {
    let (requests, refusal) = whole(b"\r\nGET / HTTP/1.0\r\n\r\n\r\nGET / HTTP/1.0\r\n\r\n");
    assert_eq!((requests.len(), refusal), (2, None));
    assert_eq!(requests[0].version, Version::HTTP_10);
}

#[test]
fn many_headers_and_long_ones_are_read_up_to_the_bounds() {
    let with =
        |headers: &str| whole(format!("GET / HTTP/1.1\r\nhost: h\r\n{headers}\r\n").as_bytes()).0.len();
    assert_eq!(with(&"x-a: b\r\n".repeat(255)), 1);
    assert_eq!(with(&format!("x-a: {}\r\n", "b".repeat(63 << 10))), 1);
    let target = format!("GET /{} HTTP/1.0\r\n\r\n", "x".repeat(16_000));
    assert_eq!(whole(target.as_bytes()).0.len(), 1);
}

#[test]
fn single_bytes_in_chunks_are_read_however_many_there_are() {
    let body = "1\r\nx\r\n".repeat(100_000);
    let request = format!("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{body}0\r\n\r\n");
    let (requests, refusal) = whole(request.as_bytes());
    assert_eq!((requests.first().map(|read| read.body.len()), refusal), (Some(100_000), None));
}

#[test]
fn a_body_whose_length_was_told_can_be_had_in_one_piece() {
    let body = "x".repeat(300_000);
    let bytes = format!("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 300000\r\n\r\n{body}GET /next");
    for size in [1, 7, 8192, 70_000] {
        let mut reader = Reader::new(8192);
        let mut pieces = bytes.as_bytes().chunks(size);
        let (mut gathered, mut begun) = (None, false);
        while gathered.is_none() {
            reader.buffer().extend_from_slice(pieces.next().unwrap());
            begun |= !begun && reader.head().unwrap().is_some();
            if begun && let Piece::Data(data) = reader.rest().unwrap() {
                gathered = Some(data);
            }
        }
        assert_eq!(gathered.unwrap(), body.as_bytes(), "{size}");
        assert_eq!(reader.rest().unwrap(), Piece::End);
        assert!(b"GET /next".starts_with(reader.buffer()));
    }
}
