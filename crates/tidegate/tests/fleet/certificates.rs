//! Two instances with one Postgres: one account, one certificate for each host, and each answers what the other is asked.

use std::net::{SocketAddr, TcpListener};

use tidegate_testkit::servers::{Pebble, PebbleSetup, Postgres};

use crate::instance::Instance;
use crate::secure::{careless, pair, shake};

/// Addresses that nobody has now.
fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    let open = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    open.map(|listener| listener.local_addr().unwrap())
}

/// The certificate that is shown for that host, once it is the server's.
async fn issued(address: SocketAddr, host: &'static str) -> Vec<u8> {
    let end = tokio::time::Instant::now() + crate::instance::PATIENCE;
    loop {
        let shown = tokio::task::spawn_blocking(move || {
            let stream = shake(address, &careless(), host).unwrap();
            stream.conn.peer_certificates().unwrap()[0].to_vec()
        });
        let shown = shown.await.unwrap();
        if shown.windows(6).any(|word| word == b"Pebble") {
            return shown;
        }
        assert!(tokio::time::Instant::now() < end, "no certificate of the server for {host}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_share_account_and_certificates_and_answer_for_each_other() {
    let postgres = Postgres::start().await.unwrap();
    let [clear, secure, other_clear, other_secure] = free_addresses();
    let own = pair("127.0.0.1", (-1, 90));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("pebble.pem"), &own.cert).unwrap();
    // The server asks the first instance alone, whoever has ordered.
    let (http_port, tls_port) = (clear.port(), 9);
    let setup = PebbleSetup { chain: own.cert, key: own.key, http_port, tls_port, validity: None };
    let pebble = Pebble::start(&setup).await.unwrap();
    let config = |clear: SocketAddr, secure: SocketAddr, domains: &str| {
        let (data, directory) = (folder.path().display(), pebble.directory());
        format!(
            "data: {data}\ndatabase: \"{}\"\nadmin: {{ address: 127.0.0.1:0 }}\nlisten:\n  - {{ address: {clear} }}\n  - address: {secure}\n    \
             tls: {{ acme: {{ domains: [{domains}], directory: \"{directory}\", ca: {data}/pebble.pem, challenges: [http-01] }} }}\n",
            postgres.url()
        )
    };
    let one = Instance::start(&config(clear, secure, "a.example.com"));
    let other = Instance::start(&config(other_clear, other_secure, "a.example.com, b.example.com"));
    let first = issued(secure, "a.example.com").await;
    assert_eq!(issued(other_secure, "a.example.com").await, first, "two certificates for one host");
    issued(other_secure, "b.example.com").await;
    drop((one, other));
    assert!(!folder.path().join("acme").exists(), "keys lie in the data directory");
}
