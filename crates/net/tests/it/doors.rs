//! Doors: PROXY headers, Unix sockets, shards, seats, drains.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tidegate_net::{Door, Drain, Pace, Seats, ServeLimits, Trust, listen, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::calls::ask_http2;
use crate::house::{House, Teller, ask_on, certificate, read_all, settings, trusting};

const PATIENCE: Duration = Duration::from_secs(20);

/// Says a PROXY header in small pieces, and asks.
async fn told_after(house: &House, header: &[u8]) -> std::io::Result<String> {
    let mut stream = house.connect().await;
    stream.set_nodelay(true)?;
    for piece in header.chunks(9) {
        stream.write_all(piece).await?;
        tokio::task::yield_now().await;
    }
    ask_on(&mut stream).await
}

#[tokio::test]
async fn a_proxy_header_tells_who_asks_if_it_is_from_somebody_trusted() {
    let trusted = House::open(|listener| Door::new(listener).proxy_protocol(Trust::new(|_| true, false)));
    const FIRST: &[u8] = b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n";
    const SECOND: &[u8] =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\xc0\0\x02\x07\xc6\x33\x64\x01\x12\x67\x01\xbb\x04\0\0";
    let told = told_after(&trusted, FIRST).await.unwrap();
    assert!(told.contains("from 192.0.2.1:4711 via Some(127.0.0.1:"), "{told}");
    let told = told_after(&trusted, SECOND).await.unwrap();
    assert!(told.contains("from 192.0.2.7:4711 via Some(127.0.0.1:"), "{told}");
    let told = told_after(&trusted, b"PROXY UNKNOWN\r\n").await.unwrap();
    assert!(told.contains("from 127.0.0.1:") && told.contains("via None"), "{told}");
    let without = told_after(&trusted, b"").await;
    assert!(without.is_err() || without.is_ok_and(|told| told.is_empty()), "a header is a must");
    let strange = House::open(|listener| Door::new(listener).proxy_protocol(Trust::new(|_| false, false)));
    assert!(told_after(&strange, b"").await.unwrap().contains("from 127.0.0.1:"));
    let told = told_after(&strange, FIRST).await.unwrap_or_default();
    assert!(!told.contains("192.0.2.1") && !told.contains(" 200 "), "{told}");
}

#[tokio::test]
async fn a_proxy_header_may_stand_before_a_handshake() {
    let all = vec![certificate(&["h.example"])];
    let client = Arc::new(trusting(&all));
    let tls = Arc::new(tidegate_net::TlsServer::new(&settings(all)).unwrap());
    let house =
        House::open(|listener| Door::new(listener).tls(tls).proxy_protocol(Trust::new(|_| true, false)));
    let mut stream = house.connect().await;
    stream.write_all(b"PROXY TCP6 2001:db8::1 ::1 4711 443\r\n").await.unwrap();
    let name = "h.example".try_into().unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(client).connect(name, stream).await.unwrap();
    let told = ask_on(&mut stream).await.unwrap();
    assert!(told.contains("TLSv1.3") && told.contains("from [2001:db8::1]:4711"), "{told}");
}

#[tokio::test]
async fn unix_sockets_are_served_in_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("door");
    // Left behind by somebody who is gone.
    drop(listen::bind_unix(&path, 0o600).await.unwrap());
    let listener = listen::bind_unix(&path, 0o600).await.unwrap();
    let error = listen::bind_unix(&path, 0o600).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    tokio::spawn(Door::new(listener).serve(Arc::new(Teller), Drain::default()));
    let told = ask_on(&mut UnixStream::connect(&path).await.unwrap()).await.unwrap();
    assert!(told.contains("HTTP/1.1 clear from 127.0.0.1:0"), "{told}");
    let told = ask_http2(UnixStream::connect(&path).await.unwrap(), "/").await.unwrap();
    assert!(told.body().starts_with("HTTP/2.0 clear"), "{told:?}");
}

#[tokio::test]
async fn unix_sockets_take_proxy_headers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("door");
    let listener = listen::bind_unix(&path, 0o600).await.unwrap();
    let door = Door::new(listener).proxy_protocol(Trust::new(|_| false, true));
    tokio::spawn(door.serve(Arc::new(Teller), Drain::default()));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n").await.unwrap();
    let told = ask_on(&mut stream).await.unwrap();
    assert!(told.contains("from 192.0.2.1:4711"), "{told}");
}

#[tokio::test]
async fn several_listeners_share_an_address() {
    let mut shards = listen::bind_shards(SocketAddr::from(([127, 0, 0, 1], 0)), 3).unwrap();
    let address = shards[2].local_addr().unwrap();
    let first = shards.remove(0);
    assert_eq!(first.local_addr().unwrap(), address);
    let door = shards.into_iter().fold(Door::new(first), Door::and);
    let drain = Drain::default();
    let served = tokio::spawn(door.serve(Arc::new(Teller), drain.clone()));
    for _ in 0..20 {
        let told = ask_on(&mut TcpStream::connect(address).await.unwrap()).await.unwrap();
        assert!(told.contains(" 200 "), "{told}");
    }
    drain.start();
    tokio::time::timeout(PATIENCE, served).await.expect("it still waits").unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_connection_beyond_the_seats_is_closed_and_a_free_seat_is_taken_again() {
    let seats = Arc::new(Seats::new(10, 2));
    let house = House::open(|listener| Door::new(listener).seats(seats.clone()));
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = house.connect().await;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
        stream.read_exact(&mut [0; 12]).await.unwrap();
        held.push(stream);
    }
    let told = ask_on(&mut house.connect().await).await.unwrap_or_default();
    assert_eq!(told, "", "a third connection of one address");
    held.pop();
    let answered = async {
        loop {
            let told = ask_on(&mut house.connect().await).await.unwrap_or_default();
            if told.contains(" 200 ") {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.expect("the seat is not free");
    assert!(seats.refused() >= 1);
}

#[tokio::test]
async fn fault_22_a_peer_that_does_not_read_is_let_go_and_one_that_reads_slowly_enough_is_not() {
    let pace = Pace { window: Duration::from_millis(300), least: 1024 };
    let limits = ServeLimits { reading: pace, ..ServeLimits::default() };
    let seats = Arc::new(Seats::new(10, 10));
    let house = House::open(|listener| Door::new(listener).limits(limits).seats(seats.clone()));
    let ask = |count: usize| format!("GET /bytes/{count} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
    const MUCH: usize = 32 << 20;
    let mut stuck = house.connect().await;
    stuck.write_all(ask(MUCH).as_bytes()).await.unwrap();
    let mut slow = house.connect().await;
    slow.write_all(ask(MUCH).as_bytes()).await.unwrap();
    let mut read = 0;
    let (mut piece, mut pause) = (vec![0; 1 << 20], tokio::time::interval(Duration::from_millis(50)));
    loop {
        pause.tick().await;
        match slow.read(&mut piece).await.unwrap() {
            0 => break,
            count => read += count,
        }
    }
    assert!(read > MUCH, "the reader was cut");
    let left = async {
        while seats.taken() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, left).await.expect("who does not read is still connected");
    drop(stuck);
}

#[tokio::test]
async fn a_peer_that_does_not_read_held_megabytes_in_the_kernel() {
    let house = House::open(Door::new);
    let mut stream = house.connect().await;
    stream.write_all(b"GET /bytes/33554432 HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    stream.readable().await.unwrap();
    // What is sent is in our own window; what is not, is bounded.
    let mine = socket2::SockRef::from(&stream).recv_buffer_size().unwrap();
    let inode = || -> u64 {
        let local = stream.peer_addr().unwrap().port();
        let remote = stream.local_addr().unwrap().port();
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let line =
            table.lines().find(|line| line.contains(&format!("0100007F:{local:04X} 0100007F:{remote:04X}")));
        let queue = line.unwrap().split_ascii_whitespace().nth(4).unwrap().split(':').next().unwrap();
        u64::from_str_radix(queue, 16).unwrap()
    };
    let mut last = 0;
    // Until it grows no more.
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = inode();
        if now == last && now > 0 {
            break;
        }
        last = now;
    }
    assert!(last < mine as u64 + (1 << 20), "{last} bytes wait for a peer that does not read");
}

#[tokio::test]
async fn a_request_that_comes_just_after_a_drain_began_is_answered() {
    let house = House::open(Door::new);
    // Once this one is answered, the ones before it have been accepted.
    let mut early = Vec::new();
    for _ in 0..10 {
        early.push(house.connect().await);
    }
    ask_on(&mut house.connect().await).await.unwrap();
    house.drain.start();
    for mut stream in early {
        let told = ask_on(&mut stream).await.unwrap();
        assert!(told.contains(" 200 "), "{told}");
    }
    tokio::time::timeout(PATIENCE, house.served).await.expect("it still waits").unwrap();
}

#[tokio::test]
async fn the_short_form_serves_a_door_in_the_clear() {
    let listener = listen::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, Arc::new(Teller), ServeLimits::default(), Drain::default()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    assert!(read_all(&mut stream).await.unwrap().contains("clear from 127.0.0.1:"));
}
