//! Any way of cutting any requests gives the same requests; and no bytes whatever make the reader panic, or hand on a request
//! whose body could end in two places.

use proptest::collection::vec;
use proptest::prelude::*;

use super::read;

#[derive(Clone, Debug)]
struct Asked {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Sizes of chunks; none: with a length.
    chunks: Vec<usize>,
}

fn asked() -> impl Strategy<Value = Asked> {
    let headers = vec(("[a-z][a-z0-9-]{0,10}", "[!-~]([ -~]{0,20}[!-~])?"), 0..6);
    (headers, vec(any::<u8>(), 0..300), vec(1..40_usize, 0..6)).prop_map(|(headers, body, chunks)| Asked {
        headers,
        body,
        chunks,
    })
}

fn write(out: &mut Vec<u8>, asked: &Asked) {
    out.extend(b"POST /x HTTP/1.1\r\nhost: h\r\n");
    for (name, value) in &asked.headers {
        out.extend(format!("x-{name}: {value}\r\n").into_bytes());
    }
    if asked.chunks.is_empty() {
        out.extend(format!("content-length: {}\r\n\r\n", asked.body.len()).into_bytes());
        out.extend(&asked.body);
        return;
    }
    out.extend(b"transfer-encoding: chunked\r\n\r\n");
    let (mut body, mut sizes) = (asked.body.as_slice(), asked.chunks.iter().cycle());
    while let (false, Some(size)) = (body.is_empty(), sizes.next()) {
        let (chunk, rest) = body.split_at(body.len().min(*size));
        out.extend(format!("{:X};x=\"y\"\r\n", chunk.len()).into_bytes());
        out.extend(chunk);
        out.extend(b"\r\n");
        body = rest;
    }
    out.extend(b"0\r\nx-t: 1\r\n\r\n");
}

proptest! {
    #[test]
    fn any_cut_of_any_requests_gives_the_same_requests(
        asked in vec(asked(), 1..4),
        cuts in vec(1..80_usize, 1..20),
    ) {
        let mut bytes = Vec::new();
        asked.iter().for_each(|asked| write(&mut bytes, asked));
        let (mut pieces, mut left, mut cuts) = (Vec::new(), bytes.as_slice(), cuts.iter().cycle());
        while !left.is_empty() {
            let (piece, rest) = left.split_at(left.len().min(*cuts.next().unwrap()));
            pieces.push(piece);
            left = rest;
        }
        let (requests, refusal) = read(pieces);
        prop_assert_eq!(refusal, None);
        let bodies: Vec<_> = requests.iter().map(|read| &read.body).collect();
        prop_assert_eq!(bodies, asked.iter().map(|asked| &asked.body).collect::<Vec<_>>());
        for (read, asked) in requests.iter().zip(&asked) {
            for (name, value) in &asked.headers {
                let is_told = read.headers.get_all(format!("x-{name}")).iter().any(|told| told == value);
                prop_assert!(is_told, "{}", name);
            }
        }
    }

    #[test]
    fn whatever_comes_is_read_the_same_in_one_piece_and_in_many(
        begin in "(GET|POST) (/|\\*|http://h/) HTTP/1\\.[012]\r\n",
        headers in vec("(host: h|content-length: [0-9]{1,2}|transfer-encoding: (x, )?chunked|connection: close|x: y| z)\r?\n", 0..5),
        rest in "[\r\n]{0,3}[0-9a-f\r\n; ]{0,40}",
    ) {
        let bytes = [begin, headers.concat(), rest].concat().into_bytes();
        let (once, many) = (read([bytes.as_slice()]), read(bytes.chunks(1)));
        prop_assert_eq!(once, many);
    }

    #[test]
    fn a_request_that_is_handed_on_has_one_meaning(
        bytes in "GET / HTTP/1\\.[01]\r\nhost: h\r\n((content-length|Transfer-Encoding|transfer-encoding ?): ?(chunked|5|0|identity|5,5)\r?\n){0,3}\r\n[ -~\r\n]{0,30}",
    ) {
        for request in read([bytes.as_bytes()]).0 {
            let count = |name| request.headers.get_all(name).iter().count();
            prop_assert!(count("content-length") + count("transfer-encoding") <= 1);
            prop_assert!(count("host") <= 1);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = read([bytes.as_slice()]);
        let _ = read(bytes.chunks(3));
    }
}
