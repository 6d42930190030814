//! Answers that are as they should be.

use http::{StatusCode, Version};

use super::{counted, read, whole};
use crate::h1::{Asked, Error, Piece, Reader};

const CHUNKED: &str = "HTTP/1.1 200 Fine\r\nTransfer-Encoding: Chunked\r\nx-a: 1\r\nX-A:  two \r\n\r\n\
    5\r\nhello\r\n0007 ; a=\"b\"\r\n, there\r\n0\r\nx-trailer: t\r\n\r\n";

#[test]
fn an_answer_cut_at_every_byte_is_the_same_answer() {
    let mut answers = vec![(CHUNKED.to_owned(), "hello, there", true)];
    let early = format!("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n{CHUNKED}");
    answers.push((early, "hello, there", true));
    answers.push((String::from_utf8(counted("東京").to_vec()).unwrap(), "東京", true));
    answers.push(("HTTP/1.1 200\nx-a: 1\n\nto the end".to_owned(), "to the end", false));
    for (answer, body, can_go_on) in answers {
        for at in 0..=answer.len() {
            let (first, second) = answer.as_bytes().split_at(at);
            let read = read(Asked::Plain, [first, second]).unwrap();
            assert_eq!((read.body.as_slice(), read.can_go_on), (body.as_bytes(), can_go_on), "{at}");
            assert_eq!(read.head.status(), StatusCode::OK, "{at}");
        }
        let read = read(Asked::Plain, answer.as_bytes().chunks(1)).unwrap();
        assert_eq!((read.body.as_slice(), read.can_go_on), (body.as_bytes(), can_go_on));
    }
}

#[test]
fn headers_are_told_as_they_came() {
    let head = whole(CHUNKED.as_bytes()).unwrap().head;
    let values: Vec<_> = head.headers().get_all("x-a").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!((values, head.version()), (vec!["1", "two"], Version::HTTP_11));
}

#[test]
fn a_body_is_told_without_copying() {
    let mut reader = Reader::new(Asked::Plain);
    reader.buffer().extend_from_slice(CHUNKED.as_bytes());
    let all = reader.buffer().as_ptr_range();
    reader.head().unwrap().unwrap();
    for expected in ["hello", ", there"] {
        let Ok(Piece::Data(piece)) = reader.piece() else { panic!("no data") };
        assert!(piece == expected && all.contains(&piece.as_ptr()), "{piece:?}");
    }
}

#[test]
fn rfc9112_6_3_some_answers_have_no_body() {
    for (asked, head) in [
        (Asked::Head, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        (Asked::Head, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
        (Asked::Plain, "HTTP/1.1 204 No Content\r\n\r\n"),
        (Asked::Plain, "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"),
        (Asked::Plain, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
    ] {
        let read = read(asked, [head.as_bytes()]).unwrap();
        assert!(read.body.is_empty() && read.can_go_on, "{asked:?} {head}");
    }
}

#[test]
fn rfc9112_9_3_a_connection_is_kept_by_version_and_options() {
    for (first, option, kept) in [
        ("HTTP/1.1 200 OK", "", true),
        ("HTTP/1.1 200 OK", "connection: keep-alive\r\n", true),
        ("HTTP/1.1 200 OK", "connection: close\r\n", false),
        ("HTTP/1.1 200 OK", "connection: x, Close\r\n", false),
        ("HTTP/1.1 200 OK", "connection: x\r\nconnection: CLOSE\r\n", false),
        ("HTTP/1.0 200 OK", "", false),
        ("HTTP/1.0 200 OK", "connection: Keep-Alive\r\n", true),
        ("HTTP/1.0 200 OK", "connection: keep-alive, close\r\n", false),
    ] {
        let answer = format!("{first}\r\n{option}content-length: 2\r\n\r\nok");
        assert_eq!(whole(answer.as_bytes()).unwrap().can_go_on, kept, "{first} {option}");
    }
}

#[test]
fn bytes_behind_an_answer_end_the_connection() {
    for behind in [b"x".as_slice(), b"\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"] {
        assert!(!read(Asked::Plain, [&counted("ok"), behind]).unwrap().can_go_on);
    }
}

#[test]
fn a_connection_that_ends_too_early_is_an_error() {
    let answer = counted("hello");
    assert!(matches!(read(Asked::Plain, []), Err(Error::Closed)));
    for end in 1..answer.len() {
        assert!(matches!(read(Asked::Plain, [&answer[..end]]), Err(Error::Cut)), "{end}");
    }
    for end in 1..CHUNKED.len() {
        assert!(matches!(whole(&CHUNKED.as_bytes()[..end]), Err(Error::Cut)), "{end}");
    }
}

#[test]
fn rfc9110_15_2_interim_answers_are_skipped_up_to_a_bound() {
    let hint = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    let with = |count: usize| [hint.repeat(count).as_bytes(), &counted("ok")].concat();
    assert_eq!(whole(&with(1000)).unwrap().body, b"ok");
    assert!(matches!(whole(&with(1001)), Err(Error::TooLarge(_))));
}

#[test]
fn rfc9110_7_8_what_follows_a_switch_of_protocols_is_not_read() {
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\nbytes";
    for (asked, answer) in [
        (Asked::Upgrade, switch.as_slice()),
        (Asked::Connect, b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nbytes"),
    ] {
        let mut reader = Reader::new(asked);
        reader.buffer().extend_from_slice(answer);
        reader.head().unwrap().unwrap();
        assert!(matches!(reader.piece(), Ok(Piece::End)) && !reader.can_go_on());
        assert_eq!(&reader.buffer()[..], b"bytes");
    }
    // A server may answer without switching.
    assert_eq!(read(Asked::Upgrade, [&counted("no")[..]]).unwrap().body, b"no");
    assert!(matches!(whole(switch), Err(Error::Malformed(_))));
}

#[test]
fn what_is_lacking_of_a_body_is_read_at_once() {
    let mut reader = Reader::new(Asked::Plain);
    let small = reader.room();
    reader.buffer().extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nhello");
    reader.head().unwrap().unwrap();
    // One byte more: a read that fills all of its room is followed by one that finds nothing.
    assert_eq!(reader.room(), 100_000 - 5 + 1);
    reader.buffer().extend_from_slice(&[b'x'; 90_000]);
    drop(reader.piece());
    assert_eq!(reader.room(), 10_000 - 5 + 1);
    reader.buffer().extend_from_slice(&[b'x'; 10_000 - 5]);
    drop(reader.piece());
    assert_eq!(reader.room(), small);
}
