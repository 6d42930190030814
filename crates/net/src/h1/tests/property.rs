//! Any way of cutting any answer gives the same head and body; and no bytes whatever make the reader panic.

use proptest::collection::vec;
use proptest::prelude::*;

use super::read;
use crate::h1::Asked;

/// How a body is told.
#[derive(Clone, Debug)]
enum Told {
    Length,
    Chunks(Vec<usize>, bool),
    UntilClose,
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![
        Just(Told::Length),
        (vec(1..40_usize, 1..10), any::<bool>()).prop_map(|(sizes, extras)| Told::Chunks(sizes, extras)),
        Just(Told::UntilClose),
    ]
}

fn answer(status: u16, headers: &[(String, String)], body: &[u8], told: &Told) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status} x\r\n").into_bytes();
    for (name, value) in headers {
        out.extend(format!("x-{name}: {value}\r\n").into_bytes());
    }
    match told {
        Told::Length => out.extend(format!("content-length: {}\r\n\r\n", body.len()).into_bytes()),
        Told::UntilClose => out.extend(b"\r\n"),
        Told::Chunks(..) => out.extend(b"transfer-encoding: chunked\r\n\r\n"),
    }
    match told {
        Told::Chunks(sizes, extras) => write_chunks(&mut out, body, sizes, *extras),
        _ => out.extend(body),
    }
    out
}

fn write_chunks(out: &mut Vec<u8>, mut body: &[u8], sizes: &[usize], extras: bool) {
    let extension = if extras { ";x=\"y\"" } else { "" };
    for size in sizes.iter().cycle() {
        if body.is_empty() {
            break;
        }
        let (chunk, rest) = body.split_at(body.len().min(*size));
        out.extend(format!("{:X}{extension}\r\n", chunk.len()).into_bytes());
        out.extend(chunk);
        out.extend(b"\r\n");
        body = rest;
    }
    out.extend(if extras { b"0\r\nx-t: 1\r\n\r\n".as_slice() } else { b"0\r\n\r\n" });
}

proptest! {
    #[test]
    fn any_cut_of_any_answer_gives_the_same_head_and_body(
        status in (200..600_u16).prop_filter("they have no body", |status| ![204, 304].contains(status)),
        headers in vec(("[a-z][a-z0-9-]{0,10}", "[!-~]([ -~]{0,20}[!-~])?"), 0..8),
        body in vec(any::<u8>(), 0..400),
        told in told(),
        cuts in vec(1..60_usize, 1..20),
    ) {
        let bytes = answer(status, &headers, &body, &told);
        let (mut pieces, mut left, mut cuts) = (Vec::new(), bytes.as_slice(), cuts.iter().cycle());
        while !left.is_empty() {
            let (piece, rest) = left.split_at(left.len().min(*cuts.next().unwrap()));
            pieces.push(piece);
            left = rest;
        }
        let read = read(Asked::Plain, pieces).unwrap();
        prop_assert_eq!(read.head.status().as_u16(), status);
        for (name, _) in &headers {
            let name = format!("x-{name}");
            let got: Vec<_> = read.head.headers().get_all(&name).iter().map(|value| value.to_str().unwrap()).collect();
            let sent: Vec<_> = headers.iter().filter(|(other, _)| name[2..] == *other).map(|(_, value)| value.as_str()).collect();
            prop_assert_eq!(got, sent);
        }
        prop_assert_eq!(read.body, body);
        prop_assert_eq!(read.can_go_on, !matches!(told, Told::UntilClose));
    }

    #[test]
    fn whatever_comes_is_read_the_same_in_one_piece_and_in_many(
        begin in "(HTTP/1\\.[01] [1-5][0-9][0-9] x\r\n)?",
        headers in vec("(content-length: [0-9]{1,2}|transfer-encoding: chunked|connection: close|x: y)\r\n", 0..3),
        rest in "[\r\n]{0,3}[0-9a-f\r\n; ]{0,40}",
    ) {
        let bytes = [begin, headers.concat(), rest].concat().into_bytes();
        let (once, many) = (read(Asked::Plain, [bytes.as_slice()]), read(Asked::Plain, bytes.chunks(1)));
        match (once, many) {
            (Ok(once), Ok(many)) => {
                prop_assert_eq!(once.head.headers(), many.head.headers());
                prop_assert_eq!((once.body, once.can_go_on), (many.body, many.can_go_on));
            }
            (Err(_), Err(_)) => {}
            (once, many) => prop_assert!(false, "{:?} {:?}", once, many),
        }
    }
}
