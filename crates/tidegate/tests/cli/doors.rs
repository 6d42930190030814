//! Doors with TLS, on Unix sockets, behind balancers; changed while they are open.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use crate::gateway::{Gateway, PATIENCE, folder_with, get, tidegate};
use crate::secure::{self, Pair, ask_on, pair, shake, trusting};

const ADMIN: &str = "admin: { address: 127.0.0.1:0 }\n";
const GOOD: (i64, i64) = (-1, 90);

/// A config whose only door shows `a.pem`; `more` are further settings of the door.
fn secure_config(more: &str) -> String {
    let files = "certificates: [{ cert: a.pem, key: a.key }]";
    format!(
        "{ADMIN}listen: [{{ address: 127.0.0.1:0, tls: {{ {files}{more} }} }}]\nroutes: [{{ path: /scheme, respond: {{ body: ok }}, headers: {{ response: {{ set: {{ x-scheme: $scheme }} }} }} }}]\n"
    )
}

fn start(config: &str, pairs: &[(&str, &Pair)]) -> (tempfile::TempDir, Gateway) {
    let folder = folder_with(config);
    pairs.iter().for_each(|(name, pair)| pair.write(folder.path(), name));
    let gateway = Gateway::start_with(tidegate(folder.path(), &["run"]));
    (folder, gateway)
}

fn checked(config: &str, pairs: &[(&str, &Pair)]) -> (Option<i32>, String) {
    let folder = folder_with(config);
    pairs.iter().for_each(|(name, pair)| pair.write(folder.path(), name));
    let output = tidegate(folder.path(), &["check"]).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap(),
    )
}

#[test]
fn a_door_with_a_certificate_speaks_https_and_routes_know_it() {
    let a = pair("a.example", GOOD);
    let (_folder, mut gateway) = start(&secure_config(""), &[("a", &a)]);
    let client = trusting(&[&a]);
    let answer = secure::get(gateway.address, &client, "a.example", "/scheme").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("x-scheme: https"), "{answer}");
    gateway.wait_for_stdout("curl https://127.0.0.1:");
    let metrics = get(gateway.admin, "/metrics");
    assert!(
        metrics.contains("tidegate_certificate_expiry_timestamp_seconds{names=\"a.example\"}"),
        "{metrics}"
    );
}

#[test]
fn http2_is_offered_unless_it_is_not_wanted() {
    let a = pair("a.example", GOOD);
    for (more, agreed) in [("", "h2"), (", http2: false", "http/1.1")] {
        let (_folder, gateway) = start(&secure_config(more), &[("a", &a)]);
        let mut client = rustls::ClientConfig::clone(&trusting(&[&a]));
        client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = shake(gateway.address, &Arc::new(client), "a.example").unwrap();
        assert_eq!(stream.conn.alpn_protocol(), Some(agreed.as_bytes()));
    }
}

#[test]
fn the_word_self_signed_is_enough_to_try_it_out_on_both_doors() {
    let config = "listen: [{ address: 127.0.0.1:0, tls: self-signed }]\nadmin: { address: 127.0.0.1:0, tls: self-signed }\n";
    let (_folder, gateway) = start(config, &[]);
    for (address, path) in [(gateway.address, "/health"), (gateway.admin, "/readyz")] {
        let answer = secure::get(address, &secure::careless(), "localhost", path).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[test]
fn fault_24_what_is_no_good_handshake_harms_nobody() {
    let a = pair("a.example", GOOD);
    let (_folder, gateway) = start(&secure_config(""), &[("a", &a)]);
    let clear = get(gateway.address, "/health");
    assert!(clear.starts_with("HTTP/1.1 400") && clear.contains("https://"), "{clear}");
    // A ClientHello of TLS 1.1, garbage, and halves that stay open.
    let mut halves = Vec::new();
    for said in [&b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x02abcdefghijklmnopqrstuvwxyz012345\x00\x00\x02\xc0\x14\x01\x00"[..], b"\x80garbage", b"\x16\x03\x01\xff\xff\xff"] {
        let mut stream = TcpStream::connect(gateway.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(said).unwrap();
        let mut read = Vec::new();
        // Closed with bytes unread, a connection is reset.
        let _ = stream.read_to_end(&mut read);
        assert!(read.is_empty() || read[0] == 21, "no alert: {read:?}");
        let mut half = TcpStream::connect(gateway.address).unwrap();
        half.write_all(&said[..4]).unwrap();
        halves.push(half);
    }
    // Who names no known host is shown the first certificate, and refuses it.
    let client = trusting(&[&a]);
    let error = secure::get(gateway.address, &client, "b.example", "/health").unwrap_err().to_string();
    assert!(error.contains("not valid for name"), "{error}");
    let (_folder, picky) = start(&secure_config(", known_hosts_only: true"), &[("a", &a)]);
    let error = secure::get(picky.address, &client, "b.example", "/health").unwrap_err().to_string();
    assert!(error.contains("alert"), "{error}");
    for address in [gateway.address, picky.address] {
        let answer = secure::get(address, &client, "a.example", "/health").unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[test]
fn client_certificates_are_asked_for() {
    let (a, other) = (pair("a.example", GOOD), pair("c.example", GOOD));
    let more = ", client_certificates: { authorities: ca.pem }";
    let (_folder, gateway) = start(&secure_config(more), &[("a", &a), ("ca", &other)]);
    let refused = secure::get(gateway.address, &trusting(&[&a]), "a.example", "/health");
    assert!(refused.is_err(), "{refused:?}");
}

#[test]
fn fault_25_certificates_change_under_handshakes_and_none_fails() {
    let pairs: Vec<Pair> = (0..2).map(|_| pair("a.example", GOOD)).collect();
    let (folder, mut gateway) = start(&secure_config(""), &[("a", &pairs[0])]);
    let client = trusting(&[&pairs[0], &pairs[1]]);
    let address = gateway.address;
    let mut old = shake(address, &client, "a.example").unwrap();
    let (over, shaken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (client, over, shaken) = (client.clone(), over.clone(), shaken.clone());
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    shake(address, &client, "a.example").expect("a handshake failed");
                    shaken.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for change in 1..=10 {
        pairs[change % 2].write(folder.path(), "a");
        gateway.wait_for_stderr("the config was taken over");
        let now = shake(address, &client, "a.example").unwrap();
        let shown = now.conn.peer_certificates().unwrap()[0].clone();
        assert_eq!(shown, pairs[change % 2].der, "after change {change}");
    }
    over.store(true, Ordering::Relaxed);
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    assert!(shaken.load(Ordering::Relaxed) > 20, "{shaken:?} handshakes");
    let answer = ask_on(&mut old, "a.example", "/health").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "the connection of before all changes: {answer}");
}

#[test]
fn fault_25_a_bad_file_keeps_the_certificate_and_is_counted() {
    let (a, other) = (pair("a.example", GOOD), pair("a.example", GOOD));
    let (folder, mut gateway) = start(&secure_config(""), &[("a", &a)]);
    let client = trusting(&[&a]);
    std::fs::write(folder.path().join("a.key"), &other.key).unwrap();
    gateway.wait_for_stderr("does not belong to");
    gateway.wait_for_stderr("the config was not taken over");
    assert!(secure::get(gateway.address, &client, "a.example", "/health").is_ok());
    let metrics = get(gateway.admin, "/metrics");
    assert!(metrics.contains("tidegate_config_reloads_total{outcome=\"bad\"} 1\n"), "{metrics}");
    // One that is over does not take the place of a good one.
    pair("a.example", (-2, -1)).write(folder.path(), "a");
    gateway.wait_for_stderr("the one before is shown on");
    assert!(secure::get(gateway.address, &client, "a.example", "/health").is_ok());
}

#[test]
fn a_door_in_the_clear_sends_everybody_to_https() {
    let door = "{ address: 127.0.0.1:0, redirect_to_https: 443 }";
    let config = format!("{ADMIN}listen: [{door}, {{ address: 127.0.0.1:0, tls: self-signed }}]\n");
    let (_folder, gateway) = start(&config, &[]);
    let mut stream = TcpStream::connect(gateway.address).unwrap();
    stream.write_all(b"POST /v1/x?y=1 HTTP/1.1\r\nhost: a.example:80\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 308") && answer.contains("location: https://a.example/v1/x?y=1\r\n"),
        "{answer}"
    );
}

#[test]
fn a_unix_socket_answers_and_is_gone_with_the_gateway() {
    let config = format!("{ADMIN}listen: [{{ address: 127.0.0.1:0 }}, {{ address: \"unix:t.sock\" }}]\n");
    let (folder, mut gateway) = start(&config, &[]);
    let socket = folder.path().join("t.sock");
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    gateway.signal("TERM");
    assert!(gateway.wait().success());
    assert!(!socket.exists());
}

#[test]
fn a_balancers_header_tells_who_asks() {
    let config = format!(
        "{ADMIN}listen: [{{ address: 127.0.0.1:0, proxy_protocol: {{ from: [127.0.0.0/8] }} }}]\n\
         routes: [{{ path: /who, respond: {{ body: ok }}, headers: {{ response: {{ set: {{ x-who: $remote_addr }} }} }} }}]\n"
    );
    let (_folder, gateway) = start(&config, &[]);
    let mut stream = TcpStream::connect(gateway.address).unwrap();
    stream.write_all(b"PROXY TCP4 192.0.2.7 127.0.0.1 5 80\r\nGET /who HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("x-who: 192.0.2.7"), "{answer}");
}

#[test]
fn more_connections_than_are_allowed_are_closed() {
    let config = format!("{ADMIN}listen: [{{ address: 127.0.0.1:0, max_connections: 2 }}]\n");
    let (_folder, gateway) = start(&config, &[]);
    let held: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = TcpStream::connect(gateway.address).unwrap();
            stream.write_all(b"GET /health HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
            stream.read_exact(&mut [0; 12]).unwrap();
            stream
        })
        .collect();
    let mut third = TcpStream::connect(gateway.address).unwrap();
    third.set_read_timeout(Some(PATIENCE)).unwrap();
    let read = third.read(&mut [0; 1]);
    assert!(
        matches!(read, Ok(0)) || read.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
    );
    drop(held);
}

/// A port that nobody has now.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn doors_open_close_and_change_while_running() {
    let (first, second) = (free_address(), free_address());
    let config = |doors: &str| format!("{ADMIN}listen: [{doors}]\n");
    let one = format!("{{ address: {first} }}");
    let folder = folder_with(&config(&one));
    let mut gateway = Gateway::start_with(tidegate(folder.path(), &["run"]));
    let rewrite = |doors: &str| std::fs::write(folder.path().join("tidegate.yaml"), config(doors)).unwrap();
    rewrite(&format!("{one}, {{ address: {second} }}"));
    gateway.wait_for_stderr("the config was taken over");
    assert!(
        get(first, "/health").starts_with("HTTP/1.1 200")
            && get(second, "/health").starts_with("HTTP/1.1 200")
    );
    // A connection of before keeps its terms.
    let mut before = TcpStream::connect(second).unwrap();
    before.set_read_timeout(Some(PATIENCE)).unwrap();
    rewrite(&format!("{{ address: {second}, tls: self-signed }}"));
    gateway.wait_for_stderr("the config was taken over");
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect(first).is_ok() {
        assert!(Instant::now() < end, "the door is open still");
        std::thread::yield_now();
    }
    let answer = secure::get(second, &secure::careless(), "localhost", "/health").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    before.write_all(b"GET /health HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    before.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // An address that somebody has is no reason to end.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    rewrite(&format!("{{ address: {} }}", taken.local_addr().unwrap()));
    gateway.wait_for_stderr("the config was not taken over");
    assert!(secure::get(second, &secure::careless(), "localhost", "/health").is_ok());
    // Nor is one that overlaps with a door of our own.
    let overlapping = format!("{{ address: \"*:{}\" }}]\nrequire_key: true\n#", second.port());
    rewrite(&overlapping);
    gateway.wait_for_stderr("this change needs a restart");
    assert!(secure::get(second, &secure::careless(), "localhost", "/health").is_ok());
}

#[test]
fn mistakes_of_doors_are_shown_with_their_places() {
    let (a, other, old) = (pair("a.example", GOOD), pair("b.example", GOOD), pair("a.example", (-9, -3)));
    let tls = |inner: &str| format!("listen:\n  - address: 127.0.0.1:0\n    tls: {inner}\n");
    let files = "{ certificates: [{ cert: a.pem, key: a.key }] }";
    let mismatch = Pair { key: other.key, cert: a.cert, der: a.der };
    for (config, pair, code, words) in [
        (tls("{}"), None, 2, "this door has no certificate to show"),
        (tls("selfsigned"), None, 2, "did you mean `self-signed`?"),
        (tls(files), None, 2, "cannot read ./a.pem"),
        (tls(files), Some(&mismatch), 2, "does not belong to the first certificate"),
        (tls(files), Some(&old), 0, "warning: the certificate in a.pem expired 3 days ago"),
        (tls("{ self_signed: true, oldest: 1.2 }"), None, 2, "put quotes around it"),
        (tls("{ acme: { domains: [\"*.a.example\"] } }"), None, 2, "need a DNS challenge"),
        (tls("{ acme: { domains: [localhost] } }"), None, 2, "is no host name"),
        (tls("{ acme: { domains: [a.example], challenges: [http-01] } }"), None, 2, "there is none"),
        (
            "listen: [{ address: 127.0.0.1:0, redirect_to_https: true }]\n".to_owned(),
            None,
            2,
            "no door with `tls`",
        ),
        (
            "listen: [{ address: \"unix:a\" }, { address: \"unix:a\" }]\n".to_owned(),
            None,
            2,
            "two doors cannot share",
        ),
        (
            "listen: [{ address: 0.0.0.0:0, tls: self-signed }]\nrequire_key: false\n".to_owned(),
            None,
            2,
            "asks callers for no key",
        ),
        ("admin: { address: 0.0.0.0:0 }\n".to_owned(), None, 2, "speaks without TLS"),
        ("admin: { address: 0.0.0.0:0, tls: self-signed }\n".to_owned(), None, 0, ""),
        (
            "listen: [{ address: 127.0.0.1:0, proxy_protocol: { from: [10.0.0.0/33] } }]\n".to_owned(),
            None,
            2,
            "must be a number up to 32",
        ),
    ] {
        let pairs: Vec<_> = pair.iter().map(|pair| ("a", *pair)).collect();
        let (ended, said) = checked(&config, &pairs);
        assert!(ended == Some(code) && said.contains(words), "{config}{ended:?} {said}");
    }
}
