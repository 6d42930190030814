//! The real servers come up empty, survive being stopped, and go away.

use std::net::TcpStream;
use std::path::Path;

use tidegate_testkit::servers::{Postgres, Redis};

fn answers(url: &str) -> bool {
    let address = url.rsplit(['@', '/']).find(|part| part.contains(':')).unwrap();
    TcpStream::connect(address).is_ok()
}

fn runs(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test]
async fn postgres_starts_stops_and_starts_again() {
    let mut server = Postgres::start().await.unwrap();
    let url = server.create_database("another").await.unwrap();
    assert!(answers(&url));
    server.stop().await.unwrap();
    assert!(!answers(&url));
    let server = server.start_again().await.unwrap();
    assert!(answers(&url));
    assert!(server.create_database("another").await.is_err(), "its data was lost");
    let pid = server.pid().unwrap();
    drop(server);
    assert!(!answers(&url) && !runs(pid));
}

#[tokio::test]
async fn two_tests_share_a_postgres_and_not_its_databases() {
    let (one, other) = tokio::join!(Postgres::fresh_database(), Postgres::fresh_database());
    assert_ne!(one.unwrap(), other.unwrap());
}

#[tokio::test]
async fn redis_starts_stops_and_starts_again() {
    let mut server = Redis::start().await.unwrap();
    let url = server.url();
    assert!(answers(&url));
    server.stop().await.unwrap();
    assert!(!answers(&url));
    let server = server.start_again().await.unwrap();
    assert!(answers(&url));
    server.pause().unwrap();
    drop(server);
    assert!(!answers(&url));
}
