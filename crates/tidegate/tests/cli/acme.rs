//! Certificates from Pebble, the test server of Let's Encrypt.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use tidegate_testkit::servers::{Pebble, PebbleSetup};
use tokio::runtime::Runtime;

use crate::gateway::{Gateway, get, tidegate};
use crate::secure::{self, careless, pair, shake};

const GOOD: (i64, i64) = (-1, 90);

/// Addresses that nobody has now.
fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    let open = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    open.map(|listener| listener.local_addr().unwrap())
}

/// A server whose certificates last so long, and the runtime that it needs.
fn pebble(folder: &Path, [clear, secure]: [SocketAddr; 2], validity: Option<u64>) -> (Pebble, Runtime) {
    let runtime = Runtime::new().unwrap();
    let own = pair("127.0.0.1", GOOD);
    std::fs::write(folder.join("pebble.pem"), &own.cert).unwrap();
    let (http_port, tls_port) = (clear.port(), secure.port());
    let setup = PebbleSetup { chain: own.cert, key: own.key, http_port, tls_port, validity };
    (runtime.block_on(Pebble::start(&setup)).unwrap(), runtime)
}

fn config([clear, secure]: [SocketAddr; 2], pebble: &Pebble, domains: &str, more: &str) -> String {
    format!(
        "data: data\nadmin: {{ address: 127.0.0.1:0 }}\nlisten:\n  - {{ address: {clear}, redirect_to_https: true }}\n  - address: {secure}\n    \
         tls: {{ acme: {{ domains: [{domains}], emails: [admin@example.com], directory: \"{}\", ca: pebble.pem{more} }} }}\n",
        pebble.directory()
    )
}

/// The certificate that is shown for that host.
fn shown(address: SocketAddr, host: &str) -> Vec<u8> {
    let stream = shake(address, &careless(), host).unwrap();
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

fn is_pebbles(certificate: &[u8]) -> bool {
    certificate.windows(6).any(|word| word == b"Pebble")
}

#[test]
fn certificates_are_ordered_kept_and_renewed_by_either_challenge() {
    let folder = tempfile::tempdir().unwrap();
    let doors = free_addresses();
    let (pebble, _runtime) = pebble(folder.path(), doors, Some(15));
    for (domains, more) in
        [("a.example.com, b.example.com", ""), ("c.example.com", ", challenges: [http-01]")]
    {
        std::fs::write(folder.path().join("tidegate.yaml"), config(doors, &pebble, domains, more)).unwrap();
        let mut gateway = Gateway::start_with(tidegate(folder.path(), &["run"]));
        // From the first moment on something is shown.
        let hosts: Vec<&str> = domains.split(", ").collect();
        shown(doors[1], hosts[0]);
        hosts.iter().for_each(|_| drop(gateway.wait_for_stderr("a certificate of the ACME server is shown")));
        let first: Vec<_> = hosts.iter().map(|host| shown(doors[1], host)).collect();
        assert!(first.iter().all(|shown| is_pebbles(shown)), "{domains}");
        let answer = secure::get(doors[1], &careless(), hosts[0], "/health").unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        // After two thirds of the 15 seconds comes another.
        hosts.iter().for_each(|_| drop(gateway.wait_for_stderr("a certificate of the ACME server is shown")));
        for (host, first) in hosts.iter().zip(first) {
            let second = shown(doors[1], host);
            assert!(is_pebbles(&second) && second != first, "{host} was not renewed");
        }
        let metrics = get(gateway.admin, "/metrics");
        assert!(metrics.contains("tidegate_acme_total{outcome=\"bad\"} 0\n"), "{metrics}");
        gateway.signal("TERM");
        assert!(gateway.wait().success());
    }
    let kept = std::fs::read_dir(folder.path().join("data/acme")).unwrap();
    let accounts = kept.filter(|file| {
        let name = file.as_ref().unwrap().file_name().into_string().unwrap();
        name.starts_with("account-") && name.ends_with(".json")
    });
    assert_eq!(accounts.count(), 1, "one account for all");
}

#[test]
fn a_kept_certificate_is_shown_again_and_a_server_that_is_gone_is_no_reason_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let doors = free_addresses();
    let (pebble, runtime) = pebble(folder.path(), doors, None);
    std::fs::write(folder.path().join("tidegate.yaml"), config(doors, &pebble, "a.example.com", "")).unwrap();
    let mut gateway = Gateway::start_with(tidegate(folder.path(), &["run"]));
    gateway.wait_for_stderr("a certificate of the ACME server is shown");
    let first = shown(doors[1], "a.example.com");
    gateway.signal("TERM");
    gateway.wait();
    let more = config(doors, &pebble, "a.example.com, b.example.com", "");
    std::fs::write(folder.path().join("tidegate.yaml"), more).unwrap();
    drop((pebble, runtime));
    let mut gateway = Gateway::start_with(tidegate(folder.path(), &["run"]));
    gateway.wait_for_stderr("a certificate of the ACME server is shown");
    gateway.wait_for_stderr("no certificate");
    assert_eq!(shown(doors[1], "a.example.com"), first);
    assert!(!is_pebbles(&shown(doors[1], "b.example.com")));
    assert!(
        secure::get(doors[1], &careless(), "b.example.com", "/health").unwrap().starts_with("HTTP/1.1 200")
    );
    assert!(get(gateway.admin, "/metrics").contains("tidegate_acme_total{outcome=\"bad\"} 1\n"));
}
